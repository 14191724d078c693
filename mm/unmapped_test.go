package mm_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

const (
	above = uint64(linux.MmapBase)
	huge  = uint64(phys.HugeSize)
)

// place maps read-only memory and returns where.
func (l *lab) place(args mm.MmapArgs) uint64 {
	l.tb.Helper()
	args.Prot = linux.PROT_READ
	addr, err := l.mm.Mmap(l.t, args)
	l.do(err)
	return addr
}

// block maps [start, end) so that nothing else fits there.
func (l *lab) block(start, end uint64) {
	l.tb.Helper()
	l.place(mm.MmapArgs{Addr: start, Len: end - start, Flags: linux.MAP_FIXED | sharedAnon})
}

// TestHints: a hint counts if the range is free and not in the gap below a stack, which MAP_FIXED may use (docs/kernel.md R19).
// The stack is page 1000, and something else page 100.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		name  string
		hint  uint64
		pages int
		flags int
		want  uint64 // 0: elsewhere
	}{
		{"free", at(10), 4, 0, at(10)},
		{"not aligned", at(10) + 5, 4, 0, at(10)},
		{"occupied", at(100), 1, 0, 0},
		{"partly occupied", at(98), 3, 0, 0},
		{"up to the next", at(98), 2, 0, at(98)},
		{"behind the one before", at(101), 2, 0, at(101)},
		{"up to the gap", at(740), 4, 0, at(740)},
		{"into the gap", at(740), 5, 0, 0},
		{"in the gap", at(990), 5, 0, 0},
		{"behind the stack", at(1001), 5, 0, at(1001)},
		{"in the gap, fixed", at(990), 10, linux.MAP_FIXED, at(990)},
		{"in the gap, not replacing", at(990), 10, linux.MAP_FIXED_NOREPLACE, at(990)},
		{"less than a page", 4095, 1, 0, 0},
		{"below the floor", page, 1, 0, linux.DefaultMmapMinAddr},
		{"up to the end", linux.TaskSize - page, 1, 0, linux.TaskSize - page},
		{"beyond the end", linux.TaskSize - page, 2, 0, 0},
		{"far beyond", 1 << 50, 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			defer l.end()
			together(maps("100-101"), stack(1000, 1001, rw))(l)
			if c.want == 0 {
				c.want = above - uint64(c.pages)*page
			}
			if got := l.place(mm.MmapArgs{Addr: c.hint, Len: uint64(c.pages) * page, Flags: privateAnon | c.flags}); got != c.want {
				t.Errorf("got %#x, expected %#x", got, c.want)
			}
		})
	}
}

// TestSearch goes through the holes from above: the gap below a stack is none of them.
func TestSearch(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.block(above-page, above)
	l.place(mm.MmapArgs{Addr: above - 11*page, Len: page, Flags: stackFlags | linux.MAP_FIXED})
	l.place(mm.MmapArgs{Addr: above - 311*page, Len: page, Flags: stackFlags | linux.MAP_FIXED}) // 299 pages below, 43 of them free
	l.block(above-900*page, above-800*page)
	for _, c := range []struct{ pages, want uint64 }{
		{9, 10}, {43, 310}, {1, 568}, {231, 799}, {2, 902},
	} {
		if got := l.place(mm.MmapArgs{Len: c.pages * page, Flags: privateAnon}); got != above-c.want*page {
			t.Errorf("%d pages are %d pages below the top, expected %d", c.pages, (above-got)/page, c.want)
		}
	}
}

// TestSearchUpwards: what does not fit below mmap_base goes above it, to the lowest hole.
func TestSearchUpwards(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	l.block(linux.DefaultMmapMinAddr, above)
	l.place(mm.MmapArgs{Addr: above + 300*page, Len: page, Flags: stackFlags | linux.MAP_FIXED}) // 44 pages are free below
	for _, c := range []struct{ pages, want uint64 }{
		{45, 301}, {44, 0}, {1, 346},
	} {
		if got := l.place(mm.MmapArgs{Len: c.pages * page, Flags: privateAnon}); got != above+c.want*page {
			t.Errorf("%d pages are %d pages above mmap_base, expected %d", c.pages, (got-above)/page, c.want)
		}
	}
	l.block(above, linux.TaskSize)
	_, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: page, Flags: privateAnon})
	l.wantErrno(err, linux.ENOMEM, "a full address space")
}

