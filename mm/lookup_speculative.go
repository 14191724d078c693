package mm

import (
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Speculate copies the VMA at addr for a fault that takes no lock: the first half of do_user_addr_fault as it was posted in January 2022. It
// reports whether the copy is good as far as that can be seen now; if not, the fault goes on under mmap_lock, and the reason is counted.
// The series did not try where the address space has one user; here threads are not counted, so each fault is tried.
func (mm *MM) Speculate(t *task.Task, addr uint64) (c vma.Copy, ok bool) {
	t.Counters[task.SPFAttempt]++
	seq := mm.SeqReadStart(t)
	if seq&1 != 0 && mm.Rules.Has(rules.OddAborts) {
		return c, abandon(t, task.SPFAbortOdd)
	}
	inside := mm.Rules.Has(rules.CopyUnderRCU)
	mm.RCU.ReadLock(t)
	v := mm.Tree.Lookup(t, addr)
	if v == nil {
		mm.RCU.ReadUnlock(t)
		return c, abandon(t, task.SPFAbortUnmapped)
	}
	if !inside {
		mm.RCU.ReadUnlock(t)
	}
	c = v.Copy(t)
	if inside {
		mm.RCU.ReadUnlock(t)
	}
	c.Seq = seq
	switch {
	case mm.Rules.Has(rules.CheckCopy) && !mm.SeqReadCheck(t, seq):
		return c, abandon(t, task.SPFAbortVMACopy)
	case !c.Contains(addr):
		return c, abandon(t, task.SPFAbortUnmapped)
	case !c.Simple:
		return c, abandon(t, task.SPFAbortNoSpeculate)
	}
	return c, true
}

// abandon counts a look-up that leaves its caller to mmap_lock, and why.
func abandon(t *task.Task, why task.Counter) bool {
	t.Counters[why]++
	t.Counters[task.VMALockAbort]++
	return false
}
