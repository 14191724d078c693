package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// adviceLock is the lock that an advice is carried out under: enum madvise_lock_mode.
type adviceLock uint8

const (
	unknownAdvice adviceLock = iota
	mmapRead                 // mmap_lock for reading
	vmaRead                  // the read lock of the one VMA that covers the range, else mmap_lock for reading; up to 6.16 that alone
	vmaReadGuard             // the same; up to 6.18 mmap_lock alone
	mmapWrite                // mmap_lock for writing
)

// advice describes a value of madvise. Either it changes flags of VMAs (set, clear), or it does something to their pages.
type advice struct {
	lock       adviceLock
	discards   bool // contents may be lost by it: is_discard
	set, clear linux.VMFlags
	refuses    func(t *task.Task, v *vma.VMA) bool // VMAs that the flags cannot be changed of: EINVAL
	ignores    func(t *task.Task, v *vma.VMA) bool // VMAs that are left alone
	pages      func(a *advising, t *task.Task, v *vma.VMA, start, end uint64) error
	populates  bool // it brings pages in; then it looks for the VMAs itself
	write      bool // it brings them in as writes do
}

// adviceTable has the advice that madvise knows, by its value.
var adviceTable = [...]advice{
	linux.MADV_NORMAL:     {lock: mmapWrite, clear: linux.VMRandRead | linux.VMSeqRead},
	linux.MADV_RANDOM:     {lock: mmapWrite, set: linux.VMRandRead, clear: linux.VMSeqRead},
	linux.MADV_SEQUENTIAL: {lock: mmapWrite, set: linux.VMSeqRead, clear: linux.VMRandRead},
	linux.MADV_DONTFORK:   {lock: mmapWrite, set: linux.VMDontCopy, discards: true},
	linux.MADV_DOFORK:     {lock: mmapWrite, clear: linux.VMDontCopy, refuses: anyOf(linux.VMIO)},
	linux.MADV_WIPEONFORK: {lock: mmapWrite, set: linux.VMWipeOnFork, discards: true, refuses: notPrivateAnonymous},
	linux.MADV_KEEPONFORK: {lock: mmapWrite, clear: linux.VMWipeOnFork, refuses: anyOf(linux.VMDroppable)},
	linux.MADV_DONTDUMP:   {lock: mmapWrite, set: linux.VMDontDump},
	linux.MADV_DODUMP:     {lock: mmapWrite, clear: linux.VMDontDump, refuses: anyOf(linux.VMSpecial | linux.VMDroppable)},
	linux.MADV_HUGEPAGE:   {lock: mmapWrite, set: linux.VMHugePage, clear: linux.VMNoHugePage},
	linux.MADV_NOHUGEPAGE: {lock: mmapWrite, set: linux.VMNoHugePage, clear: linux.VMHugePage},
	// Nothing scans for equal pages, so none is to be told apart again either (ksm_madvise).
	linux.MADV_MERGEABLE:   {lock: mmapWrite, set: linux.VMMergeable, ignores: anyOf(unmergeable)},
	linux.MADV_UNMERGEABLE: {lock: mmapWrite, clear: linux.VMMergeable},

	linux.MADV_DONTNEED:        {lock: vmaRead, discards: true, pages: (*advising).dontneed},
	linux.MADV_DONTNEED_LOCKED: {lock: vmaRead, discards: true, pages: (*advising).dontneedLocked},
	linux.MADV_FREE:            {lock: vmaRead, discards: true, pages: (*advising).free},
	linux.MADV_GUARD_INSTALL:   {lock: vmaReadGuard, discards: true, pages: (*advising).installGuards},
	linux.MADV_GUARD_REMOVE:    {lock: vmaReadGuard, pages: (*advising).removeGuards},
	linux.MADV_REMOVE:          {lock: mmapRead, discards: true, pages: (*advising).punchHole},
	linux.MADV_WILLNEED:        {lock: mmapRead, pages: (*advising).willneed},
	linux.MADV_COLD:            {lock: mmapRead, pages: (*advising).cold},
	linux.MADV_PAGEOUT:         {lock: mmapRead, pages: (*advising).cold}, // nothing is reclaimed
	linux.MADV_COLLAPSE:        {lock: mmapRead, pages: (*advising).collapse},

	linux.MADV_POPULATE_READ:  {lock: mmapRead, populates: true},
	linux.MADV_POPULATE_WRITE: {lock: mmapRead, populates: true, write: true},
}