// TestLowAndHigh: MAP_32BIT searches 1 GiB below 2 GiB upwards, and takes hints that end below; MAP_ABOVE4G searches above 4 GiB.
func TestLowAndHigh(t *testing.T) {
	const low, high, gib = 0x40000000, 0x80000000, 1 << 30
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	place := func(hint, length uint64, flags int) uint64 {
		return l.place(mm.MmapArgs{Addr: hint, Len: length, Flags: privateAnon | flags})
	}
	want := func(what string, got, want uint64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %#x, expected %#x", what, got, want)
		}
	}
	want("the lowest", place(0, page, linux.MAP_32BIT), low)
	want("the next", place(0, page, linux.MAP_32BIT), low+page)
	want("a hint below", place(low-5*page, page, linux.MAP_32BIT), low-5*page)
	want("a hint up to the end", place(high-page, page, linux.MAP_32BIT), high-page)
	want("a hint beyond the end", place(high-page, 2*page, linux.MAP_32BIT), low+2*page)
	want("a huge page", place(0, huge, linux.MAP_32BIT), low+huge)
	want("shared memory", l.place(mm.MmapArgs{Len: huge, Flags: sharedAnon | linux.MAP_32BIT}), low+2*huge)
	place(low+gib/2, page, linux.MAP_GROWSDOWN|linux.MAP_FIXED)
	want("below a stack", place(0, gib/2-3*huge-256*page, linux.MAP_32BIT), low+3*huge)
	_, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: gib / 2, Flags: privateAnon | linux.MAP_32BIT})
	l.wantErrno(err, linux.ENOMEM, "too much")

	l.block(4*gib, above)
	want("above 4 GiB there is nothing", place(0, page, linux.MAP_ABOVE4G), above)
	want("below there is", place(0, page, 0), 4*gib-page)
	want("a hint is taken", place(3*gib, page, linux.MAP_ABOVE4G), 3*gib)
}

// TestHugePlacement: whole huge pages of private anonymous memory, and files of some file systems from one whole huge page on, are placed
// where huge pages can be. Shared anonymous memory, and files of other file systems, are not.
func TestHugePlacement(t *testing.T) {
	fd, err := unix.MemfdCreate("huge", 0)
	if err != nil {
		t.Skip("no memfd here: ", err)
	}
	defer os.NewFile(uintptr(fd), "memfd").Close()
	l := newLab(t, mm.Config{}, "")
	defer l.end()
	disk := l.open(1)
	mem, err := l.m.Mem.OpenFile(l.t, fmt.Sprintf("/proc/self/fd/%d", fd), linux.O_RDWR)
	l.do(err)
	l.files = append(l.files, mem)
	if mem.HugeAligned() {
		t.Error("memfds are placed for huge pages")
	}
	ofDisk := func(aligned, plain uint64) uint64 {
		if disk.HugeAligned() {
			return aligned
		}
		return plain
	}
	// The highest multiple of 2 MiB is 2 MiB less a page below mmap_base.
	top := above &^ (huge - 1)
	for _, c := range []struct {
		name string
		args mm.MmapArgs
		want uint64
	}{
		{"private", mm.MmapArgs{Len: 2 * huge, Flags: privateAnon}, top - 2*huge},
		{"private, with a page more", mm.MmapArgs{Len: huge + page, Flags: privateAnon}, above - huge - page},
		{"private, with a hint", mm.MmapArgs{Addr: at(0), Len: huge, Flags: privateAnon}, at(0)},
		{"private, with a hint that is taken", mm.MmapArgs{Addr: above - huge, Len: huge, Flags: privateAnon}, above - 2*huge},
		{"shared", mm.MmapArgs{Len: huge, Flags: sharedAnon}, above - huge},
		{"a file in memory", mm.MmapArgs{Len: huge, Flags: linux.MAP_SHARED, File: mem}, above - huge},
		{"a file", mm.MmapArgs{Len: huge, Flags: linux.MAP_SHARED, File: disk}, ofDisk(top-huge, above-huge)},
		{"a private file", mm.MmapArgs{Len: huge, Flags: linux.MAP_PRIVATE, File: disk}, ofDisk(top-huge, above-huge)},
		{"a file and a page more", mm.MmapArgs{Len: huge + page, Flags: linux.MAP_SHARED, File: disk}, ofDisk(top-huge, above-huge-page)},
		{"a file, from a page on", mm.MmapArgs{Len: 2*huge - page, Offset: page, Flags: linux.MAP_SHARED, File: disk}, ofDisk(top-2*huge+page, above-2*huge+page)},
		{"a file, but no whole huge page", mm.MmapArgs{Len: 2*huge - 2*page, Offset: page, Flags: linux.MAP_SHARED, File: disk}, above - 2*huge + 2*page},
	} {
		l.do(l.mm.Munmap(l.t, 0, linux.TaskSize))
		if c.name == "private, with a hint that is taken" {
			l.block(above-huge, above)
		}
		if got := l.place(c.args); got != c.want {
			t.Errorf("%s: %#x, expected %#x", c.name, got, c.want)
		}
	}
}
