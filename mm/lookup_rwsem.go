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
		if v.IsDetached(t) {
			mm.EndRead(t, vma.ReadLock{VMA: v})
			if !mm.Rules.Has(rules.RetryDetached) {
				break
			}
			t.Counters[task.VMALockMiss]++
			continue
		}
		if late && !v.Contains(t, addr) { // it has shrunk before it was locked
			mm.EndRead(t, vma.ReadLock{VMA: v})
			break
		}
		mm.RCU.ReadUnlock(t)
		return v
	}
	mm.RCU.ReadUnlock(t)
	return abort(t)
}
