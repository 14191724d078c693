package vma

import (
	"vmasim/internal/invariants"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// The reference count as it was before lock_refcount.go: each step that was added or changed since version 6 of the patch, of
// December 2024, is left out where the mm lacks the rule that stands for it. Without all of them it is version 6.

// takeMask has the rules that make one step of a reader's look at the count and its increment.
const takeMask = rules.Mask(1<<rules.OneStepReadLock | 1<<rules.UnlessZero)

// startReadV6 is startRead.
func (v *VMA) startReadV6(t *task.Task, mm *MMLock) ReadResult {
	if mm.Rules.Has(rules.HintFirst) && v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) {
		mm.leaveRCU(t)
		return ReadBusy
	}
	late := mm.Rules.Has(rules.RefAcquire) || t.Reorders()
	var seen identity
	if !late {
		seen = v.look(t, mm)
	}
	if old, ok := v.takeV6(t, mm); !ok {
		mm.leaveRCU(t)
		if old == 0 {
			return ReadDetached
		}
		return ReadBusy
	}
	if late {
		seen = v.look(t, mm)
	}
	switch {
	case seen.mm != mm:
		v.putForeignV6(t, mm, seen.mm)
		return ReadBusy
	case seen.writeLocked:
		v.refcountPutV6(t)
		mm.leaveRCU(t)
		return ReadBusy
	}
	return ReadLocked
}

// identity is what a reader looks at to learn whether the VMA is its own, and free.
type identity struct {
	mm          *MMLock
	writeLocked bool // asked only if mm is the reader's
}

// look reads the identity of the VMA. Without rules.CheckMMInside it passes for the reader's own.
func (v *VMA) look(t *task.Task, mm *MMLock) (seen identity) {
	if seen.mm = mm; mm.Rules.Has(rules.CheckMMInside) {
		seen.mm = v.mm.ReadOnce(t)
	}
	if seen.mm == mm {
		seq := v.seq.ReadOnce(t)
		if mm.Rules.Dropped(rules.SeqAcquire) {
			t.Unordered()
		}
		seen.writeLocked = seq == mm.LockSeq.ReadAcquire(t)
	}
	return seen
}

// leaveRCU ends the read section of a look-up that has failed, by rule not before the look-up has ended.
func (m *MMLock) leaveRCU(t *task.Task) {
	if m.DropsRCU() {
		m.RCU.ReadUnlock(t)
	}
}

// takeV6 takes a reader's reference, and reports whether it did; old is the count before. Without rules.ReaderLimit only
// the writer's flag stops a reader.
func (v *VMA) takeV6(t *task.Task, mm *MMLock) (old int32, ok bool) {
	if mm.Rules.Lacks(takeMask) {
		return v.takeUnordered(t, mm)
	}
	if mm.Rules.Dropped(rules.RefAcquire) {
		t.Unordered()
	}
	old, ok = v.refcnt.IncNotZeroLimitedAcquire(t, mm.RefLimit)
	if ok || old < mm.RefLimit || old >= VMARefLimit || mm.Rules.Has(rules.ReaderLimit) {
		return old, ok // it is detached, has a writer's flag, or is as it should be
	}
	n, ok := v.refcnt.IncNotZeroLimitedAcquire(t, VMARefLimit)
	if ok && n >= mm.RefLimit {
		t.Violate("refcount-overflow", "a reader raises vm_refcnt from %d, the limit is %d: it runs into the writer's flag", n, mm.RefLimit)
	}
	return old, ok
}

// putForeignV6 is putForeign, by rule without the pin.
func (v *VMA) putForeignV6(t *task.Task, mm, other *MMLock) {
	mm.leaveRCU(t)
	if !mm.Rules.Has(rules.PinForeignMM) {
		v.refcountPutV6(t)
		return
	}
	other.Grab(t)
	v.refcountPutV6(t)
	other.Drop(t)
}

// startReadLockedV6 is startReadLocked.
func (v *VMA) startReadLockedV6(t *task.Task, mm *MMLock) bool {
	_, ok := v.takeV6(t, mm)
	return ok
}

// refcountPutV6 is refcountPut.
func (v *VMA) refcountPutV6(t *task.Task) {
	mm := v.mm.ReadOnce(t)
	awaited := mm.Rules.Has(rules.DropBeforeLook) || t.Reorders() || mm.WriterWait.Awaited(t)
	if n := v.decV6(t, mm); n == 0 || n >= VMALockOffset {
		t.Enter("vma_refcount_put")
		v.afterPutV6(t, mm, n, awaited)
		t.Leave()
	}
}

// decV6 drops a reader's reference and returns the count left.
func (v *VMA) decV6(t *task.Task, mm *MMLock) int32 {
	if !mm.Rules.Has(rules.PutRelease) {
		return v.refcnt.DecRelaxed(t)
	}
	return v.refcnt.DecAndTest(t)
}

// afterPutV6 does what a put that has left n references may have to do still. mm is what vm_mm was before; awaited says that there is a
// writer to be woken, or may be.
func (v *VMA) afterPutV6(t *task.Task, mm *MMLock, n int32, awaited bool) {
	if !mm.Rules.Has(rules.SettleBeforePut) { // vma_refcount_put released lockdep's map and read vm_mm here, unless the count was zero
		if n == 0 {
			t.Violate("lock-left-held", "a reader's put drops vm_refcnt to 0 and leaves without telling lockdep: rwsem_release is skipped")
			return
		}
		mm = v.mm.ReadOnce(t)
		if !v.Alive() {
			t.Violate("use-after-free", "vm_mm is read of a VMA that was freed after the reference was dropped")
		}
	}
	// A writer that locks in two steps has a reference of its own, which stays.
	if awaited && n >= VMALockOffset && (n <= VMALockOffset+1 || !mm.Rules.Has(rules.OneStepWriteLock)) {
		if mm.Rules.Dropped(rules.DropBeforeLook) {
			t.Unordered() // the barrier of rcuwait_wake_up
		}
		mm.wakeWriter(t)
	}
}

