package fault

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestForbidZeroPage: where the zero page is forbidden, all that reads untouched private anonymous memory brings in a page
// of the process's own, which needs an anon_vma. The page may be written to, and is dirty, if the mapping may be.
func TestForbidZeroPage(t *testing.T) {
	populate := func(advice int) func(f *fixture) {
		return func(f *fixture) { f.do(f.mm.Madvise(f.t, at(0), page, advice)) }
	}
	for _, c := range []struct {
		name     string
		prot     int
		bring    func(f *fixture)
		writable bool
	}{
		{"load", rw, func(f *fixture) { f.holds(f.mm, 0, 0) }, true},
		{"load from read-only memory", linux.PROT_READ, func(f *fixture) { f.holds(f.mm, 0, 0) }, false},
		{"fetch", linux.PROT_READ | linux.PROT_EXEC, func(f *fixture) { f.want(Touch(f.t, f.mm, at(0), linux.Exec), linux.OK, "fetch") }, false},
		{"fetch that is refused", rw, func(f *fixture) { f.want(Touch(f.t, f.mm, at(0), linux.Exec), linux.SegvAccerr, "fetch") }, true},
		{"MADV_POPULATE_READ", rw, populate(linux.MADV_POPULATE_READ), true},
		{"MADV_POPULATE_READ of read-only memory", linux.PROT_READ, populate(linux.MADV_POPULATE_READ), false},
		{"mlock of read-only memory", linux.PROT_READ, func(f *fixture) { f.do(f.mm.Mlock(f.t, at(0), page)) }, false},
		{"MAP_POPULATE of read-only memory", 0, func(f *fixture) {
			f.mmap(at(0), page, linux.PROT_READ, privateAnon|linux.MAP_FIXED|linux.MAP_POPULATE)
		}, false},
	} {
		for _, forbid := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				f := newFixtureOn(t, mm.Config{Settings: mm.Settings{ForbidZeroPage: forbid}})
				f.mapAnon(0, 1, c.prot)
				c.bring(f)
				v := f.mm.Tree.Find(f.t, at(0))
				pte := f.pte(f.mm, 0)
				if pte.None() || pte.Special() == forbid || (v.AnonVMA(f.t) != nil) != forbid {
					t.Errorf("forbidden: %t, the entry is %#x, the VMA has an anon_vma: %t", forbid, uint64(pte), v.AnonVMA(f.t) != nil)
				}
				if want := c.writable && forbid; pte.Write() != want || pte.Dirty() != want {
					t.Errorf("forbidden: %t, the entry is writable: %t, dirty: %t; expected %t", forbid, pte.Write(), pte.Dirty(), want)
				}
				f.valid(f.mm)
				f.do(f.mm.Munlockall(f.t))
			})
		}
	}
}

// TestOwnPageAfterRead: a page that a read brought in is as one that was written: it is written in place, made writable by
// mprotect, inherited, and moves along.
func TestOwnPageAfterRead(t *testing.T) {
	f := newFixtureOn(t, mm.Config{Settings: mm.Settings{ForbidZeroPage: true}})
	f.mapAnon(0, 2, linux.PROT_READ)
	f.holds(f.mm, 0, 0)
	frame := f.pfn(0)
	f.mprotect(0, 2, rw)
	if pte := f.pte(f.mm, 0); !pte.Write() || pte.PFN() != frame {
		t.Errorf("after mprotect the entry is %#x", uint64(pte))
	}
	f.store(f.mm, 0, 5)
	if f.pfn(0) != frame {
		t.Error("the first write copied a page of one's own")
	}
	f.holds(f.mm, 1, 0)
	child := f.fork()
	if f.pte(child, 1).None() || f.pte(child, 1).PFN() != f.pfn(1) {
		t.Error("the child does not have the page that was read")
	}
	f.store(child, 1, 6)
	f.holds(f.mm, 1, 0)
	child.Put(f.t)
	moved, err := f.mm.Mremap(f.t, at(0), 2*page, 2*page, linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(10))
	f.do(err)
	if moved != at(10) || f.pfn(10) != frame {
		t.Errorf("moved to %#x, frame %d", moved, f.pfn(10))
	}
	f.valid(f.mm)
}

// TestReadsWithoutZeroPageMeet: two reads of one page end with one page, in every interleaving of their faults.
func TestReadsWithoutZeroPageMeet(t *testing.T) {
	for k, last := 0, false; !last; k++ {
		f := newFixtureOn(t, mm.Config{Settings: mm.Settings{ForbidZeroPage: true}})
		f.mapAnon(0, 1, rw)
		var got [2]linux.AccessEnd
		run := f.run(after(k),
			func(tk *task.Task) { got[0] = Touch(tk, f.mm, at(0), linux.Read) },
			func(tk *task.Task) { got[1] = Touch(tk, f.mm, at(0), linux.Read) })
		last = k >= run.Steps(0)
		if got != [2]linux.AccessEnd{linux.OK, linux.OK} || f.pte(f.mm, 0).Special() || f.m.Mem.Page(f.pfn(0)).Refcount.Peek() != 1 {
			t.Errorf("after step %d: %v, the entry is %#x", k, got, uint64(f.pte(f.mm, 0)))
		}
		f.valid(f.mm)
		f.unmapAll()
	}
}
