package fault

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// speculate tries to handle the fault by a copy of its VMA, with no lock but that of the page table: do_user_addr_fault with
// FAULT_FLAG_SPECULATIVE, as it was posted in January 2022. Nothing that it does is visible unless the counter has stayed as it was.
func (f *fault) speculate() linux.AccessEnd {
	c, ok := f.mm.Speculate(f.t, f.addr)
	if !ok {
		return retry
	}
	f.speculative, f.Seq = true, c.Seq
	f.flags, f.anon, f.index = c.Flags, c.Anon, c.PgoffAt(f.addr)
	res := f.speculatePTE()
	f.speculative = false
	if res == retry || f.doubt {
		f.t.Counters[task.VMALockRetry]++
		return retry
	}
	f.t.Counters[task.VMALockSuccess]++
	return res
}

// speculatePTE is handle_pte_fault of a fault that speculates. It makes no page table.
func (f *fault) speculatePTE() linux.AccessEnd {
	f.t.Enter("handle_mm_fault")
	defer f.t.Leave()
	if f.accessError() {
		if f.mm.Rules.Has(rules.ErrorsFallBack) {
			return f.doubts(task.SPFAbortAccessError)
		}
		return linux.SegvAccerr
	}
	section := f.beginWalk()
	slot, pte, ok := f.mm.Tables.Look(f.t, f.addr)
	f.endWalk(section)
	f.slot = slot
	switch {
	case !ok:
		return f.doubts(task.SPFAbortPMD)
	case pte.Guard():
		return f.doubts(task.SPFAbortNoSpeculate)
	case pte.None():
		return f.anonymousPage()
	default:
		return f.present(pte)
	}
}

// beginWalk enters a section that the freeing of page tables waits for: speculative_page_walk_begin. It reports whether it did.
func (f *fault) beginWalk() bool {
	if !f.mm.Rules.Has(rules.WalkInSection) {
		return false
	}
	f.mm.Machine.Access.ReadLock(f.t)
	return true
}

// endWalk leaves the section, if there is one: speculative_page_walk_end.
func (f *fault) endWalk(section bool) {
	if section {
		f.mm.Machine.Access.ReadUnlock(f.t)
	}
}

// doubts notes that the fault is to go on under mmap_lock, and counts why.
func (f *fault) doubts(why task.Counter) linux.AccessEnd {
	f.doubt = true
	f.t.Counters[why]++
	return retry
}

// tryEntry is lockEntry of a fault that speculates: pte_map_lock. Between two sections the page table may have been freed, so the counter
// comes first. Under the lock it comes again: a writer that begins afterwards waits for the lock before it touches an entry. Here the entry of
// the PMD is not compared besides: what changes it under an anonymous VMA holds mmap_lock for writing.
func (f *fault) tryEntry(slot pgtable.Slot, seen pgtable.PTE) bool {
	f.t.Enter("pte_map_lock")
	defer f.t.Leave()
	section := f.beginWalk()
	defer f.endWalk(section)
	if f.mm.Rules.Has(rules.CheckBeforeTable) && !f.mm.Stable(f.t, f.ReadLock) {
		f.doubts(task.SPFAbortSeq1)
		return false
	}
	if !f.mm.Rules.Has(rules.TryPTELock) {
		slot.Lock(f.t)
	} else if !slot.Trylock(f.t) {
		f.doubts(task.SPFAbortPTL)
		return false
	}
	stable := !f.mm.Rules.Has(rules.CheckUnderLock) || f.mm.Stable(f.t, f.ReadLock)
	if stable && (slot.Get(f.t) == seen || !f.mm.Rules.Has(rules.RecheckEntry)) {
		return true
	}
	slot.Unlock(f.t)
	if !stable {
		f.doubts(task.SPFAbortSeq2)
	}
	return false
}