// anyOf matches VMAs with any of the flags.
func anyOf(flags linux.VMFlags) func(t *task.Task, v *vma.VMA) bool {
	return func(t *task.Task, v *vma.VMA) bool { return v.Flags(t)&flags != 0 }
}

func notPrivateAnonymous(t *task.Task, v *vma.VMA) bool {
	return v.File(t) != nil || v.Flags(t)&linux.VMShared != 0
}

// Madvise is madvise(2). A hole in the range gives ENOMEM, after what is mapped has been done; a VMA that refuses ends it. Errors
// are linux.Errno values, wrapped.
func (mm *MM) Madvise(t *task.Task, addr, length uint64, value int) error {
	t.Enter("do_madvise")
	defer t.Leave()
	if !mm.Machine.knowsAdvice(value) {
		return errno("madvise", linux.EINVAL, "advice %d is unknown", value)
	}
	if offsetInPage(addr) != 0 {
		return errno("madvise", linux.EINVAL, "address %#x is not page aligned", addr)
	}
	size := pageAlign(length)
	end := addr + size
	if length != 0 && size == 0 || end < addr {
		return errno("madvise", linux.EINVAL, "[%#x, +%#x) wraps", addr, length)
	}
	if size == 0 {
		return nil
	}
	a := &mm.Machine.scratch.Get(t).advice
	*a = advising{mm: mm, value: value, advice: adviceTable[value]}
	return a.locked(t, addr, end)
}

// advising is one madvise in progress: struct madvise_behavior.
type advising struct {
	mm    *MM
	value int
	advice
	gather *gather // pages dropped; nil: none yet
}

// locked carries the advice out under the lock that it needs: madvise_lock and madvise_do_behavior.
func (a *advising) locked(t *task.Task, start, end uint64) error {
	if a.lock == mmapWrite {
		if err := a.mm.lockCall(t, callMadvise, start, end); err != nil {
			return err
		}
		err := a.walk(t, start, end)
		a.mm.endCall(t, err)
		return err
	}
	if a.lock == vmaRead || a.lock == vmaReadGuard {
		if done, err := a.underVMALock(t, start, end); done {
			return err
		}
		t.Counters[task.AdviceMmapLock]++
		t.Reach(task.AdviceUnderMmapLock)
	}
	a.mm.MmapReadLock(t)
	defer a.mm.MmapReadUnlock(t)
	if a.populates {
		return a.mm.faultInRange(t, start, end, a.write)
	}
	return a.walk(t, start, end)
}

// underVMALock carries the advice out under a VMA read lock alone, if the rules have it do so and the VMA allows it: try_vma_read_lock. It
// reports false if the caller must use mmap_lock.
func (a *advising) underVMALock(t *task.Task, start, end uint64) (done bool, err error) {
	rule := rules.AdviceVMALock
	if a.lock == vmaReadGuard {
		rule = rules.GuardVMALock
	}
	if !a.mm.Rules.Has(rule) {
		return false, nil
	}
	r := a.mm.LockVMAUnderRCU(t, start)
	if r.VMA == nil {
		return false, nil
	}
	defer a.mm.EndRead(t, r)
	if !a.sufficient(t, r.VMA, end) {
		return false, nil
	}
	t.Counters[task.AdviceVMALock]++
	t.Reach(task.AdviceUnderVMALock)
	_, err = a.apply(t, r.VMA, start, end)
	a.finish(t)
	return true, err
}

