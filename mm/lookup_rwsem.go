package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// lockVMARWSem is lockVMA of the generation vma.RWSem. All of it is one read section, in which what was found stays what it was.
//
// Linux looks again from the node where it stands, or from the root if that node has been replaced meanwhile. A node that holds a
// VMA which can be locked though it is detached has been: the section in which it was detached is over, and it is no longer in the tree.
func (mm *MM) lockVMARWSem(t *task.Task, addr uint64) *vma.VMA {
	late := mm.Rules.Has(rules.AddressAfterRef)
	mm.RCU.ReadLock(t)
	for {
		v := mm.Tree.Lookup(t, addr)
		if v == nil || !late && !v.Contains(t, addr) || mm.lacksAnonVMA(t, v) {
			break
		}
		if mm.StartRead(t, v) != vma.ReadLocked { // it has left the section
			return abort(t)
		}
		if v.IsDetached(t) && mm.Rules.Has(rules.CheckDetached) {
			mm.EndRead(t, vma.ReadLock{VMA: v})
			if !mm.Rules.Has(rules.RetryDetached) {
				break
			}
			t.Counters[task.VMALockMiss]++
			continue
		}
		// It has shrunk before it was locked, or faults in such VMAs are not handled under their lock.
		if late && !v.Contains(t, addr) || mm.Rules.Lacks(rules.LateMask) && mm.isAskedBefore(t, v) {
			mm.EndRead(t, vma.ReadLock{VMA: v})
			break
		}
		mm.RCU.ReadUnlock(t)
		return v
	}
	mm.RCU.ReadUnlock(t)
	return abort(t)
}

// isAskedBefore reports whether a fault in the VMA is left to mmap_lock by its look-up already: those on files up to 6.6, those in
// anonymous memory without an anon_vma up to 6.9.
func (mm *MM) isAskedBefore(t *task.Task, v *vma.VMA) bool {
	if v.IsAnonymous(t) {
		return !mm.Rules.Has(rules.LateAnonCheck) && v.AnonVMA(t) == nil
	}
	return !mm.Rules.Has(rules.FileFaults)
}
