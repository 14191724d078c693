package mm

import (
	"errors"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Mlock is mlock(2): the pages of a range stay in memory. VMAs before the one that fails stay locked; pages may be missing where it
// fails with ENOMEM or EAGAIN. Errors are linux.Errno values, wrapped.
func (mm *MM) Mlock(t *task.Task, addr, length uint64) error { return mm.Mlock2(t, addr, length, 0) }

// Mlock2 is mlock2(2): with MLOCK_ONFAULT pages are locked when they come into memory, not brought there.
func (mm *MM) Mlock2(t *task.Task, addr, length uint64, flags int) error {
	t.Enter("do_mlock")
	defer t.Leave()
	if flags&^linux.MLOCK_ONFAULT != 0 {
		return errno("mlock", linux.EINVAL, "unknown flags %#x", flags)
	}
	lock := linux.VMLocked
	if flags&linux.MLOCK_ONFAULT != 0 {
		lock |= linux.VMLockOnFlt
	}
	if err := mm.mayLock(t, "mlock"); err != nil {
		return err
	}
	start, length := lockRange(addr, length)
	if err := mm.lockCall(t, callMlock, start, start+length); err != nil {
		return err
	}
	err := mm.lockWithinLimit(t, start, length, lock)
	mm.endCall(t, err)
	if err != nil {
		return err
	}
	return mlockError(mm.populate(t, start, start+length, false))
}

// Munlock is munlock(2). VMAs before the one that fails are unlocked. Errors are linux.Errno values, wrapped.
func (mm *MM) Munlock(t *task.Task, addr, length uint64) error {
	t.Enter("sys_munlock")
	defer t.Leave()
	start, length := lockRange(addr, length)
	if err := mm.lockCall(t, callMunlock, start, start+length); err != nil {
		return err
	}
	err := mm.applyLockFlags(t, start, length, 0)
	mm.endCall(t, err)
	return err
}

// Mlockall is mlockall(2): MCL_CURRENT locks what is mapped, MCL_FUTURE what will be, MCL_ONFAULT makes either of them bring no
// pages in. Without MCL_FUTURE an earlier one ends. Errors are linux.Errno values, wrapped; none is about a single VMA.
func (mm *MM) Mlockall(t *task.Task, flags int) error {
	t.Enter("sys_mlockall")
	defer t.Leave()
	if flags == 0 || flags&^(linux.MCL_CURRENT|linux.MCL_FUTURE|linux.MCL_ONFAULT) != 0 || flags == linux.MCL_ONFAULT {
		return errno("mlockall", linux.EINVAL, "flags %#x", flags)
	}
	if err := mm.mayLock(t, "mlockall"); err != nil {
		return err
	}
	if err := mm.lockCall(t, callMlockall, 0, linux.TaskSize); err != nil {
		return err
	}
	current := flags&linux.MCL_CURRENT != 0
	if total := mm.stat.Read(t).Total; current && !mm.lockedFits(t, total) {
		err := errno("mlockall", linux.ENOMEM, "%d pages exceed RLIMIT_MEMLOCK", total)
		mm.endCall(t, err)
		return err
	}
	mm.applyMlockallFlags(t, flags)
	mm.endCall(t, nil)
	if current {
		_ = mm.populate(t, 0, linux.TaskSize, true)
	}
	return nil
}

// Munlockall is munlockall(2): it unlocks all that is mapped, and what will be is not locked either. It fails with EINTR.
func (mm *MM) Munlockall(t *task.Task) error {
	t.Enter("sys_munlockall")
	defer t.Leave()
	if err := mm.lockCall(t, callMlockall, 0, linux.TaskSize); err != nil {
		return err
	}
	mm.applyMlockallFlags(t, 0)
	mm.endCall(t, nil)
	return nil
}

// mayLock makes system call op fail for a task that may not lock anything: can_do_mlock.
func (mm *MM) mayLock(t *task.Task, op string) error {
	if mm.Limit(t, LimitMemlock) == 0 && !mm.Machine.CapIPCLock {
		return errno(op, linux.EPERM, "RLIMIT_MEMLOCK is 0")
	}
	return nil
}

// lockedFits reports whether so many locked pages are within RLIMIT_MEMLOCK.
func (mm *MM) lockedFits(t *task.Task, pages uint64) bool {
	return pages <= mm.Limit(t, LimitMemlock)>>linux.PageShift || mm.Machine.CapIPCLock
}

// mlockFutureOK reports whether bytes more of memory with these flags are within RLIMIT_MEMLOCK: mlock_future_ok. The caller holds
// mmap_lock for writing.
func (mm *MM) mlockFutureOK(t *task.Task, flags linux.VMFlags, bytes uint64) bool {
	return flags&linux.VMLocked == 0 || mm.lockedFits(t, mm.lockedVM.Read(t)+bytes>>linux.PageShift)
}

// lockRange returns the whole pages that a range touches, as mlock counts them: the length wraps to 0 near the end, which is
// nothing then.
func lockRange(addr, length uint64) (start, size uint64) {
	return addr &^ (linux.PageSize - 1), pageAlign(length + offsetInPage(addr))
}

// lockWithinLimit is the part of mlock under mmap_lock held for writing. Locked pages do not count twice.
func (mm *MM) lockWithinLimit(t *task.Task, start, length uint64, lock linux.VMFlags) error {
	pages := length>>linux.PageShift + mm.lockedVM.Read(t)
	if !mm.lockedFits(t, pages) && !mm.lockedFits(t, pages-mm.countLocked(t, start, length)) {
		return errno("mlock", linux.ENOMEM, "%d locked pages exceed RLIMIT_MEMLOCK", pages)
	}
	return mm.applyLockFlags(t, start, length, lock)
}

// countLocked returns how many pages of a range are locked: count_mm_mlocked_page_nr.
func (mm *MM) countLocked(t *task.Task, start, length uint64) (pages uint64) {
	end := start + length
	if end < start {
		end = ^uint64(0)
	}
	for v := mm.vmi.Find(t, start); v != nil && v.Start(t) < end; v = mm.vmi.Find(t, v.End(t)) {
		if v.Flags(t)&linux.VMLocked != 0 {
			from, to := v.Range(t)
			pages += (min(to, end) - max(from, start)) >> linux.PageShift
		}
	}
	return pages
}

// applyLockFlags locks or unlocks a range, up to the first hole: apply_vma_lock_flags. It fails with EINVAL where the range wraps,
// and with ENOMEM. The caller holds mmap_lock for writing.
func (mm *MM) applyLockFlags(t *task.Task, start, length uint64, lock linux.VMFlags) error {
	end := start + length
	switch {
	case end < start:
		return errno("mlock", linux.EINVAL, "[%#x, +%#x) wraps", start, length)
	case end == start:
		return nil
	}
	v := mm.vmi.Find(t, start)
	for at := start; at < end; v = mm.vmi.Next(t) {
		if v == nil || v.Start(t) > at {
			return errno("mlock", linux.ENOMEM, "nothing is mapped at %#x", at)
		}
		next := v.End(t)
		changed, err := mm.mlockFixup(t, mm.vmi.Prev(t, at), v, at, min(next, end), lock)
		if err != nil {
			return err
		}
		mm.vmi.StandOn(changed.End(t))
		if at = next; mm.Rules.Has(rules.ResumeBehind) {
			at = changed.End(t)
		}
	}
	return nil
}

// applyMlockallFlags is mlockall with valid flags, or munlockall with none: apply_mlockall_flags. A VMA that cannot be changed is left out.
// The caller holds mmap_lock for writing.
func (mm *MM) applyMlockallFlags(t *task.Task, flags int) {
	lock := linux.VMLocked
	if flags&linux.MCL_ONFAULT != 0 {
		lock |= linux.VMLockOnFlt
	}
	current, future := flags&linux.MCL_CURRENT != 0, flags&linux.MCL_FUTURE != 0
	def := mm.defFlags.Read(t) &^ linux.VMLockedMask
	if future {
		def |= lock
	}
	if mm.defFlags.Write(t, def); future && !current {
		return
	}
	if !current {
		lock = 0
	}
	var prev *vma.VMA
	for v := mm.vmi.Find(t, 0); v != nil; v = mm.vmi.Next(t) {
		start, end := v.Range(t)
		mm.vmi.StandOn(end)
		changed, err := mm.mlockFixup(t, prev, v, start, end, lock)
		if prev = v; err == nil {
			prev = changed
		}
	}
}

// mlockFixup gives [start, end), a part of v, these of the VMLockedMask: mlock_fixup. It returns the VMA that the range is now in. prev is the VMA before v, or nil.
// Memory of devices, and what may be dropped, stays as it is.
func (mm *MM) mlockFixup(t *task.Task, prev, v *vma.VMA, start, end uint64, lock linux.VMFlags) (*vma.VMA, error) {
	t.Enter("mlock_fixup")
	defer t.Leave()
	old := v.Flags(t)
	flags := old&^linux.VMLockedMask | lock
	if flags == old || old&(linux.VMSpecial|linux.VMHugeTLB|linux.VMDroppable) != 0 {
		return v, nil
	}
	v, err := mm.modify(t, prev, v, start, end, flags)
	if err != nil {
		return nil, err
	}
	mm.StartWrite(t, v)
	v.SetFlags(t, flags|v.Flags(t)&linux.VMSticky)
	pages := (end - start) >> linux.PageShift
	switch {
	case flags&linux.VMLocked == 0:
		mm.addLocked(t, -pages)
	case old&linux.VMLocked == 0:
		mm.addLocked(t, pages)
	}
	return v, nil
}

// mlockError translates what populate says into what mlock does: __mlock_posix_error_return.
func mlockError(err error) error {
	switch {
	case errors.Is(err, linux.EFAULT):
		return errno("mlock", linux.ENOMEM, "%v", err)
	case errors.Is(err, linux.ENOMEM):
		return errno("mlock", linux.EAGAIN, "%v", err)
	}
	return err
}
