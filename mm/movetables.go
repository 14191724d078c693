package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// moveTables moves the page-table entries of length bytes at from to the same places behind to: move_page_tables. Whole tables move
// where they can. It returns how many bytes were moved, fewer with ENOMEM. Both VMAs are write-locked, and nothing is mapped at the
// destination.
func (mm *MM) moveTables(t *task.Task, c vmaCopy, from, to, length uint64) (moved uint64, err error) {
	t.Enter("move_page_tables")
	defer t.Leave()
	err = mm.Tables.Chunks(t, from, from+length, func(old pgtable.Chunk) error {
		for len(old.Entries) > 0 {
			moved = old.Addr - from
			if whole, err := mm.moveTable(t, c, old, to+moved); whole || err != nil {
				return err
			}
			pages, err := mm.Tables.AllocChunk(t, to+moved, to+length)
			if err != nil {
				return err
			}
			n := min(len(old.Entries), len(pages.Entries))
			mm.movePTEs(t, c, old.Head(n), pages)
			old = old.Tail(n)
		}
		return nil
	})
	if err != nil {
		return moved, err
	}
	return length, nil
}

// moveTable moves a table as a whole, if all of it moves and comes to be one: move_pgt_entry. It reports whether it did.
func (mm *MM) moveTable(t *task.Task, c vmaCopy, old pgtable.Chunk, to uint64) (bool, error) {
	if len(old.Entries)<<linux.PageShift < pgtable.PMDSize || to%pgtable.PMDSize != 0 {
		return false, nil
	}
	if err := mm.Tables.AllocAbove(t, to); err != nil {
		return false, err
	}
	t.Enter("move_normal_pmd")
	defer t.Leave()
	rmap := takeRmapLocks(t, c.source) // a reverse lookup may look for the entries at either place
	defer rmap.unlock(t)
	return mm.Tables.MoveTable(t, old.Addr, to, mm.Rules.Has(rules.RecheckTable), func() {
		if mm.Rules.Has(rules.MoveFlushes) {
			mm.Machine.FlushTLB(t)
		}
	}), nil
}

// movePTEs moves the entries of old, which lie in one table, to another place, which does, too: move_ptes. Both tables are locked
// meanwhile; only the holder of mmap_lock for writing takes two such locks, so that their order does not matter.
func (mm *MM) movePTEs(t *task.Task, c vmaCopy, old, to pgtable.Chunk) {
	t.Enter("move_ptes")
	defer t.Leave()
	if c.lockRmap {
		rmap := takeRmapLocks(t, c.source)
		defer rmap.unlock(t)
	}
	if !mm.Tables.LockTable(t, old) { // it was retracted, so it was empty
		return
	}
	if to.Lock != old.Lock {
		to.Lock.Lock(t) // no other task knows its VMA
	}
	moved := false
	for i := range old.Entries {
		if !old.Entries[i].Get(t).None() {
			to.Entries[i].Set(t, old.Entries[i].GetAndClear(t))
			moved = true
		}
	}
	if moved && mm.Rules.Has(rules.MoveFlushes) { // before another task can get at the pages through their new place
		mm.Machine.FlushTLB(t)
	}
	if to.Lock != old.Lock {
		to.Lock.Unlock(t)
	}
	old.Lock.Unlock(t)
}
