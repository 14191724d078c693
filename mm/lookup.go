package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// LockVMAUnderRCU returns the VMA at addr, read-locked, or nil if the caller must use mmap_lock: lock_vma_under_rcu.
func (mm *MM) LockVMAUnderRCU(t *task.Task, addr uint64) *vma.VMA {
	if t.Observer == nil {
		return mm.lockVMAUnderRCU(t, addr)
	}
	t.Enter("lock_vma_under_rcu")
	v := mm.lockVMAUnderRCU(t, addr)
	t.Leave()
	return v
}

func (mm *MM) lockVMAUnderRCU(t *task.Task, addr uint64) *vma.VMA {
	if mm.Rules.Lacks(rules.LookupMask) {
		return mm.lockVMAOtherwise(t, addr)
	}
	for {
		mm.RCU.ReadLock(t)
		v := mm.Tree.Lookup(t, addr)
		if v == nil {
			mm.RCU.ReadUnlock(t)
			return abort(t)
		}
		switch v.StartRead(t, &mm.MMLock) { // leaves the RCU section unless it locks
		case vma.ReadBusy:
			return abort(t)
		case vma.ReadDetached: // it was unmapped or replaced meanwhile; look again, from the root
			t.Counters[task.VMALockMiss]++
			continue
		}
		mm.RCU.ReadUnlock(t)
		// The VMA may have been reused, or have shrunk, before it was locked.
		if !v.Contains(t, addr) {
			v.EndRead(t)
			return abort(t)
		}
		return v
	}
}

// abort counts a lookup that leaves its caller to mmap_lock.
func abort(t *task.Task) *vma.VMA {
	t.Counters[task.VMALockAbort]++
	return nil
}

// lockVMAOtherwise is lockVMAUnderRCU where some rules of rules.LookupMask are switched off. It stands apart so that the
// lookup proper tests for them once.
func (mm *MM) lockVMAOtherwise(t *task.Task, addr uint64) *vma.VMA {
	late, anew := mm.Rules.Has(rules.AddressAfterRef), mm.Rules.Has(rules.WalkAnew)
	var kept tree.Place
	for again := false; ; again = !anew {
		mm.RCU.ReadLock(t)
		var v *vma.VMA
		if again {
			v = kept.Again(t, addr)
		} else {
			v, kept = mm.Tree.Walk(t, addr)
		}
		if v == nil || !late && !v.Contains(t, addr) {
			mm.RCU.ReadUnlock(t)
			return abort(t)
		}
		switch v.StartRead(t, mm.seqOwner(t, v)) {
		case vma.ReadBusy:
			return abort(t)
		case vma.ReadDetached:
			if !mm.Rules.Has(rules.RetryDetached) {
				return abort(t)
			}
			t.Counters[task.VMALockMiss]++
			continue
		}
		mm.RCU.ReadUnlock(t)
		if !mm.isOwn(t, v) || late && !v.Contains(t, addr) {
			v.EndRead(t)
			return abort(t)
		}
		return v
	}
}

// seqOwner returns the mm whose mm_lock_seq a reader of v looks at.
func (mm *MM) seqOwner(t *task.Task, v *vma.VMA) *vma.MMLock {
	if mm.Rules.Has(rules.CallersMM) {
		return &mm.MMLock
	}
	return v.UnstableMM(t)
}

// isOwn reports whether a VMA just locked is the mm's. A reader that looks at the caller's mm_lock_seq has compared the mms
// itself; who looked into vma->vm_mm compares here, as lock_vma_under_rcu did at first.
func (mm *MM) isOwn(t *task.Task, v *vma.VMA) bool {
	if mm.Rules.Has(rules.CallersMM) || !mm.Rules.Has(rules.CheckVMMM) {
		return true
	}
	return v.OfMM(t, &mm.MMLock)
}
