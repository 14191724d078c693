package mm_test

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
)

// These tests are of what Linux 7.3 does otherwise than 6.18 (docs/generations.md), as far as it shows in an address space.

// TestAnonOffsets: the copies in a private mapping of a file are known by the address at which it was mapped, until it is moved
// without any, and VMAs merge only where that goes on, too. A mapping without copies takes the offset of where it goes.
func TestAnonOffsets(t *testing.T) {
	for spec, layouts := range map[string][2]string{
		"":                         {"20-24 rw-p file0+0", "20-22 rw-p file0+0, 40-42 rw-p file0+2"},
		"linux-6.18,+anon-offsets": {"20-22 rw-p file0+0, 22-24 rw-p file0+2", "20-22 rw-p file0+0, 40-42 rw-p file0+2"},
	} {
		l := newLab(t, mm.Config{}, spec)
		f := l.open(8)
		l.mmapFile(f, 0, 2, rw, linux.MAP_PRIVATE, 0)
		l.fill(0, 1)
		if _, err := l.tryMremap(0, 2, 2, moveFixed, 20); err != nil {
			t.Fatal(err)
		}
		l.moveContents(0, 1, 20)
		v := l.mm.Tree.Lookup(l.t, at(20))
		first := uint64(0)
		if spec != "" {
			first = at(0) / page
		}
		if got := v.AnonPgoffAt(l.t, at(21)); got != first+1 {
			t.Errorf("rules %q: the second page has offset %#x, expected %#x", spec, got, first+1)
		}
		l.mmapFile(f, 22, 24, rw, linux.MAP_PRIVATE, 2)
		l.wantLayout(layouts[0])
		l.fill(21, 24)
		l.do(l.tryMprotect(22, 23, linux.PROT_READ)) // splits, and merges again
		l.do(l.tryMprotect(22, 23, rw))
		l.wantLayout(layouts[0])
		l.valid(l.mm)
		l.checkContents()
		l.do(l.tryMunmap(22, 24))
		delete(l.contents, 22)
		delete(l.contents, 23)
		l.mmapFile(f, 30, 32, rw, linux.MAP_PRIVATE, 2)
		if _, err := l.tryMremap(30, 2, 2, moveFixed, 40); err != nil {
			t.Fatal(err)
		}
		l.wantLayout(layouts[1])
		if got := l.mm.Tree.Lookup(l.t, at(40)).AnonPgoffAt(l.t, at(40)); spec != "" && got != at(40)/page {
			t.Errorf("moved, it has offset %#x, expected %#x", got, at(40)/page)
		}
		l.valid(l.mm)
		l.end()
	}
}

// TestKeptSourceOfFile: the source that MREMAP_DONTUNMAP leaves of a private mapping of a file begins anew with its address.
func TestKeptSourceOfFile(t *testing.T) {
	l := newLab(t, mm.Config{}, "linux-7")
	defer l.end()
	l.mmapFile(l.open(8), 0, 2, rw, linux.MAP_PRIVATE, 4)
	l.fill(0, 1)
	for _, move := range [][2]int{{0, 20}, {20, 40}} { // the second time its copies have another offset than its address
		if _, err := l.tryMremap(move[0], 2, 2, moveFixed|dontUnmap, move[1]); err != nil {
			t.Fatal(err)
		}
		l.moveContents(move[0], 1, move[1])
	}
	l.wantLayout("0-2 rw-p file0+4, 20-22 rw-p file0+4, 40-42 rw-p file0+4")
	for n, want := range map[int]uint64{0: at(0), 20: at(20), 40: at(0)} {
		if got := l.mm.Tree.Lookup(l.t, at(n)).AnonPgoffAt(l.t, at(n)); got != want/page {
			t.Errorf("the VMA at page %d has offset %#x, expected %#x", n, got, want/page)
		}
	}
	l.valid(l.mm)
	l.checkContents()
}

// TestSplitKept: MREMAP_DONTUNMAP of a part of a locked VMA unlocks that part alone, which is then a VMA without pages.
func TestSplitKept(t *testing.T) {
	for spec, want := range map[string]struct {
		layout, faulted, locked string
		lockedVM                uint64
	}{
		"":        {"0-6 rw-p, 20-22 rw-p", "ff", "-l", 8},
		"linux-7": {"0-2 rw-p, 2-4 rw-p, 4-6 rw-p, 20-22 rw-p", "f-ff", "l-ll", 6},
	} {
		l := newLab(t, mm.Config{}, spec)
		l.mmap(0, 6, rw)
		l.fill(0, 6)
		l.do(l.mlock(0, 6))
		if _, err := l.tryMremap(2, 2, 2, moveFixed|dontUnmap, 20); err != nil {
			t.Fatal(err)
		}
		l.moveContents(2, 2, 20)
		l.wantLayout(want.layout)
		if got := l.faulted(); got != want.faulted {
			t.Errorf("rules %q: faulted %q, expected %q", spec, got, want.faulted)
		}
		if got := l.locked(); got != want.locked || l.mm.LockedVM(l.t) != want.lockedVM {
			t.Errorf("rules %q: locked %q, locked_vm %d, expected %q, %d", spec, got, l.mm.LockedVM(l.t), want.locked, want.lockedVM)
		}
		l.valid(l.mm)
		l.checkContents()
		l.end()
	}
}

// TestSharedZero: a shared mapping of /dev/zero that cannot be written to is anonymous memory, and since 7.3 an object.
func TestSharedZero(t *testing.T) {
	for spec, want := range map[string]struct {
		layout string
		beyond linux.AccessEnd
	}{"": {"0-1 r--s file0+1", linux.OK}, "linux-7": {"0-1 r--s shmem", linux.Sigbus}} {
		l := newLab(t, mm.Config{}, spec)
		zero, err := l.m.Mem.OpenFile(l.t, "/dev/zero", linux.O_RDONLY)
		l.do(err)
		l.files = append(l.files, zero)
		l.mmapFile(zero, 0, 1, linux.PROT_READ, linux.MAP_SHARED, 1)
		l.wantLayout(want.layout)
		if got := fault.Touch(l.t, l.mm, at(0), linux.Read); got != want.beyond {
			t.Errorf("rules %q: a read beyond its page ends with %v, expected %v", spec, got, want.beyond)
		}
		l.end()
	}
}
