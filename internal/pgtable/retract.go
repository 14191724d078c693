package pgtable

import (
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// LetVanish says that PTE tables may be retracted while their range is mapped. Who locks one then finds it inside a section of rcu,
// and looks again once it has the lock. The tables are empty.
func (tb *Tables) LetVanish(rcu *ksync.Domain) { tb.rcu = rcu }

// Vanish reports whether tables may be retracted.
func (tb *Tables) Vanish() bool { return tb.rcu != nil }

// LockSlot locks the table of the slot that Find or Alloc has returned for addr: pte_offset_map_lock. It reports false, and leaves the
// table alone, if the slot is no longer the one of addr.
func (tb *Tables) LockSlot(t *task.Task, s Slot, addr uint64) bool {
	if tb.rcu == nil {
		s.Lock(t)
		return true
	}
	return tb.lockAgain(t, s, addr)
}

// LockAndGet is LockSlot and, if it could lock the table, Get.
func (tb *Tables) LockAndGet(t *task.Task, s Slot, addr uint64) (pte PTE, ok bool) {
	if tb.rcu == nil {
		return PTE(ksync.LockAndRead(t, s.lock, &s.word)), true
	}
	if !tb.lockAgain(t, s, addr) {
		return 0, false
	}
	return s.Get(t), true
}

func (tb *Tables) lockAgain(t *task.Task, s Slot, addr uint64) bool {
	tb.rcu.ReadLock(t)
	defer tb.rcu.ReadUnlock(t)
	if now, ok := tb.Find(t, addr); !ok || now != s {
		return false
	}
	s.Lock(t)
	if now, ok := tb.Find(t, addr); ok && now == s {
		return true
	}
	s.Unlock(t)
	return false
}

// Look returns the slot of an address and its entry, and false if there is no PTE table for it: pte_offset_map, and ptep_get_lockless. It
// takes no lock.
func (tb *Tables) Look(t *task.Task, addr uint64) (s Slot, pte PTE, ok bool) {
	if tb.rcu != nil {
		tb.rcu.ReadLock(t)
	}
	if pmd, _ := tb.walk(t, addr); !pmd.None() {
		s, ok = tb.slot(pmd, addr), true
		pte = s.Get(t)
	}
	if tb.rcu != nil {
		tb.rcu.ReadUnlock(t)
	}
	return s, pte, ok
}

// LockTable locks the table of a chunk: pte_offset_map_lock. It reports false, and leaves the table alone, if it has been retracted.
func (tb *Tables) LockTable(t *task.Task, c Chunk) bool { return tb.LockSlot(t, c.Slot(0), c.Addr) }

// Retract takes the PTE table for addr away if empty, which is called under the locks of the PMD table and of the PTE table, has emptied
// it: the second half of retract_page_tables. flush is called under them, when no walk finds the table any more. The table is freed
// when they are given back, after a grace period: pte_free_defer. It reports whether there was such a table.
func (tb *Tables) Retract(t *task.Task, addr uint64, empty func(Chunk) bool, flush func()) bool {
	addr = addr >> PMDShift << PMDShift
	pfn, ok := tb.unhook(t, addr, empty, flush)
	if ok {
		tb.pages.Count(t, ^uint64(0))
		tb.freeRetracted(t, pfn, addr)
	}
	return ok
}

// unhook is Retract but for the freeing.
func (tb *Tables) unhook(t *task.Task, addr uint64, empty func(Chunk) bool, flush func()) (phys.PFN, bool) {
	e, pml := tb.findPMD(t, addr) // the reverse map keeps the tables above
	if e == nil {
		return 0, false
	}
	pml.Lock(t)
	defer pml.Unlock(t)
	pmd := e.Get(t)
	if !pmd.Accessible() {
		return 0, false
	}
	c := tb.chunk(pmd, addr, addr+PMDSize)
	c.Lock.Lock(t) // spin_lock_nested
	defer c.Lock.Unlock(t)
	if !empty(c) {
		return 0, false
	}
	e.GetAndClear(t) // pmdp_collapse_flush
	flush()
	return pmd.PFN(), true
}

// freeRetracted frees a table that was retracted, after a grace period of the tasks that may still look for its lock.
func (tb *Tables) freeRetracted(t *task.Task, pfn phys.PFN, addr uint64) {
	tb.rcu.Call(t, func(t *task.Task) {
		checkEmpty(t, tb.table(Make(pfn, tableEntry)), addr, linux.PageShift)
		tb.freeTable(t, pfn)
	})
}

// AllocAbove makes the tables for addr that are absent, but for the PTE table: alloc_new_pmd. It fails with ENOMEM.
func (tb *Tables) AllocAbove(t *task.Task, addr uint64) error {
	_, _, err := tb.allocPMD(t, addr)
	return err
}

// MoveTable moves the PTE table for from, whole, to the place for to, for which there are the tables above, if there is none yet:
// move_normal_pmd. With recheck it looks under the locks whether the table is still there. flush is called under them. It reports
// whether the table was moved; if not, its entries are to be moved. Both VMAs are write-locked, and their reverse maps are locked.
func (tb *Tables) MoveTable(t *task.Task, from, to uint64, recheck bool, flush func()) bool {
	next, nextLock := tb.findPMD(t, to)
	if !next.Get(t).None() {
		return false
	}
	old, oldLock := tb.findPMD(t, from)
	oldLock.Lock(t)
	defer oldLock.Unlock(t)
	if nextLock != oldLock {
		nextLock.Lock(t) // spin_lock_nested
		defer nextLock.Unlock(t)
	}
	pmd := old.Get(t)
	if recheck && !pmd.Accessible() {
		return false
	}
	old.Set(t, 0)
	next.Set(t, Make(pmd.PFN(), tableEntry)) // pmd_populate
	flush()
	return true
}