// sufficient reports whether the read lock of a VMA is enough to carry the advice out up to end: is_vma_lock_sufficient. The range may not go
// on behind the VMA, no userfaultfd may have to be told of it, and no anon_vma may have to be made, which looks at the neighbours.
func (a *advising) sufficient(t *task.Task, v *vma.VMA, end uint64) bool {
	rs := &a.mm.Rules
	switch {
	case rs.Has(rules.AdviceOneVMA) && v.End(t) < end:
		return false
	case v.Flags(t)&(linux.VMUffdMiss|linux.VMUffdWP) != 0: // userfaultfd_armed
		return false
	}
	return !(rs.Has(rules.GuardAnonVMA) && a.preparesAnonVMA(t, v) && v.AnonVMA(t) == nil)
}

// preparesAnonVMA reports whether the advice gives the VMA an anon_vma if it has none: prepares_anon_vma.
func (a *advising) preparesAnonVMA(t *task.Task, v *vma.VMA) bool {
	return a.value == linux.MADV_GUARD_INSTALL && (a.mm.Machine.NoMaybeGuard || v.IsAnonymous(t))
}

// walk carries the advice out for all that is mapped in [start, end): madvise_walk_vmas. The caller holds mmap_lock.
func (a *advising) walk(t *task.Task, start, end uint64) error {
	defer a.finish(t)
	hole := false
	for at := start; at < end; {
		v := a.mm.Tree.Find(t, at)
		if v == nil || v.Start(t) >= end {
			hole = true
			break
		}
		from, to := v.Range(t)
		from, to = max(from, at), min(to, end)
		hole = hole || from > at
		changed, err := a.apply(t, v, from, to)
		if err != nil {
			return err
		}
		at = to
		if changed != nil {
			at = max(at, changed.End(t))
		}
	}
	if hole {
		return errno("madvise", linux.ENOMEM, "part of [%#x, %#x) is not mapped", start, end)
	}
	return nil
}

// discardBits has the bits of all advice that lost contents in 6.10.
const discardBits = linux.MADV_FREE | linux.MADV_DONTNEED | linux.MADV_DONTNEED_LOCKED | linux.MADV_REMOVE | linux.MADV_DONTFORK | linux.MADV_WIPEONFORK

// losesContents reports whether contents may be lost by the advice: is_discard. Without the rule its value is taken for bits of a mask.
func (a *advising) losesContents() bool {
	if a.discards || a.mm.Rules.Has(rules.SealByValue) {
		return a.discards
	}
	return a.value&discardBits != 0
}

// apply carries the advice out for [start, end), a part of v: madvise_vma_behavior. It returns the VMA that the range is in now if
// flags were changed, else nil: v may be gone.
func (a *advising) apply(t *task.Task, v *vma.VMA, start, end uint64) (*vma.VMA, error) {
	t.Enter("madvise_vma_behavior")
	defer t.Leave()
	if a.losesContents() && v.IsAnonymous(t) && v.Flags(t)&linux.VMWrite == 0 { // can_madvise_modify: what may be written to may be discarded
		if err := checkSealed(t, "madvise", v); err != nil {
			return nil, err
		}
	}
	if a.pages != nil {
		return nil, a.pages(a, t, v, start, end)
	}
	return a.change(t, v, start, end)
}

// change changes the flags of [start, end), a part of v: madvise_update_vma. Where memory or map_count does not allow to split v it
// fails with EAGAIN, and may have split it once.
func (a *advising) change(t *task.Task, v *vma.VMA, start, end uint64) (*vma.VMA, error) {
	switch {
	case a.refuses != nil && a.refuses(t, v):
		return nil, errno("madvise", linux.EINVAL, "not for the mapping at %#x", v.Start(t))
	case a.ignores != nil && a.ignores(t, v):
		return v, nil
	}
	old := v.Flags(t)
	flags := old&^a.clear | a.set
	if flags == old {
		return v, nil
	}
	changed, err := a.mm.changeFlags(t, v, start, end, flags)
	if err != nil {
		return nil, errno("madvise", linux.EAGAIN, "%v", err)
	}
	return changed, nil
}

// finish frees what was dropped: madvise_finish_tlb.
func (a *advising) finish(t *task.Task) {
	if a.gather != nil {
		a.gather.finish(t)
	}
}
