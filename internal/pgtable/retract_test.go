package pgtable

import (
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

const vanishing = 3 * PMDSize // an address whose table vanishes

// newVanishing returns tables that may be retracted, with the table for vanishing made.
func newVanishing(t *testing.T) (*Tables, *task.Task, *ksync.Domain, Slot) {
	tb, tk := newTables(t)
	rcu := ksync.NewDomain(task.SlotRCU)
	rcu.Register(tk)
	tb.LetVanish(rcu)
	t.Cleanup(func() { rcu.Barrier(tk) })
	return tb, tk, rcu, mustAlloc(t, tb, tk, vanishing)
}

// TestRetract: a table that is retracted is found and locked no more, is freed after a grace period, and a new one takes its place.
func TestRetract(t *testing.T) {
	tb, tk, rcu, slot := newVanishing(t)
	frames, flushed := tb.mem.Stats().FramesInUse, 0
	flush := func() { flushed++ }
	if tb.Retract(tk, vanishing, func(Chunk) bool { return false }, flush) || !tb.LockSlot(tk, slot, vanishing) {
		t.Fatal("a table is gone that was to stay")
	}
	slot.Unlock(tk)
	chunk, err := tb.AllocChunk(tk, vanishing, vanishing+linux.PageSize)
	if err != nil || !tb.LockTable(tk, chunk) {
		t.Fatalf("the table cannot be locked: %v", err)
	}
	chunk.Lock.Unlock(tk)
	if !tb.Retract(tk, vanishing+linux.PageSize, func(c Chunk) bool { return len(c.Entries) == entriesPerTable && c.Lock.Held() }, flush) || flushed != 1 {
		t.Fatal("the table was not retracted")
	}
	if tb.LockSlot(tk, slot, vanishing) || tb.LockTable(tk, chunk) {
		t.Error("a table is locked that was retracted")
	}
	if _, _, ok := tb.Look(tk, vanishing); ok || tb.TablePages() != 2 {
		t.Errorf("it is found, or %d tables are counted, expected 2", tb.TablePages())
	}
	if tb.Retract(tk, vanishing, func(Chunk) bool { return true }, flush) || tb.Retract(tk, 5<<PGDShift, nil, flush) {
		t.Error("a table was retracted that is not there")
	}
	again := mustAlloc(t, tb, tk, vanishing)
	if tb.LockSlot(tk, slot, vanishing) != (again == slot) {
		t.Error("the old slot is taken for the new one")
	}
	rcu.Barrier(tk)
	if n := tb.mem.Stats().FramesInUse; n != frames {
		t.Errorf("%d frames are in use, expected %d", n, frames)
	}
}

// TestMoveTable: a table moves with what it maps, unless there is one, or it is gone and that is asked.
func TestMoveTable(t *testing.T) {
	tb, tk, _, slot := newVanishing(t)
	const to = vanishing + 1<<PUDShift
	none := func() {}
	slot.Set(tk, Make(phys.PFN(9), ReadOnly))
	if err := tb.AllocAbove(tk, to); err != nil || tb.MoveTable(tk, vanishing, vanishing, true, none) {
		t.Errorf("moved onto a table, or %v", err)
	}
	if !tb.MoveTable(tk, vanishing, to, true, none) {
		t.Fatal("the table was not moved")
	}
	if _, pte, ok := tb.Look(tk, to); !ok || pte.PFN() != 9 {
		t.Errorf("%#x is mapped", uint64(pte))
	}
	if tb.MoveTable(tk, vanishing, to+PMDSize, true, none) {
		t.Error("moved though there is none")
	}
	slot.Set(tk, 0)
}

// TestLockAndGet: the entry is read under the lock, and a slot that is another's now is neither locked nor read.
func TestLockAndGet(t *testing.T) {
	const addr = 5 * PMDSize
	plain, tk := newTables(t)
	slot := mustAlloc(t, plain, tk, addr)
	slot.Set(tk, Make(9, ReadWrite))
	if pte, ok := plain.LockAndGet(tk, slot, addr); !ok || pte != Make(9, ReadWrite) || slot.Trylock(tk) || plain.Vanish() {
		t.Errorf("%v, %t", pte, ok)
	}
	slot.Set(tk, 0)
	slot.Unlock(tk)

	tb, tk, _, slot := newVanishing(t)
	if pte, ok := tb.LockAndGet(tk, slot, vanishing); !ok || pte != 0 || !tb.Vanish() {
		t.Errorf("%v, %t", pte, ok)
	}
	slot.Unlock(tk)
	if !tb.Retract(tk, vanishing, func(Chunk) bool { return true }, func() {}) {
		t.Fatal("the table stays")
	}
	if _, ok := tb.LockAndGet(tk, slot, vanishing); ok {
		t.Error("a table that is gone was locked")
	}
}
