package fault

import (
	"os"
	"slices"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestPrivateFile: only the writer sees its stores to a private mapping.
func TestPrivateFile(t *testing.T) {
	f := newFixture(t)
	file := f.open(3*page + 100)
	f.mapFile(file, 0, 4, rw, linux.MAP_PRIVATE, 0)
	f.mapFile(file, 10, 14, rw, linux.MAP_SHARED, 0)
	f.holds(f.mm, 0, word(0)) // read, then written
	f.store(f.mm, 0, 1)
	f.store(f.mm, 1, 2) // written at once
	if v, res := Load(f.t, f.mm, at(1)+8); v != word(1) || res != linux.OK {
		t.Errorf("the rest of the page is %#x, %s", v, res)
	}
	f.holds(f.mm, 10, word(0))
	f.holds(f.mm, 11, word(1))
	f.store(f.mm, 12, 3) // shows in a private page that is not copied yet
	f.holds(f.mm, 2, 3)
	f.store(f.mm, 2, 4)
	f.holds(f.mm, 12, 3)
	child := f.fork()
	f.store(child, 0, 5)
	f.store(child, 11, 6)
	f.holds(f.mm, 0, 1)
	f.holds(f.mm, 11, 6)
	f.valid(f.mm)
	f.valid(child)
	child.Put(f.t)
	if v, res := Load(f.t, f.mm, at(3)+96); v != 0x04040404 || res != linux.OK {
		t.Errorf("the file's last bytes are %#x, %s", v, res)
	}
}

// TestSharedFileIsWrittenBack: what is written to a shared mapping is in the real file in the end, and not a byte more.
func TestSharedFileIsWrittenBack(t *testing.T) {
	f := newFixture(t)
	const size = 2*page + 100
	file := f.open(size)
	f.mapFile(file, 0, 3, rw, linux.MAP_SHARED, 0)
	f.mapFile(file, 10, 12, rw, linux.MAP_PRIVATE, 0)
	f.holds(f.mm, 0, word(0))
	f.store(f.mm, 0, 0x1111)
	f.store(f.mm, 2, 0x2222)
	f.want(Store(f.t, f.mm, at(2)+96, ^uint64(0)), linux.OK, "store over the file's end")
	f.want(Store(f.t, f.mm, at(2)+104, ^uint64(0)), linux.OK, "store behind the file's end")
	f.store(f.mm, 11, 0x3333)
	child := f.fork()
	f.store(child, 1, 0x4444)
	child.Put(f.t)
	f.unmapAll()
	again, err := f.m.Mem.OpenFile(f.t, file.Name(), linux.O_RDONLY)
	f.do(err)
	f.do(again.Put(f.t))
	f.do(file.Sync(f.t))
	got, err := os.ReadFile(file.Name())
	f.do(err)
	if len(got) != size {
		t.Fatalf("the file has %d bytes", len(got))
	}
	for n, first := range []byte{0x11, 0x44, 0x22} {
		if b := got[n*page:]; b[0] != first || b[1] != first || b[8] != byte(n+1) {
			t.Errorf("page %d begins with % x", n, b[:9])
		}
	}
	if end := got[size-4:]; !slices.Equal(end, []byte{255, 255, 255, 255}) {
		t.Errorf("the file ends with % x", end)
	}
}

// TestFaultAround: a read maps what is cached of the 64 KiB block around it, clipped to the VMA, from whose start it
// reaches as far as ever (R22, and vmasim diff).
func TestFaultAround(t *testing.T) {
	const block = 16 // pages
	f := newFixture(t)
	file := f.open(3 * block * page)
	// base is 64 KiB aligned. Of the file's pages these are cached:
	cached := []int{2, 3, 15, 16, 17, 31, 32, 40}
	for _, n := range cached {
		pfn, err := file.Page(f.t, uint64(n))
		f.do(err)
		f.m.Mem.Put(f.t, pfn)
	}
	remap := func(from, to, offset int) {
		f.unmapAll()
		f.mapFile(file, from, to, rw, linux.MAP_PRIVATE, offset)
	}
	check := func(what string, want ...int) {
		t.Helper()
		if got := f.mapped(-block, 5*block); !slices.Equal(got, want) {
			t.Errorf("%s: mapped are %v, expected %v", what, got, want)
		}
		f.valid(f.mm)
	}
	remap(0, 3*block, 0)
	f.holds(f.mm, 16, word(16))
	check("read of a cached page", 16, 17, 31)
	f.holds(f.mm, 5, word(5))
	check("read of a page that was not cached", 2, 3, 5, 15, 16, 17, 31)
	remap(0, 3*block, 0)
	f.store(f.mm, 17, 1)
	check("write", 17)
	remap(3, 16, 3)
	f.holds(f.mm, 15, word(15))
	check("clipped to the VMA", 3, 5, 15)
	remap(14, 2*block, 14)
	f.holds(f.mm, 15, word(15))
	check("begun by the VMA, and as long as ever", 15, 16, 17)
	// Aligned by address, not by offset: page n of memory is page n+8 of the file.
	remap(0, 3*block, 8)
	f.holds(f.mm, 7, word(15))
	check("aligned by address", 7, 8, 9)
	remap(0, 3*block, 0)
	f.mprotect(1, 3, linux.PROT_READ) // the VMA ends at 1 and 3
	f.holds(f.mm, 2, word(2))
	check("clipped by a split", 2)
	remap(0, 4*block, 2*block)
	f.want(Touch(f.t, f.mm, at(15), linux.Read), linux.OK, "read of the last page")
	check("the last block", 0, 8, 15)
	f.want(Touch(f.t, f.mm, at(17), linux.Read), linux.Sigbus, "read beyond the end of the file")
	check("beyond the end", 0, 8, 15)
	remap(8, 24, 40) // the file ends at 16
	f.want(Touch(f.t, f.mm, at(18), linux.Read), linux.Sigbus, "read beyond the end of the file")
	check("beyond the end, nothing of the file in its block")
	remap(0, 16, 40)
	f.want(Touch(f.t, f.mm, at(9), linux.Read), linux.Sigbus, "read beyond the end of the file")
	check("beyond the end: what is cached of the block is mapped all the same", 0, 7)
}

// TestSigbusYetFaulted: a private write beyond the end of the file leaves an anon_vma behind (R1), which decides about
// merging later.
func TestSigbusYetFaulted(t *testing.T) {
	f := newFixture(t)
	f.mapFile(f.open(page), 0, 4, rw, linux.MAP_PRIVATE, 0)
	v := f.mm.Tree.Lookup(f.t, at(0))
	f.want(Touch(f.t, f.mm, at(2), linux.Read), linux.Sigbus, "read beyond the end")
	if v.AnonVMA(f.t) != nil {
		t.Error("a read made the VMA faulted")
	}
	f.want(Touch(f.t, f.mm, at(2), linux.Write), linux.Sigbus, "write beyond the end")
	if v.AnonVMA(f.t) == nil {
		t.Error("the VMA is not faulted")
	}
	f.valid(f.mm)
}

// TestFileShrinksWhileMapped: pages that are gone give SIGBUS once they are not mapped any more, and come back as zeroes
// when the file grows.
func TestFileShrinksWhileMapped(t *testing.T) {
	f := newFixture(t)
	file := f.open(4 * page)
	f.mapFile(file, 0, 4, rw, linux.MAP_SHARED, 0)
	f.mapFile(file, 10, 14, rw, linux.MAP_PRIVATE, 0)
	f.store(f.mm, 13, 9) // a copy stays whatever happens to the file
	f.do(os.Truncate(file.Name(), page+100))
	f.holds(f.mm, 0, word(0))
	f.holds(f.mm, 1, word(1))
	for _, n := range []int{2, 3, 12} {
		for _, access := range []linux.Access{linux.Read, linux.Write} {
			f.want(Touch(f.t, f.mm, at(n), access), linux.Sigbus, access.String())
		}
	}
	if v, res := Load(f.t, f.mm, at(1)+104); v != 0 || res != linux.OK {
		t.Errorf("behind the end: %#x, %s", v, res)
	}
	f.holds(f.mm, 13, 9)
	f.do(os.Truncate(file.Name(), 3*page))
	f.holds(f.mm, 2, 0)
	f.want(Touch(f.t, f.mm, at(3), linux.Read), linux.Sigbus, "read of a page that did not come back")
	f.do(os.Truncate(file.Name(), 0))
	f.do(f.mm.Madvise(f.t, at(0), 4*page, linux.MADV_DONTNEED))
	f.want(Touch(f.t, f.mm, at(0), linux.Read), linux.Sigbus, "read of an empty file")
	f.valid(f.mm)
}

// TestSharedMemory: shared anonymous memory is one object for parent and child, zero to begin with.
func TestSharedMemory(t *testing.T) {
	f := newFixture(t)
	f.mmap(at(0), 4*page, rw, sharedAnon|linux.MAP_FIXED)
	f.store(f.mm, 0, 1)
	child := f.fork()
	f.store(child, 1, 2)
	f.holds(f.mm, 1, 2)
	f.store(f.mm, 2, 3)
	f.holds(child, 2, 3)
	f.holds(child, 3, 0)
	f.do(f.mm.Madvise(f.t, at(0), 4*page, linux.MADV_DONTNEED)) // drops the mapping, not the memory
	f.holds(f.mm, 0, 1)
	f.do(f.mm.Munmap(f.t, at(0), 4*page))
	f.holds(child, 0, 1)
	child.Put(f.t)
}

// TestSharedPageIsDirtyAgainAfterMprotect: a page made read-only and writable again is marked dirty by the next write.
func TestSharedPageIsDirtyAgainAfterMprotect(t *testing.T) {
	f := newFixture(t)
	file := f.open(page)
	f.mapFile(file, 0, 1, rw, linux.MAP_SHARED, 0)
	f.store(f.mm, 0, 1)
	f.mprotect(0, 1, linux.PROT_READ)
	f.do(file.Sync(f.t))
	f.mprotect(0, 1, rw)
	if f.pte(f.mm, 0).Write() {
		t.Error("a clean shared page is writable without a fault")
	}
	f.store(f.mm, 0, 2)
	f.unmapAll()
	f.do(file.Sync(f.t))
	got, err := os.ReadFile(file.Name())
	f.do(err)
	if got[0] != 2 {
		t.Errorf("the file begins with %d", got[0])
	}
}

// TestOutOfFramesForFiles: a file's page that finds no frame is ENOMEM, not SIGBUS, and works when there is one again.
func TestOutOfFramesForFiles(t *testing.T) {
	f := newFixture(t)
	file := f.open(4 * page)
	f.mapFile(file, 0, 4, rw, linux.MAP_PRIVATE, 0)
	f.mapAnon(4, 5, rw)
	f.store(f.mm, 4, 1)       // the tables exist
	f.holds(f.mm, 3, word(3)) // this page is cached
	f.mapAnon(512, 17*512, rw)
	for n := 512; Touch(f.t, f.mm, at(n), linux.Write) == linux.OK; n++ {
	}
	f.want(Touch(f.t, f.mm, at(0), linux.Read), linux.OOM, "read of a file")
	f.want(Touch(f.t, f.mm, at(3), linux.Write), linux.OOM, "write to a cached page")
	f.do(f.mm.Munmap(f.t, at(512), 16*512*linux.PageSize))
	f.holds(f.mm, 0, word(0))
	f.store(f.mm, 3, 2)
}

// TestFirstTouch: reading around leaves one fault in sixteen that must read, and only those go to mmap_lock. Shared memory and files
// in memory have nothing to read.
func TestFirstTouch(t *testing.T) {
	const pages = 128
	for _, c := range []struct {
		name       string
		flags      int
		access     linux.Access
		around     uint64
		inMemory   bool
		underMmap  uint64
		whatIsRead string
	}{
		{"private write", linux.MAP_PRIVATE, linux.Write, 32, false, 7, "0-31, 16-47, 32-63, …"},
		{"shared write", linux.MAP_SHARED, linux.Write, 32, false, 7, "the same"},
		{"everything at once", linux.MAP_PRIVATE, linux.Write, 2 * pages, false, 1, "all"},
		{"each page alone", linux.MAP_PRIVATE, linux.Write, 0, false, pages, "each page alone"},
		{"shared anonymous memory", linux.MAP_SHARED, linux.Write, 32, true, 0, "nothing"},
	} {
		f := newFixture(t)
		f.m.ReadAround = c.around
		if c.inMemory {
			f.mmap(at(0), pages*page, rw, sharedAnon|linux.MAP_FIXED)
		} else {
			f.mapFile(f.open(pages*page), 0, pages, rw, c.flags, 0)
		}
		for n := range pages {
			f.want(Touch(f.t, f.mm, at(n), c.access), linux.OK, "touch")
		}
		if got := f.t.Counters[task.PgFault]; got != pages {
			t.Errorf("%s: %d faults, expected %d", c.name, got, pages)
		}
		if got := f.t.Counters[task.PgFaultMmapLock]; got != c.underMmap {
			t.Errorf("%s: %d faults under mmap_lock, expected %d: read is %s", c.name, got, c.underMmap, c.whatIsRead)
		}
		f.valid(f.mm)
	}
}
