package vma

import (
	"math"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

const (
	// VMALockOffset is added to vm_refcnt by a writer that keeps readers out.
	VMALockOffset = 0x40000000
	// VMARefLimit is the highest vm_refcnt that a reader may reach; with the writer's flag set the count is above it.
	VMARefLimit = VMALockOffset - 1
)

// ReadResult is the answer of StartRead.
type ReadResult uint8

// The answers of StartRead.
const (
	ReadLocked   ReadResult = iota // the VMA is read-locked
	ReadBusy                       // a writer has it, the count is at its limit, or it belongs to another mm: use mmap_lock
	ReadDetached                   // it is detached: look it up again
)

// StartRead tries to read-lock a VMA found under RCU: vma_start_read. mm is the caller's; v may have been freed and
// become anything by now. The caller is inside rcu_read_lock; on every answer but ReadLocked StartRead has left it.
//
// A false "busy" is allowed and costs the caller the slow path; a false "locked" never. After ReadLocked the caller must
// check that the VMA still covers its address, and EndRead it if not.
func (v *VMA) StartRead(t *task.Task, mm *MMLock) ReadResult {
	if t.Observer == nil { // one question for both ends of the function
		return v.startRead(t, mm)
	}
	t.Enter("vma_start_read")
	res := v.startRead(t, mm)
	t.Leave()
	return res
}

func (v *VMA) startRead(t *task.Task, mm *MMLock) ReadResult {
	// A hint: without it each reader would bounce the count's cache line while a writer works.
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) {
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	// Acquire: vm_mm, vm_lock_seq, vm_start and vm_end must not be read before the reference is taken, or they could
	// be those of the object's last life.
	old, ok := v.refcnt.IncNotZeroLimitedAcquire(t, mm.RefLimit)
	if !ok && !v.overflow(t, mm, old) {
		mm.RCU.ReadUnlock(t)
		if old == 0 {
			return ReadDetached
		}
		return ReadBusy
	}
	if mm.Rules.Has(rules.CheckVMMM) {
		if other := v.mm.ReadOnce(t); other != mm {
			v.putForeign(t, mm, other)
			return ReadBusy
		}
	}
	// The writer locked it between the hint and the reference. Acquire: seeing that the last writer has finished must
	// mean seeing all that it wrote.
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadAcquire(t) {
		v.refcountPut(t)
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	return ReadLocked
}

// putForeign drops the reference on a VMA that was reused by another mm. Once the reference is gone that mm can
// finish and be freed, while its writer still has to be woken; so the mm is pinned first.
func (v *VMA) putForeign(t *task.Task, mm, other *MMLock) {
	mm.RCU.ReadUnlock(t)
	if !mm.Rules.Has(rules.PinForeignMM) {
		v.refcountPut(t)
		return
	}
	other.Grab(t)
	v.refcountPut(t)
	other.Drop(t)
}

// overflow takes a reference beyond the limit where nothing keeps readers from that, and reports that it did. old is the
// count at which an ordinary reader would have failed.
func (v *VMA) overflow(t *task.Task, mm *MMLock, old int32) bool {
	if old < mm.RefLimit || old >= VMARefLimit || mm.Rules.Has(rules.ReaderLimit) {
		return false // detached, a writer's flag, or as it should be
	}
	n, ok := v.refcnt.IncNotZeroLimitedAcquire(t, VMARefLimit)
	if ok && n >= mm.RefLimit {
		t.Violate("refcount-overflow", "a reader raises vm_refcnt from %d, the limit is %d: it runs into the writer's flag", n, mm.RefLimit)
	}
	return ok
}

// refcountPut drops a reader's reference and wakes a writer that waits for it: vma_refcount_put. The VMA may be freed
// once the reference is dropped, so vm_mm is read before.
func (v *VMA) refcountPut(t *task.Task) {
	mm := v.mm.ReadOnce(t)
	if n := v.refcnt.DecAndTest(t); uint32(n)-1 >= VMALockOffset-1 { // the last reference, or a writer's flag
		v.lastPut(t, mm, n)
	}
}

// lastPut is what may be left to do when n is the count after a put.
func (v *VMA) lastPut(t *task.Task, mm *MMLock, n int32) {
	t.Enter("vma_refcount_put")
	defer t.Leave()
	if n >= 0 && !mm.Rules.Has(rules.SettleBeforePut) {
		if mm = v.settleLate(t, n); mm == nil {
			return
		}
	}
	// A writer that locks in two steps has a reference of its own, which stays.
	if n >= VMALockOffset && (n <= VMALockOffset+1 || !mm.Rules.Has(rules.OneStepWriteLock)) {
		v.wakeWriter(t, mm)
	}
}

// settleLate is how vma_refcount_put did in December 2024 what it has to do with the VMA: after it dropped the count, and
// only if that is not zero. It returns the mm whose writer is to be woken, nil for none.
func (v *VMA) settleLate(t *task.Task, n int32) *MMLock {
	if n == 0 {
		t.Violate("lock-left-held", "a reader's put drops vm_refcnt to 0 and leaves without telling lockdep: rwsem_release is skipped")
		return nil
	}
	mm := v.mm.ReadOnce(t)
	if !v.Alive() {
		t.Violate("use-after-free", "vm_mm is read of a VMA that was freed after the reference was dropped")
	}
	return mm
}

func (v *VMA) wakeWriter(t *task.Task, mm *MMLock) {
	mm.WriterWait.WakeUp(t)
	// Looked at afterwards: the writer can go on, and its mm away, as soon as the reference is dropped.
	if mm.Count.Read(t) == 0 {
		t.Violate("use-after-free", "the writer of a freed mm is woken")
	}
}

// UnstableMM returns vm_mm of a VMA that may have been reused. Whoever looks into it relies on an mm that it has no
// reference on.
func (v *VMA) UnstableMM(t *task.Task) *MMLock {
	mm := v.mm.ReadOnce(t)
	if mm.Count.Read(t) == 0 {
		t.Violate("use-after-free", "mm_lock_seq is read of a freed mm, through the vm_mm of a reused VMA")
	}
	return mm
}

// OfMM reports whether the VMA belongs to mm.
func (v *VMA) OfMM(t *task.Task, mm *MMLock) bool { return v.mm.ReadOnce(t) == mm }

// StartReadLocked read-locks a VMA under mmap_lock held for reading, when no writer can exist: vma_start_read_locked.
// It fails only if the count is at its limit.
func (v *VMA) StartReadLocked(t *task.Task) bool {
	t.Enter("vma_start_read_locked")
	defer t.Leave()
	mm := v.mm.Peek() // stable: the VMA is in the tree of an mm that is locked
	old, ok := v.refcnt.IncNotZeroLimitedAcquire(t, mm.RefLimit)
	return ok || v.overflow(t, mm, old)
}

// EndRead gives the read lock back: vma_end_read. The VMA must not be touched afterwards.
func (v *VMA) EndRead(t *task.Task) {
	if t.Observer == nil {
		v.refcountPut(t)
		return
	}
	t.Enter("vma_end_read")
	v.refcountPut(t)
	t.Leave()
}

// StartWrite write-locks the VMA until the mmap write lock ends, and waits for its readers: vma_start_write. The caller
// holds mmap_lock for writing. It may be called again at no cost.
func (v *VMA) StartWrite(t *task.Task) { _ = v.startWrite(t, task.Uninterruptible) }

// StartWriteKillable is StartWrite that a fatal signal ends with EINTR; the VMA is then not locked.
func (v *VMA) StartWriteKillable(t *task.Task) error { return v.startWrite(t, task.Killable) }

func (v *VMA) startWrite(t *task.Task, mode task.WaitMode) error {
	mm := v.mm.ReadOnce(t)
	if invariants.Enabled && !mm.MmapLock.WriteHeldBy(t) {
		t.Violate("write-lock-without-mmap-lock", "vma_start_write without mmap_lock held for writing")
	}
	seq := mm.LockSeq.ReadOnce(t)
	if v.seq.ReadOnce(t) == seq {
		return nil
	}
	t.Enter("__vma_start_write")
	defer t.Leave()
	entered, err := v.enterLocked(t, mm, VMALockOffset+1, mode)
	if err != nil {
		return err
	}
	v.seq.WriteOnce(t, seq)
	t.Reach(task.VMAWriteLocked)
	if entered {
		v.exitLocked(t, mm)
	}
	return nil
}

// enterLocked keeps new readers out and waits until the count is target: __vma_enter_locked. It reports false for a
// detached VMA, which has no readers.
func (v *VMA) enterLocked(t *task.Task, mm *MMLock, target int32, mode task.WaitMode) (bool, error) {
	if !mm.Rules.Has(rules.OneStepWriteLock) {
		// As posted in December 2024: a reference of the writer's own first, then the flag.
		if !v.refcnt.IncNotZero(t) {
			return false, nil
		}
		target++
	}
	if !v.refcnt.AddNotZero(t, VMALockOffset) {
		return false, nil
	}
	if v.refcnt.Read(t) == target {
		return true, nil
	}
	t.Reach(task.WaitReaders)
	err := mm.WriterWait.WaitEvent(t, unsafe.Pointer(&v.refcnt), mode, func() bool { return v.refcnt.Peek() == target })
	if err != nil {
		v.exitLocked(t, mm)
		return false, err
	}
	return true, nil
}

// exitLocked lets readers in again: __vma_exit_locked. It returns the count left.
func (v *VMA) exitLocked(t *task.Task, mm *MMLock) int32 {
	if !mm.Rules.Has(rules.OneStepWriteLock) {
		return v.refcnt.SubRelease(t, VMALockOffset+1)
	}
	return v.refcnt.SubRelease(t, VMALockOffset)
}

// IsWriteLocked reports whether the VMA is write-locked in the current write section of its mm.
func (v *VMA) IsWriteLocked(t *task.Task) bool {
	mm := v.mm.ReadOnce(t)
	return v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) && mm.MmapLock.WriteHeldBy(t)
}

// AssertWriteLocked reports a violation unless the caller has the VMA write-locked: vma_assert_write_locked.
func (v *VMA) AssertWriteLocked(t *task.Task) {
	if !v.IsWriteLocked(t) {
		t.Violate("not-write-locked", "VMA %#x is changed without its write lock", v.start.Peek())
	}
}

// AssertLocked reports a violation unless somebody has the VMA locked: vma_assert_locked.
func (v *VMA) AssertLocked(t *task.Task) {
	if v.refcnt.Peek() <= 1 && !v.IsWriteLocked(t) {
		t.Violate("not-locked", "VMA %#x is used without a lock", v.start.Peek())
	}
}

// AssertAttached checks that the VMA is attached: vma_assert_attached. The caller has it write-locked, so that it stays so.
func (v *VMA) AssertAttached(t *task.Task) {
	if v.refcnt.Peek() == 0 {
		t.Violate("store-detached", "the entry of the detached VMA %#x is overwritten", v.start.Peek())
	}
}

// assertModifiable checks, in builds with invariants, that the VMA is write-locked or cannot be found.
func (v *VMA) assertModifiable(t *task.Task) {
	if invariants.Enabled && v.refcnt.Peek() != 0 {
		v.AssertWriteLocked(t)
	}
}

// IsDetached reports whether the VMA is detached; the caller holds mmap_lock for writing or the VMA is its own.
func (v *VMA) IsDetached(t *task.Task) bool { return v.refcnt.Read(t) == 0 }

// MarkAttached lets readers in: vma_mark_attached. The VMA must be detached, and write-locked or not yet visible.
func (v *VMA) MarkAttached(t *task.Task) {
	t.Enter("vma_mark_attached")
	defer t.Leave()
	if n := v.refcnt.Read(t); n != 0 {
		t.Violate("attach-attached", "VMA %#x is attached with vm_refcnt %d", v.start.Peek(), n)
	}
	// Release: a reader that gets a reference must see vm_mm, vm_start and vm_end of this life.
	v.refcnt.SetRelease(t, 1)
}

// MarkDetached keeps readers out for good: vma_mark_detached. The VMA must be attached and write-locked. When it returns
// no reader holds a reference and none can get one, so the VMA may be freed or attached again.
func (v *VMA) MarkDetached(t *task.Task) {
	t.Enter("vma_mark_detached")
	defer t.Leave()
	if invariants.Enabled {
		v.AssertWriteLocked(t)
	}
	if v.refcnt.Read(t) == 0 {
		t.Violate("detach-detached", "VMA %#x is detached twice", v.start.Peek())
		return
	}
	mm := v.mm.ReadOnce(t)
	if v.refcnt.DecAndTest(t) == 0 || !mm.Rules.Has(rules.DetachWaits) {
		return
	}
	// A reader took a reference, will find the VMA write-locked, and is about to drop it.
	if entered, _ := v.enterLocked(t, mm, VMALockOffset, task.Uninterruptible); entered {
		if n := v.exitLocked(t, mm); n != 0 {
			t.Violate("detach-with-readers", "VMA %#x is detached with vm_refcnt %d", v.start.Peek(), n)
		}
	}
}

// NeverLocked is the vm_lock_seq of a VMA that was never write-locked. It is odd, and an idle mm_lock_seq is even.
const NeverLocked = math.MaxUint32
