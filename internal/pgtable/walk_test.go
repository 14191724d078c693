package pgtable

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestObservedWalkFindsTheSame: a walk that announces its reads ends where one does that has no observer, at each level of absent tables.
func TestObservedWalkFindsTheSame(t *testing.T) {
	tables, tk := newTables(t)
	present := []uint64{0, 5 << linux.PageShift, 3 << PMDShift, 7 << PUDShift, 2 << PGDShift}
	for i, addr := range present {
		slot := mustAlloc(t, tables, tk, addr)
		slot.Lock(tk)
		slot.Set(tk, GuardMarker|PTE(i)<<linux.PageShift)
		slot.Unlock(tk)
	}
	absent := []uint64{1 << PMDShift, 1 << PUDShift, 1 << PGDShift, 9 << linux.PageShift}
	steps := map[int]bool{}
	for _, addr := range append(absent, present...) {
		slot, pte, ok := tables.Look(tk, addr)
		count := &counting{}
		tk.Observer = count
		seen, seenPTE, seenOK := tables.Look(tk, addr)
		tk.Observer = nil
		if slot != seen || pte != seenPTE || ok != seenOK {
			t.Errorf("%#x: %v, %#x, %v without an observer; %v, %#x, %v with one", addr, slot, uint64(pte), ok, seen, uint64(seenPTE), seenOK)
		}
		steps[count.reads] = true
	}
	for n := 1; n <= 4; n++ {
		if !steps[n] {
			t.Errorf("no walk made %d reads", n)
		}
	}
	for _, addr := range present {
		slot := mustAlloc(t, tables, tk, addr)
		slot.Lock(tk)
		slot.Set(tk, 0)
		slot.Unlock(tk)
	}
}

type counting struct {
	task.NoObserver
	reads int
}

func (c *counting) Before(*task.Task, *task.Event) { c.reads++ }
