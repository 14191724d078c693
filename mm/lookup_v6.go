package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// lockVMAV6 is lockVMA of the generation vma.RefcountV6. Without rules.DropRCU all of it is one read section. Linux 6.15 to 6.17 looked again
// in it from the node where they stood, or from the root if that node had been replaced meanwhile; here it is always the root.
func (mm *MM) lockVMAV6(t *task.Task, addr uint64) *vma.VMA {
	late, drops := mm.Rules.Has(rules.AddressAfterRef), mm.DropsRCU()
	anew := !drops || mm.Rules.Has(rules.WalkAnew)
	var kept tree.Place
	mm.RCU.ReadLock(t)
	for again := false; ; again = !anew {
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
		switch res := mm.seqOwner(t, v).StartRead(t, v); {
		case res == vma.ReadLocked:
			return mm.lockedV6(t, v, addr)
		case res == vma.ReadBusy || !mm.Rules.Has(rules.RetryDetached):
			if !drops {
				mm.RCU.ReadUnlock(t)
			}
			return abort(t)
		}
		t.Counters[task.VMALockMiss]++
		if drops {
			mm.RCU.ReadLock(t)
		}
	}
}

// lockedV6 returns the VMA that was just locked, inside the read section in which it was found, if it is the one looked for.
func (mm *MM) lockedV6(t *task.Task, v *vma.VMA, addr uint64) *vma.VMA {
	drops := mm.DropsRCU()
	if drops {
		mm.RCU.ReadUnlock(t)
	}
	found := mm.isOwn(t, v) && (!mm.Rules.Has(rules.AddressAfterRef) || v.Contains(t, addr))
	if !found {
		mm.EndRead(t, vma.ReadLock{VMA: v})
	}
	if !drops {
		mm.RCU.ReadUnlock(t)
	}
	if !found {
		return abort(t)
	}
	return v
}

// seqOwner returns the mm whose mm_lock_seq a reader of v looks at.
func (mm *MM) seqOwner(t *task.Task, v *vma.VMA) *vma.MMLock {
	if mm.Rules.Has(rules.CallersMM) {
		return &mm.MMLock
	}
	return v.UnstableMM(t)
}

// isOwn reports whether a VMA just locked is the mm's, as far as that is still to be asked.
func (mm *MM) isOwn(t *task.Task, v *vma.VMA) bool {
	return !mm.ComparesLater() || v.OfMM(t, &mm.MMLock)
}
