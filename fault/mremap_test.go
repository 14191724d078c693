package fault

import (
	"math/rand/v2"
	"sync"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestStressMremap moves memory about, whole and in parts, while others read and write wherever it may be and while it forks. A page
// keeps its number within the memory, which is also what it holds: one that gets lost, is mapped twice or shows up in a wrong place
// is found by its bytes.
func TestStressMremap(t *testing.T) {
	const (
		pages  = 20
		slots  = 4
		apart  = 506 // pages from slot to slot: the memory spans page tables here and there
		rounds = 1500
	)
	f := newFixture(t)
	place := func(slot, n int) int { return slot*apart + n }
	f.mapAnon(0, pages, rw)
	for n := range pages {
		f.store(f.mm, n, uint64(n+1))
	}
	touch := func(tk *task.Task, m *mm.MM, r *rand.Rand) {
		n := r.IntN(pages)
		addr := at(place(r.IntN(slots), n))
		if r.IntN(2) == 0 {
			Store(tk, m, addr, uint64(n+1))
		} else if v, res := Load(tk, m, addr); res == linux.OK && v != 0 && v != uint64(n+1) {
			t.Errorf("%s: page %d holds %d", m.Name, n, v)
		}
	}
	move := func(tk *task.Task, from, to, first, count, flags int) {
		size := uint64(count) * page
		_, err := f.mm.Mremap(tk, at(place(from, first)), size, size, flags|linux.MREMAP_MAYMOVE|linux.MREMAP_FIXED, at(place(to, first)))
		if err != nil {
			t.Error(err)
		}
	}

	var wg sync.WaitGroup
	run := func(seed uint64, body func(tk *task.Task, r *rand.Rand)) {
		tk := f.m.NewTask("stress")
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 3))
			for range rounds {
				body(tk, r)
			}
			f.m.EndTask(tk)
		})
	}
	for i := range uint64(2) {
		run(i, func(tk *task.Task, r *rand.Rand) {
			for range 8 {
				touch(tk, f.mm, r)
			}
		})
	}
	run(10, func(tk *task.Task, r *rand.Rand) {
		if r.IntN(10) == 0 {
			child, err := f.mm.Fork(tk, "child")
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				touch(tk, child, r)
			}
			child.Put(tk)
		}
	})
	slot := 0
	run(11, func(tk *task.Task, r *rand.Rand) {
		next := (slot + 1 + r.IntN(slots-1)) % slots
		switch cut := 1 + r.IntN(pages-1); r.IntN(4) {
		case 0:
			move(tk, slot, next, 0, cut, 0)
			move(tk, slot, next, cut, pages-cut, 0)
		case 1:
			move(tk, slot, next, 0, pages, linux.MREMAP_DONTUNMAP)
		default:
			move(tk, slot, next, 0, pages, 0)
		}
		slot = next
		for n := range pages {
			if v, res := Load(tk, f.mm, at(place(slot, n))); res != linux.OK || v != uint64(n+1) {
				t.Errorf("page %d holds %d (%s) after a move", n, v, res)
			}
		}
	})
	wg.Wait()
	f.valid(f.mm)
}
