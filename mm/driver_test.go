package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/mm"
)

// TestDriverCounts: the driver of a file with hooks counts its VMAs, through splits and forks, and what it counts at the end is a leak.
func TestDriverCounts(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	f := l.m.Mem.NewFile(l.t, phys.MemoryFile{Name: "device", Size: 64 << 10, Tmpfs: true}, linux.O_RDWR)
	f.GiveHooks()
	addr, err := l.mm.Mmap(l.t, mm.MmapArgs{Len: 32 << 10, Prot: linux.PROT_READ, Flags: linux.MAP_SHARED, File: f})
	l.do(err)
	l.do(l.mm.Munmap(l.t, addr+8<<10, 8<<10)) // two splits, one VMA goes
	if n := l.m.DriverVMAs(); n != 2 {
		t.Errorf("the driver counts %d VMAs, expected 2", n)
	}
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	if n := l.m.DriverVMAs(); n != 4 {
		t.Errorf("after a fork the driver counts %d VMAs, expected 4", n)
	}
	child.Put(l.t)
	if n := l.m.DriverVMAs(); n != 2 {
		t.Errorf("after the child is gone the driver counts %d VMAs, expected 2", n)
	}
	l.do(l.mm.Munmap(l.t, addr, 32<<10))
	_ = f.Put(l.t)
	l.end()
}

// TestHooksRefuseSplitAndMove: the owner of a mapping may refuse that a VMA of it is split, at either end of what a call is about, or that
// its pages have moved; then they are where they were, and the driver counts what it did.
func TestHooksRefuseSplitAndMove(t *testing.T) {
	move := func(l *lab, from, pages int) error {
		_, err := l.mm.Mremap(l.t, at(from), uint64(pages)*page, uint64(pages)*page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(20))
		return err
	}
	for _, c := range []struct {
		name string
		op   func(*lab) error
		asks int    // hooks that may refuse
		left string // behind the second refusal; "": as before
	}{
		{"munmap", func(l *lab) error { return l.tryMunmap(2, 4) }, 2, "0-2 rw-s file0+0, 2-8 rw-s file0+2"},
		{"mprotect", func(l *lab) error { return l.tryMprotect(2, 4, linux.PROT_READ) }, 2, "0-2 rw-s file0+0, 2-8 rw-s file0+2"},
		{"mremap of all", func(l *lab) error { return move(l, 0, 8) }, 1, ""},
		{"mremap of a part asks before it begins", func(l *lab) error { return move(l, 2, 2) }, 5, ""},
	} {
		for k := range 10 {
			l := newLab(t, mm.Config{}, "")
			f := l.open(8)
			f.GiveHooks()
			l.do(l.tryMap(l.t, 0, 8, rw, linux.MAP_SHARED, mm.MmapArgs{File: f}))
			l.fill(0, 8)
			before := l.layout(l.mm)
			fails := &hookFails{k: k}
			l.t.Observer = fails
			err := c.op(l)
			l.t.Observer = nil
			if fails.n <= k {
				if k != c.asks {
					t.Errorf("%s asks %d times, expected %d", c.name, k, c.asks)
				}
				l.do(err)
				break
			}
			if err != nil { // unmapping what has moved may fail, too, and then it stays
				l.wantErrno(err, linux.EINVAL, c.name)
				want := before
				if k == 1 && c.left != "" {
					want = c.left
				}
				if got := l.layout(l.mm); got != want {
					t.Errorf("%s, hook %d: %q, expected %q", c.name, k, got, want)
				}
				l.checkContents()
			} else if k < 3 {
				t.Errorf("%s succeeds though hook %d refuses", c.name, k)
			}
			l.valid(l.mm)
			l.end()
		}
	}
}
