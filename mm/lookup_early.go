package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// EarlyFlags is what a processor has read of a VMA before the lock that should have come first. The zero value is nothing.
type EarlyFlags struct {
	VMA   *vma.VMA
	Flags linux.VMFlags
}

// SeeFlagsEarly reads the flags of the VMA at addr before it is locked. Without rules.SeqAcquire nothing orders the reads that come after
// vma_start_read behind that of mm_lock_seq, so that a processor may perform them first; without rules.SeqRelease the writer's may perform
// the store to mm_lock_seq before that of the flags, which a reader sees in the same way. With both, nothing is read.
func (mm *MM) SeeFlagsEarly(t *task.Task, addr uint64) (seen EarlyFlags) {
	if t.Reorders() || !mm.Rules.Dropped(rules.SeqAcquire) && !mm.EndsUnordered() {
		return seen
	}
	mm.RCU.ReadLock(t)
	if v := mm.Tree.Lookup(t, addr); v != nil {
		seen = EarlyFlags{v, v.Flags(t)}
	}
	mm.RCU.ReadUnlock(t)
	return seen
}

// lacksAnonVMA reports whether a fault at v is to be left to mmap_lock because v has no anon_vma. lock_vma_under_rcu asked before it
// locked the VMA, without rules.AnonVMAUnderLock.
func (mm *MM) lacksAnonVMA(t *task.Task, v *vma.VMA) bool {
	return mm.Rules.Dropped(rules.AnonVMAUnderLock) && v.IsAnonymous(t) && v.AnonVMA(t) == nil
}
