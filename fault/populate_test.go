package fault

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// populate brings in pages [from, to), which one VMA has.
func (f *fixture) populate(from, to int, how mm.GUPFlags) (next int, err error) {
	f.mm.MmapReadLock(f.t)
	defer f.mm.MmapReadUnlock(f.t)
	got, err := populate(f.t, f.mm, f.mm.Tree.Find(f.t, at(from)), at(from), at(to), how)
	return int((got - base) / page), err
}

// TestPopulateWaitsForPages: a page that must be read is read without mmap_lock if that may be given back; the caller then goes on
// where it stopped.
func TestPopulateWaitsForPages(t *testing.T) {
	for _, c := range []struct {
		how  mm.GUPFlags
		next []int // of one call after the other
	}{
		{mm.FollUnlockable, []int{0, 1, 2, 3}},
		{mm.FollUnlockable | mm.FollWrite, []int{0, 1, 2, 3}},
		{0, []int{3}},
		{mm.FollWrite, []int{3}},
	} {
		t.Run("", func(t *testing.T) {
			f := newFixture(t)
			f.mapFile(f.open(3*page), 0, 3, rw, linux.MAP_PRIVATE, 0)
			at := 0
			for _, want := range c.next {
				next, err := f.populate(at, 3, c.how)
				if err != nil || next != want {
					t.Fatalf("how %d: from page %d on it came to %d, %v; expected %d", c.how, at, next, err, want)
				}
				at = next
			}
			if c.how&mm.FollWrite != 0 {
				for n := range 3 {
					if !f.pte(f.mm, n).Write() {
						t.Errorf("page %d may not be written to", n)
					}
				}
			}
			if next, err := f.populate(0, 3, c.how); next != 3 || err != nil {
				t.Errorf("again: %d, %v", next, err)
			}
		})
	}
}

// TestPopulateEndsAtSignals: where an access would get a signal, the pages before are there.
func TestPopulateEndsAtSignals(t *testing.T) {
	f := newFixture(t)
	f.mapFile(f.open(2*page), 0, 4, rw, linux.MAP_SHARED, 0)
	if next, err := f.populate(0, 4, mm.FollWrite); next != 2 || !errors.Is(err, linux.EFAULT) {
		t.Errorf("beyond the file's end: %d, %v", next, err)
	}
	if got := f.mapped(0, 4); len(got) != 2 {
		t.Errorf("pages %v are mapped", got)
	}
}

// TestPopulateOfKilled: a killed task brings nothing more in. mlock says so, and keeps the flag; mmap has succeeded.
func TestPopulateOfKilled(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 2, rw)
	other := f.m.NewTask("killed")
	other.Kill(nil)
	if err := f.mm.Mlock(other, at(0), 2*page); !errors.Is(err, linux.EINTR) {
		t.Errorf("mlock: %v", err)
	}
	if n := f.mm.LockedVM(f.t); n != 2 {
		t.Errorf("%d pages are locked", n)
	}
	_, err := f.mm.Mmap(other, mm.MmapArgs{Addr: at(4), Len: page, Prot: rw, Flags: privateAnon | linux.MAP_FIXED | linux.MAP_POPULATE})
	f.do(err)
	if got := f.mapped(0, 5); got != nil {
		t.Errorf("pages %v are mapped", got)
	}
	f.m.EndTask(other)
}

// TestMlockBesideOthers lets another call run to its end after some steps of mlock of a file, which gives mmap_lock back for each
// page. All that is still mapped and locked then is there.
func TestMlockBesideOthers(t *testing.T) {
	every := sparsely(11)
	for name, other := range map[string]func(f *fixture, tk *task.Task) error{
		"munmap":   func(f *fixture, tk *task.Task) error { return f.mm.Munmap(tk, at(1), page) },
		"mmap":     func(f *fixture, tk *task.Task) error { return f.mmapBy(tk, 0, 2, rw) },
		"mprotect": func(f *fixture, tk *task.Task) error { return f.mm.Mprotect(tk, at(1), page, linux.PROT_READ) },
		"munlock":  func(f *fixture, tk *task.Task) error { return f.mm.Munlock(tk, at(0), 2*page) },
		"dontneed": func(f *fixture, tk *task.Task) error {
			_ = f.mm.Madvise(tk, at(0), page, linux.MADV_DONTNEED)
			return nil
		},
		"a store": func(f *fixture, tk *task.Task) error {
			if res := Store(tk, f.mm, at(1), 1); res != linux.OK {
				return errors.New(res.String())
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, last := 0, false; !last; k += every {
				t.Run("", func(t *testing.T) {
					f := newFixture(t)
					f.mapFile(f.open(3*page), 0, 3, rw, linux.MAP_PRIVATE, 0)
					locked := errors.New("mlock did not run")
					run := f.run(after(k),
						func(tk *task.Task) { locked = f.mm.Mlock(tk, at(0), 3*page) },
						func(tk *task.Task) {
							if err := other(f, tk); err != nil {
								t.Errorf("after step %d: %v", k, err)
							}
						})
					last = k >= run.Steps(0)
					if locked != nil && (name != "munmap" || !errors.Is(locked, linux.ENOMEM)) { // it came first
						t.Errorf("after step %d: mlock: %v", k, locked)
					}
					if locked == nil && f.pte(f.mm, 2).None() {
						t.Errorf("after step %d: the last page is missing", k)
					}
					f.valid(f.mm)
				})
			}
		})
	}
}
