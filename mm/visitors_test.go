package mm_test

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

// TestVisitorsCount: those that go through the VMAs find each once, under every lock.
func TestVisitorsCount(t *testing.T) {
	for _, spec := range []string{"", "mmap-lock", "vma-rwsem", "refcount-v6", "spf-seq"} {
		l := newLab(t, mm.Config{}, spec)
		l.do(l.tryMap(l.t, 0, 4, rw, privateAnon, mm.MmapArgs{}))
		l.do(l.tryMprotect(1, 2, linux.PROT_READ))
		l.do(l.tryMap(l.t, 6, 7, rw, privateAnon, mm.MmapArgs{}))
		if n := l.mm.DamonVMAs(l.t); n != 4 {
			t.Errorf("%s: DAMON counts %d VMAs, expected 4", spec, n)
		}
		if n, err := l.mm.TaskVMAs(l.t); n != 4 || err != nil {
			t.Errorf("%s: bpf counts %d VMAs, expected 4: %v", spec, n, err)
		}
		l.end()
	}
}

// TestLockBoth: two VMAs, or one twice, can be locked at once, and nothing cannot.
func TestLockBoth(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	l.do(l.tryMap(l.t, 0, 2, rw, privateAnon, mm.MmapArgs{}))
	l.do(l.tryMap(l.t, 4, 5, rw, privateAnon, mm.MmapArgs{}))
	for _, second := range []int{1, 4} {
		l.do(l.mm.LockBoth(l.t, at(0), at(second)))
	}
	for _, hole := range [][2]int{{0, 3}, {3, 0}} {
		if err := l.mm.LockBoth(l.t, at(hole[0]), at(hole[1])); !errors.Is(err, linux.ENOENT) {
			t.Errorf("page %d and page %d: %v, expected ENOENT", hole[0], hole[1], err)
		}
	}
	l.end()
}

// TestFindVMAOf: an address space is looked into while it has users, and its lock is only tried.
func TestFindVMAOf(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	other, err := l.m.NewMM(l.t, "other")
	l.do(err)
	_, err = other.Mmap(l.t, mm.MmapArgs{Addr: at(0), Len: page, Prot: rw, Flags: privateAnon | linux.MAP_FIXED})
	l.do(err)
	l.do(other.FindVMAOf(l.t, at(0)))
	if err := other.FindVMAOf(l.t, at(1)); !errors.Is(err, linux.ENOENT) {
		t.Errorf("a hole: %v, expected ENOENT", err)
	}
	other.MmapWriteLock(l.t)
	if err := other.FindVMAOf(l.t, at(0)); !errors.Is(err, linux.EBUSY) {
		t.Errorf("beside a writer: %v, expected EBUSY", err)
	}
	other.MmapWriteUnlock(l.t)
	other.Put(l.t)
	if err := other.FindVMAOf(l.t, at(0)); !errors.Is(err, linux.ESRCH) {
		t.Errorf("after the exit: %v, expected ESRCH", err)
	}
	l.end()
}

// TestDriverPages: the driver finds its mapping as long as it is there, and none that another has made in its place.
func TestDriverPages(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	f := l.m.Mem.NewFile(l.t, phys.MemoryFile{Name: "device", Size: 16 << 10, Tmpfs: true}, linux.O_RDWR)
	f.GiveHooks()
	_, err := l.mm.Mmap(l.t, mm.MmapArgs{Addr: at(0), Len: 2 * page, Prot: linux.PROT_READ, Flags: linux.MAP_SHARED | linux.MAP_FIXED, File: f})
	l.do(err)
	want := func(pages uint64) {
		t.Helper()
		if n, err := l.mm.DriverPages(l.t); n != pages || err != nil {
			t.Errorf("the driver finds %d pages, expected %d: %v", n, pages, err)
		}
	}
	want(2)
	l.do(l.tryMunmap(0, 2))
	want(0)
	l.do(l.tryMap(l.t, 0, 1, rw, privateAnon, mm.MmapArgs{}))
	want(0)
	_ = f.Put(l.t)
	l.end()
}
