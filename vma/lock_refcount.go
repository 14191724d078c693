package vma

import (
	"math"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// The generation of Linux 6.15 to 6.18, to be read beside include/linux/mmap_lock.h and mm/mmap_lock.c: one count says whether a
// VMA is attached, how many readers it has, and whether a writer waits for them. It asks for no rules.

const (
	// VMALockOffset is added to vm_refcnt by a writer that keeps readers out.
	VMALockOffset = 0x40000000
	// VMARefLimit is the highest vm_refcnt that a reader may reach; with the writer's flag set the count is above it.
	VMARefLimit = VMALockOffset - 1
	// NeverLocked is the vm_lock_seq of a VMA that was never write-locked. It is odd, and an idle mm_lock_seq is even.
	NeverLocked = math.MaxUint32
)

// startRead is vma_start_read, or leads to that of another generation unless told that this is the one.
func startRead[S task.Seen](t *task.Task, mm *MMLock, v *VMA, told bool) ReadResult {
	if !told && (unsafe.Sizeof(*new(S)) != 0 || mm.Generation != Refcount) {
		return mm.startRead(t, v)
	}
	// A hint: without it each reader would bounce the count's cache line while a writer works.
	if ksync.SameOnce[S](t, &v.seq, &mm.LockSeq) {
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	// Acquire: vm_mm, vm_lock_seq, vm_start and vm_end must not be read before the reference is taken, or they could
	// be those of the object's last life.
	old, ok, other := ksync.IncAndRead[S](t, &v.refcnt, mm.RefLimit, &v.mm)
	if !ok {
		mm.RCU.ReadUnlock(t)
		if old == 0 {
			return ReadDetached
		}
		return ReadBusy
	}
	if other != mm {
		v.putForeign(t, mm, other)
		return ReadBusy
	}
	// The writer locked it between the hint and the reference. Acquire: seeing that the last writer has finished must
	// mean seeing all that it wrote.
	if ksync.SameAcquire[S](t, &v.seq, &mm.LockSeq) {
		mark := t.Mark()
		v.refcountPut(t)
		t.Keep(mark, 0)
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	return ReadLocked
}

// putForeign drops the reference on a VMA that was reused by another mm. Once the reference is gone that mm can
// finish and be freed, while its writer still has to be woken; so the mm is pinned first.
func (v *VMA) putForeign(t *task.Task, mm, other *MMLock) {
	mm.RCU.ReadUnlock(t)
	other.Grab(t)
	v.refcountPut(t)
	other.Drop(t)
}

// startReadLocked is vma_start_read_locked. The VMA is in the tree of an mm that is locked, so it is that of mm.
func (v *VMA) startReadLocked(t *task.Task, mm *MMLock) bool {
	_, ok := v.refcnt.IncNotZeroLimitedAcquire(t, mm.RefLimit)
	return ok
}

// refcountPut drops a reader's reference and wakes a writer that waits for it: vma_refcount_put.
func (v *VMA) refcountPut(t *task.Task) {
	if t.Observer != nil {
		vmaEndRead[task.Observed](t, nil, ReadLock{VMA: v}, true)
	} else {
		vmaEndRead[task.Unobserved](t, nil, ReadLock{VMA: v}, true)
	}
}

// vmaEndRead is refcountPut, or leads to what another generation does at the end of a read lock unless told that this is the one. The VMA may
// be freed once the reference is dropped, so vm_mm is read before.
func vmaEndRead[S task.Seen](t *task.Task, m *MMLock, r ReadLock, told bool) {
	if !told && (t.Observer != nil || r.Mmap || m.Generation != Refcount) {
		m.endRead(t, r)
		return
	}
	mm := ksync.PointerOnce[S](t, &r.VMA.mm)
	if n := ksync.DecAndTest[S](t, &r.VMA.refcnt); n >= VMALockOffset && n <= VMALockOffset+1 {
		mm.putWakes(t)
	}
}

// putWakes is the rest of vma_refcount_put where a writer waits.
func (m *MMLock) putWakes(t *task.Task) {
	t.Enter("vma_refcount_put")
	m.wakeWriter(t)
	t.Leave()
}

// startWrite is vma_start_write.
func (v *VMA) startWrite(t *task.Task, mode task.WaitMode) error {
	mm := v.mm.ReadOnce(t)
	if invariants.Enabled {
		mm.assertWriteHeld(t)
	}
	seq := mm.LockSeq.ReadOnce(t)
	if v.seq.ReadOnce(t) == seq {
		return nil
	}
	t.Enter("__vma_start_write")
	entered, err := v.enterLocked(t, mm, VMALockOffset+1, mode)
	if err == nil {
		v.seq.WriteOnce(t, seq)
		t.Reach(task.VMAWriteLocked)
		if entered {
			v.exitLocked(t)
		}
	}
	t.Leave()
	return err
}

// enterLocked keeps new readers out and waits until the count is target: __vma_enter_locked. It reports false for a
// detached VMA, which has no readers.
func (v *VMA) enterLocked(t *task.Task, mm *MMLock, target int32, mode task.WaitMode) (bool, error) {
	if !v.refcnt.AddNotZero(t, VMALockOffset) {
		return false, nil
	}
	if err := v.awaitReaders(t, mm, target, mode); err != nil {
		v.exitLocked(t)
		return false, err
	}
	return true, nil
}

// awaitReaders waits until vm_refcnt is target. A full barrier comes before each look at it, the first one, too: set_current_state in
// rcuwait_wait_event. None comes behind the last.
func (v *VMA) awaitReaders(t *task.Task, mm *MMLock, target int32, mode task.WaitMode) error {
	mark := t.Mark()
	t.Fence(task.OpMB)
	var err error
	if v.refcnt.Read(t) != target {
		t.Keep(mark, 0)
		t.Reach(task.WaitReaders)
		err = mm.WriterWait.WaitEvent(t, unsafe.Pointer(&v.refcnt), mode, func() bool { return v.refcnt.Peek() == target })
	}
	t.KeepError(mark, err)
	return err
}

// exitLocked lets readers in again: __vma_exit_locked. It returns the count left.
func (v *VMA) exitLocked(t *task.Task) int32 { return v.refcnt.SubRelease(t, VMALockOffset) }

// markAttached is vma_mark_attached.
func (v *VMA) markAttached(t *task.Task) {
	v.assertDetached(t)
	// Release: a reader that gets a reference must see vm_mm, vm_start and vm_end of this life.
	v.refcnt.SetRelease(t, 1)
}

// assertDetached is vma_assert_detached.
func (v *VMA) assertDetached(t *task.Task) {
	if n := v.refcnt.Read(t); n != 0 {
		t.Violate("attach-attached", "VMA %#x is attached with vm_refcnt %d", v.start.Peek(), n)
	}
}

// markDetached is vma_mark_detached.
func (v *VMA) markDetached(t *task.Task) {
	mark := t.Mark()
	if v.refcnt.Read(t) == 0 {
		t.Violate("detach-detached", "VMA %#x is detached twice", v.start.Peek())
		return
	}
	t.Keep(mark, 0)
	mm := v.mm.ReadOnce(t)
	if v.refcnt.DecAndTest(t) == 0 {
		return
	}
	// A reader took a reference, will find the VMA write-locked, and is about to drop it.
	if entered, _ := v.enterLocked(t, mm, VMALockOffset, task.Uninterruptible); entered {
		if n := v.exitLocked(t); n != 0 {
			t.Violate("detach-with-readers", "VMA %#x is detached with vm_refcnt %d", v.start.Peek(), n)
		}
	}
}
