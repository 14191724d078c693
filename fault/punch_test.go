package fault

import (
	"encoding/binary"
	"os"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// interleave lets one task run to its end after each step of another, or after some, and the other way round, each time on a machine
// of its own; check says what is wrong afterwards.
func interleave(t *testing.T, every int, setup func(f *fixture) (a, b func(*task.Task), check func())) {
	every = sparsely(every)
	for _, swap := range []bool{false, true} {
		for k, last := 0, false; !last; k += every {
			t.Run("", func(t *testing.T) {
				f := newFixture(t)
				a, b, check := setup(f)
				if swap {
					a, b = b, a
				}
				run := f.run(after(k), a, b)
				last = k >= run.Steps(0)
				check()
				f.valid(f.mm)
			})
		}
	}
}

// sparsely returns after how many steps a test looks again that would do so after every: more of them where time is short.
func sparsely(every int) int {
	if testing.Short() {
		return 3*every + 1 // no multiple of it: other steps than before, too
	}
	return every
}

func (f *fixture) madvise(t *task.Task, from, to, advice int) {
	if err := f.mm.Madvise(t, at(from), uint64(to-from)*page, advice); err != nil {
		f.Error(err)
	}
}

// TestHolesAndFaults: a fault on a page that is being taken out of its file maps the old page and loses it, or gets the new one: two
// mappings of the file show the same afterwards.
func TestHolesAndFaults(t *testing.T) {
	for name, access := range map[string]linux.Access{"read": linux.Read, "write": linux.Write} {
		t.Run(name, func(t *testing.T) {
			interleave(t, 1, func(f *fixture) (func(*task.Task), func(*task.Task), func()) {
				file := f.open(page)
				f.mapFile(file, 0, 1, rw, linux.MAP_SHARED, 0)
				f.mapFile(file, 2, 3, rw, linux.MAP_SHARED, 0)
				f.holds(f.mm, 2, word(0)) // cached
				return func(t *task.Task) {
						if access == linux.Read {
							Load(t, f.mm, at(0))
						} else if res := Store(t, f.mm, at(0), 7); res != linux.OK {
							f.Error(res)
						}
					}, func(t *task.Task) { f.madvise(t, 2, 3, linux.MADV_REMOVE) }, func() {
						v, res := Load(f.t, f.mm, at(0))
						if res != linux.OK || v != 0 && (access == linux.Read || v != 7) {
							f.Errorf("the page holds %#x, %s", v, res)
						}
						f.holds(f.mm, 2, v)
						if name := file.Name(); access == linux.Write && v == 7 {
							f.do(f.mm.Msync(f.t, at(2), page, linux.MS_SYNC))
							f.onDisk(name, v)
						}
					}
			})
		})
	}
}

// onDisk fails the test unless the real file begins with a word.
func (f *fixture) onDisk(name string, want uint64) {
	f.Helper()
	bytes, err := os.ReadFile(name)
	f.do(err)
	if got := binary.NativeEndian.Uint64(bytes); got != want {
		f.Errorf("the file holds %#x, expected %#x", got, want)
	}
}

// TestStoresWhileWritingBack: a store that comes while its page is written back is written, or is written the next time.
func TestStoresWhileWritingBack(t *testing.T) {
	for name, mapped := range map[string]bool{"mapped": true, "not mapped": false} {
		t.Run(name, func(t *testing.T) {
			interleave(t, 1, func(f *fixture) (func(*task.Task), func(*task.Task), func()) {
				file := f.open(page)
				f.mapFile(file, 0, 1, rw, linux.MAP_SHARED, 0)
				f.mapFile(file, 2, 3, rw, linux.MAP_SHARED, 0)
				f.store(f.mm, 2, 5)
				if mapped {
					f.store(f.mm, 0, 6)
				}
				sync := func(t *task.Task) {
					if err := f.mm.Msync(t, at(2), page, linux.MS_SYNC); err != nil {
						f.Error(err)
					}
				}
				return func(t *task.Task) {
						if res := Store(t, f.mm, at(0), 7); res != linux.OK {
							f.Error(res)
						}
					}, sync, func() {
						sync(f.t)
						f.onDisk(file.Name(), 7)
					}
			})
		})
	}
}

// TestForkAndHoles: a page that is taken out of its file while fork copies the entries that map it is in neither table afterwards.
func TestForkAndHoles(t *testing.T) {
	interleave(t, 29, func(f *fixture) (func(*task.Task), func(*task.Task), func()) {
		file := f.open(2 * page)
		f.mapFile(file, 0, 2, rw, linux.MAP_SHARED, 0)
		f.store(f.mm, 0, 1)
		var children []*mm.MM
		f.madvise(f.t, 1, 2, linux.MADV_GUARD_INSTALL) // or fork would not copy a file's entries
		return func(t *task.Task) {
				child, err := f.mm.Fork(t, "child")
				if err != nil {
					f.Error(err)
					return
				}
				children = append(children, child)
				f.Cleanup(func() { child.Put(f.t) })
			}, func(t *task.Task) { f.madvise(t, 0, 1, linux.MADV_REMOVE) }, func() {
				if n := file.CachedPages(f.t); n != 0 {
					f.Errorf("%d pages are cached", n)
				}
				for _, m := range append(children, f.mm) {
					if !f.pte(m, 0).None() || !f.pte(m, 1).Guard() {
						f.Errorf("%s has %#x and %#x", m.Name, f.pte(m, 0), f.pte(m, 1))
					}
				}
			}
	})
}

// TestGuardsAndFaults: a fault beside the making of a marker succeeds before, or fails after; the page is gone either way.
func TestGuardsAndFaults(t *testing.T) {
	for name, faulted := range map[string]bool{"faulted": true, "unfaulted": false} {
		t.Run(name, func(t *testing.T) {
			interleave(t, 1, func(f *fixture) (func(*task.Task), func(*task.Task), func()) {
				f.mapAnon(0, 2, rw)
				if faulted {
					f.store(f.mm, 1, 1)
				}
				return func(t *task.Task) {
						if res := Store(t, f.mm, at(0), 7); res != linux.OK && res != linux.SegvMaperr {
							f.Error(res)
						}
					}, func(t *task.Task) { f.madvise(t, 0, 1, linux.MADV_GUARD_INSTALL) }, func() {
						f.want(Touch(f.t, f.mm, at(0), linux.Write), linux.SegvMaperr, "a guarded page")
						if !f.pte(f.mm, 0).Guard() {
							f.Errorf("the entry is %#x", f.pte(f.mm, 0))
						}
					}
			})
		})
	}
}