// startWriteV6 is startWrite.
func (v *VMA) startWriteV6(t *task.Task, mode task.WaitMode) error {
	mm := v.mm.ReadOnce(t)
	if invariants.Enabled {
		mm.assertWriteHeld(t)
	}
	seq := mm.LockSeq.ReadOnce(t)
	if v.seq.ReadOnce(t) == seq && mm.Rules.Has(rules.SkipLocked) {
		return nil
	}
	t.Enter("__vma_start_write")
	defer t.Leave()
	entered := false
	if !v.early { // else it is not yet attached, and has read a count of 0
		var err error
		if entered, err = v.enterLockedV6(t, mm, 1, mode); err != nil {
			return err
		}
	}
	if entered && !mm.Rules.Has(rules.SeqBeforeFlag) && !t.Reorders() {
		v.exitLockedV6(t, mm)
		entered = false
	}
	v.seq.WriteOnce(t, seq)
	t.Reach(task.VMAWriteLocked)
	if entered {
		if mm.Rules.Dropped(rules.SeqBeforeFlag) {
			t.Unordered()
		}
		v.exitLockedV6(t, mm)
	}
	return nil
}

// enterLockedV6 is enterLocked, by rule in two steps: a reference of the writer's own, then the flag; and by rule without a wait, unless it
// is to detach the VMA. Beside the flag it leaves the VMA with left references.
func (v *VMA) enterLockedV6(t *task.Task, mm *MMLock, left int32, mode task.WaitMode) (bool, error) {
	target := VMALockOffset + left
	if !mm.Rules.Has(rules.OneStepWriteLock) {
		if !v.refcnt.IncNotZero(t) {
			return false, nil
		}
		target++
	}
	if !v.refcnt.AddNotZero(t, VMALockOffset) {
		return false, nil
	}
	if left > 0 && !mm.Rules.Has(rules.WriteWaits) {
		return true, nil
	}
	if err := v.awaitReadersV6(t, mm, target, mode); err != nil {
		if mm.Rules.Has(rules.UndoKilledLock) {
			v.exitLockedV6(t, mm)
		}
		return false, err
	}
	return true, nil
}

// exitLockedV6 is exitLocked.
func (v *VMA) exitLockedV6(t *task.Task, mm *MMLock) int32 {
	if !mm.Rules.Has(rules.OneStepWriteLock) {
		return v.refcnt.SubRelease(t, VMALockOffset+1)
	}
	return v.exitLocked(t)
}

// initRefcountV6 lets a new VMA begin attached, where rules.BornDetached is missing: vma_lock_init, when a flag that said detached was
// set later.
func (v *VMA) initRefcountV6(t *task.Task, mm *MMLock) {
	if mm.Rules.Dropped(rules.BornDetached) {
		v.refcnt.SetRelease(t, 1)
	}
}

// endRefcountV6 lets a VMA that was attached too early, and never was in the tree, be freed.
func (v *VMA) endRefcountV6(t *task.Task) {
	mm := v.mm.Peek()
	if (v.early || !mm.Rules.Has(rules.BornDetached)) && v.refcnt.Read(t) != 0 {
		v.early = false
		v.markDetachedV6(t)
	}
}

// markAttachedV6 is markAttached, which has not changed since December 2024, of a VMA that may have been born so.
func (v *VMA) markAttachedV6(t *task.Task, mm *MMLock) {
	switch {
	case v.early:
		v.early = false
	case mm.Rules.Has(rules.BornDetached) || v.refcnt.Read(t) == 0:
		v.assertDetached(t)
		if mm.Rules.Dropped(rules.AttachRelease) {
			t.Unordered()
		}
		v.refcnt.SetRelease(t, 1)
	}
}

// markDetachedV6 is markDetached, by rule without the wait for readers.
func (v *VMA) markDetachedV6(t *task.Task) {
	if v.refcnt.Read(t) == 0 {
		t.Violate("detach-detached", "VMA %#x is detached twice", v.start.Peek())
		return
	}
	mm := v.mm.ReadOnce(t)
	if v.refcnt.DecAndTest(t) == 0 || !mm.Rules.Has(rules.DetachWaits) {
		return
	}
	if entered, _ := v.enterLockedV6(t, mm, 0, task.Uninterruptible); entered {
		if n := v.exitLockedV6(t, mm); n != 0 {
			t.Violate("detach-with-readers", "VMA %#x is detached with vm_refcnt %d", v.start.Peek(), n)
		}
	}
}

// UnstableMM returns vm_mm of a VMA that may have been reused: lock_vma_under_rcu looked into it without rules.CallersMM, relying
// on an mm that it had no reference on.
func (v *VMA) UnstableMM(t *task.Task) *MMLock {
	mm := v.mm.ReadOnce(t)
	mm.AssertInUse(t, "mm_lock_seq is read of a freed mm, through the vm_mm of a reused VMA")
	return mm
}

// ComparesLater reports whether it is lock_vma_under_rcu that compares vm_mm, when it has the read lock: vma_start_read does not, or has looked
// into vma->vm_mm itself.
func (m *MMLock) ComparesLater() bool {
	rs := &m.Rules
	return m.Generation == RefcountV6 && rs.Has(rules.CheckVMMM) && !(rs.Has(rules.CallersMM) && rs.Has(rules.CheckMMInside))
}

// OfMM reports whether the VMA belongs to mm.
func (v *VMA) OfMM(t *task.Task, mm *MMLock) bool { return v.mm.ReadOnce(t) == mm }
