package fault

import (
	"slices"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestTwoFaultsOnOnePage lets a second fault on the same page run to its end after each step of the first. One of them
// maps the page, the other gives its own back; both stores must be there.
func TestTwoFaultsOnOnePage(t *testing.T) {
	for name, setup := range map[string]func(f *fixture){
		"anonymous":    func(f *fixture) { f.mapAnon(0, 2, rw) },
		"no tables":    func(f *fixture) { f.mapAnon(0, 1, rw); f.mmap(at(1), page, rw, sharedAnon|linux.MAP_FIXED) },
		"zero page":    func(f *fixture) { f.mapAnon(0, 2, rw); f.holds(f.mm, 0, 0) },
		"faulted":      func(f *fixture) { f.mapAnon(0, 2, rw); f.store(f.mm, 1, 1) },
		"private file": func(f *fixture) { f.mapFile(f.open(page), 0, 1, rw, linux.MAP_PRIVATE, 0) },
		"cached file":  func(f *fixture) { f.mapFile(f.open(page), 0, 1, rw, linux.MAP_PRIVATE, 0); f.holds(f.mm, 0, word(0)) },
		"shared file":  func(f *fixture) { f.mapFile(f.open(page), 0, 1, rw, linux.MAP_SHARED, 0) },
		"shared by fork": func(f *fixture) {
			f.mapAnon(0, 1, rw)
			f.store(f.mm, 0, 1)
			child := f.fork()
			f.Cleanup(func() { child.Put(f.t) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, last := 0, false; !last; k++ {
				t.Run("", func(t *testing.T) { // each has a machine of its own to leave clean
					f := newFixture(t)
					setup(f)
					store := func(offset uint64) func(*task.Task) {
						return func(tk *task.Task) {
							if res := Store(tk, f.mm, at(0)+offset, offset); res != linux.OK {
								t.Errorf("after step %d: %s", k, res)
							}
						}
					}
					run := f.run(after(k), store(8), store(16))
					last = k >= run.Steps(0)
					for _, offset := range []uint64{8, 16} {
						if v, res := Load(f.t, f.mm, at(0)+offset); v != offset || res != linux.OK {
							t.Errorf("after step %d: %d bytes in there is %d, %s", k, offset, v, res)
						}
					}
					f.valid(f.mm)
				})
			}
		})
	}
}

// TestCopyOnWriteWaitsForReaders: a task that found the old page in the tables may still be reading it when the copy is
// mapped, and the old frame must not be given away meanwhile.
func TestCopyOnWriteWaitsForReaders(t *testing.T) {
	const writer, other, reader = 0, 1, 2
	f := newFixture(t)
	f.mapAnon(0, 2, rw)
	f.store(f.mm, 0, 1)
	frame := f.m.Mem.Page(f.pfn(0))
	child := f.fork()
	copying, childGone, readerSteps := false, false, 0
	var read uint64
	turn := func(enabled []int) int {
		want := writer
		copying = copying || frame.Refcount.Peek() == 3 // the writer has taken a reference to copy the page
		switch {
		case childGone && readerSteps < 5: // the reader walks the tables
			readerSteps++
			want = reader
		case copying && !childGone:
			want = other
		}
		if !slices.Contains(enabled, want) {
			return enabled[len(enabled)-1]
		}
		return want
	}
	f.run(turn, func(tk *task.Task) {
		f.want(Store(tk, f.mm, at(0), 2), linux.OK, "store")
		f.want(Store(tk, f.mm, at(1), 666), linux.OK, "store to another page") // which gets the frame freed last
	}, func(tk *task.Task) {
		child.Put(tk)
		childGone = true
	}, func(tk *task.Task) {
		read, _ = Load(tk, f.mm, at(0))
	})
	if read != 1 && read != 2 {
		t.Errorf("the reader sees %d", read)
	}
	f.holds(f.mm, 0, 2)
}

// TestUnmappedPagesWaitForReaders: the frame of a page that is unmapped is not given away while a task that found it in
// the tables may still read or write it.
func TestUnmappedPagesWaitForReaders(t *testing.T) {
	for name, unmap := range map[string]func(f *fixture, tk *task.Task) error{
		"madvise": func(f *fixture, tk *task.Task) error { return f.mm.Madvise(tk, at(0), page, linux.MADV_DONTNEED) },
		"munmap":  func(f *fixture, tk *task.Task) error { return f.mm.Munmap(tk, at(0), page) },
		"mmap":    func(f *fixture, tk *task.Task) error { return f.mmapBy(tk, 0, 1, linux.PROT_READ) },
	} {
		f := newFixture(t)
		f.mapAnon(0, 2, rw)
		f.store(f.mm, 0, 1)
		var read uint64
		steps := 0
		f.run(func(enabled []int) int {
			if steps++; steps <= 5 || !slices.Contains(enabled, 1) { // it walks the tables, then only what must wait waits
				return enabled[0]
			}
			return 1
		}, func(tk *task.Task) {
			read, _ = Load(tk, f.mm, at(0))
		}, func(tk *task.Task) {
			if err := unmap(f, tk); err != nil {
				t.Error(err)
			}
			f.want(Store(tk, f.mm, at(1), 666), linux.OK, "store to another page") // which gets the frame freed last
		})
		if read != 1 {
			t.Errorf("%s: the reader sees %d", name, read)
		}
	}
}

// TestProtectionHoldsWhenMprotectReturns: no store through an old translation comes after it.
func TestProtectionHoldsWhenMprotectReturns(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 1, rw)
	f.store(f.mm, 0, 1)
	var seen uint64
	steps := 0
	f.run(func(enabled []int) int {
		if steps++; steps <= 5 || !slices.Contains(enabled, 1) { // it walks the tables
			return enabled[0]
		}
		return 1
	}, func(tk *task.Task) {
		f.want(Store(tk, f.mm, at(0), 2), linux.OK, "store that was under way")
	}, func(tk *task.Task) {
		if err := f.mm.Mprotect(tk, at(0), page, linux.PROT_READ); err != nil {
			t.Error(err)
		}
		seen, _ = Load(tk, f.mm, at(0))
	})
	f.holds(f.mm, 0, seen)
}
