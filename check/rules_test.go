package check

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// Rules of the kernel taken away must show, in the real operations.

// TestLockNewVMATaken: mmap attaches a VMA that it has not write-locked.
func TestLockNewVMATaken(t *testing.T) {
	for spec, want := range map[string]string{"": "", "linux-6.18,-lock-new-vma": "attach-state"} {
		c, err := New(nil, "attach-state", "lock-rule", "reader-and-writer", "wrong-vma")
		if err != nil {
			t.Fatal(err)
		}
		l := newMachineLab(t, spec, c)
		l.run(nil, func(tk *task.Task) { l.mmap(tk, 0, 2, rw, privateAnon) })
		if got := l.names(); got != want {
			t.Errorf("rules %q: %q, expected %q", spec, got, want)
		}
	}
}

// TestLinkWhenMadeTaken: fork enters a VMA in the reverse map of its file and goes on making it.
func TestLinkWhenMadeTaken(t *testing.T) {
	for spec, want := range map[string]string{"": "", "linux-6.18,-link-when-made": "rmap-uninitialised"} {
		l := newMachineLab(t, spec, newAll(nil))
		l.mapFile(0, linux.MAP_PRIVATE)
		l.run(nil, func(tk *task.Task) { l.fork(tk) })
		if got := l.names(); got != want {
			t.Errorf("rules %q: %q, expected %q", spec, got, want)
		}
	}
}

// TestReadUnlockedTaken: a fault reads a file under the VMA's lock. Shared memory has nothing to read.
func TestReadUnlockedTaken(t *testing.T) {
	const without = "linux-6.18,-read-unlocked"
	for _, spec := range []string{"", without} {
		for n, want := range map[int]string{8: "", 1: map[string]string{without: "blocking-under-vma-lock"}[spec]} {
			l := newMachineLab(t, spec, newAll(nil))
			l.mapFile(0, linux.MAP_PRIVATE)
			l.mmap(l.boot, 8, 10, rw, sharedAnon)
			l.run(nil, func(tk *task.Task) { l.load(tk, n) })
			if got := l.names(); got != want {
				t.Errorf("rules %q, page %d: %q, expected %q", spec, n, got, want)
			}
		}
	}
}

// TestDetachWaitsTaken: munmap detaches the VMA that a fault has just taken a reference on.
func TestDetachWaitsTaken(t *testing.T) {
	for spec, want := range map[string]bool{"": false, "linux-6.18,-detach-waits": true} {
		c, err := New(nil, "reader-left")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for k := range 9 {
			for j := range 24 {
				l := newMachineLab(t, spec, c)
				l.mmap(l.boot, 0, 2, rw, privateAnon)
				l.run(turns(k, j, 1, 30), func(tk *task.Task) {
					if r := l.mm.LockVMAUnderRCU(tk, at(0)); r.VMA != nil {
						l.mm.EndRead(tk, r)
					}
				}, func(tk *task.Task) { l.munmap(tk, 0, 2) })
				found = found || slicesHas(l.list, "reader-left")
			}
		}
		if found != want {
			t.Errorf("rules %q: found %v", spec, found)
		}
	}
}

// TestCheckVMMMTaken: a fault finds a VMA; it is unmapped; its memory becomes a VMA of another mm at the same address; the fault
// goes on with it.
func TestCheckVMMMTaken(t *testing.T) {
	for spec, want := range map[string]bool{"": false, "linux-6.18,-check-vm-mm": true} {
		c, err := New(nil, "wrong-vma", "use-after-free")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for k := range 9 {
			l := newMachineLab(t, spec, c)
			l.mmap(l.boot, 0, 2, rw, privateAnon)
			other, err := l.m.NewMM(l.boot, "other")
			if err != nil {
				t.Fatal(err)
			}
			l.kids = append(l.kids, other)
			c.Target = func(*task.Task) (*vma.MMLock, uint64, bool) { return &l.mm.MMLock, at(0), true }
			l.run(turns(k, 500), func(tk *task.Task) { fault.Load(tk, l.mm, at(0)) }, func(tk *task.Task) {
				l.munmap(tk, 0, 2)
				if _, err := other.Mmap(tk, mm.MmapArgs{Addr: at(0), Len: 2 * page, Prot: rw, Flags: privateAnon}); err != nil {
					t.Error(err)
				}
			})
			found = found || slicesHas(l.list, "wrong-vma")
		}
		if found != want {
			t.Errorf("rules %q: found %v", spec, found)
		}
	}
}
