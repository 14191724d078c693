package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// lockVMAV6 is lockVMA of the generation vma.RefcountV6.
func (mm *MM) lockVMAV6(t *task.Task, addr uint64) *vma.VMA {
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
		if v == nil || !late && !v.Contains(t, addr) || mm.lacksAnonVMA(t, v) {
			mm.RCU.ReadUnlock(t)
			return abort(t)
		}
		switch mm.seqOwner(t, v).StartRead(t, v) {
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
			mm.EndRead(t, vma.ReadLock{VMA: v})
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
// itself; one that looked into vma->vm_mm compares here, as lock_vma_under_rcu did at first.
func (mm *MM) isOwn(t *task.Task, v *vma.VMA) bool {
	if mm.Rules.Has(rules.CallersMM) || !mm.Rules.Has(rules.CheckVMMM) {
		return true
	}
	return v.OfMM(t, &mm.MMLock)
}
