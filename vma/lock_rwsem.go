package vma

import (
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// The generation of Linux 6.4 to 6.14, to be read beside include/linux/mm.h and mm/memory.c of 6.12: readers hold a rwsem of the
// VMA. A writer holds it for a moment only, to see the readers out and to store mm_lock_seq into vm_lock_seq; from then on it is
// that equality which keeps new readers out. A flag says whether the VMA is detached, and a task that finds it under RCU reads the flag when
// it has the lock. VMAs are freed after a grace period, so what was found stays the VMA that it was.
//
// Until 6.13 mm_lock_seq is a plain counter that moves on when a write section ends (rules.SeqCounter); 6.14 makes it a sequence counter.

// vmaLock is vma_lock, an object of its own with a cache of its own: so the VMA stays small, and its readers share no line with it.
type vmaLock struct {
	sem ksync.RWSem
	ksync.Life
	vma *VMA // whose it is; for those who watch
	_   [8]byte
}

var vmaLockLayout = task.Layout{
	Type: "vma_lock",
	Size: unsafe.Sizeof(vmaLock{}),
	Fields: []task.Field{
		{Name: "lock", Offset: unsafe.Offsetof(vmaLock{}.sem), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "held by the readers of the VMA, and for a moment by a writer that locks it"},
	},
}

// LockLayout returns the declaration of the lock of a VMA in the generation RWSem. The caller must not change it.
func LockLayout() *task.Layout { return &vmaLockLayout }

// OfLock returns the VMA that the lock at base belongs to.
func OfLock(base unsafe.Pointer) *VMA { return (*vmaLock)(base).vma }

// newLockCache returns an empty vma_lock_cachep. A lock is freed with its VMA, which has waited for a grace period.
func newLockCache() *ksync.Slab[vmaLock, *vmaLock] {
	return ksync.NewSlab[vmaLock, *vmaLock](ksync.SlabConfig[vmaLock]{
		Name: "vma_lock", Layout: &vmaLockLayout,
		Init: func(l *vmaLock, _ int) { l.sem.Class = task.VMALockSem },
		Check: func(_ *task.Task, l *vmaLock) string {
			if l.sem.Held() || l.sem.Contended() {
				return "it is held, or waited for"
			}
			return ""
		},
	})
}

// allocFlagged makes a VMA that was just allocated detached, and gives it what its generation needs beside: vma_lock_alloc. If it
// fails, with ENOMEM, the VMA is free again.
func (c *Cache) allocFlagged(t *task.Task, v *VMA, mm *MMLock) error {
	v.detached.Write(t, true)
	switch mm.Generation {
	case MmapOnly, FreeAtZero, Speculative:
		return nil
	case ThreeState:
		v.refcnt.SetRelease(t, 1)
		return nil
	}
	l, err := c.locks.Alloc(t)
	if err != nil {
		c.slab.Free(t, v)
		return err
	}
	l.vma, v.lock = v, l
	return nil
}

// freeLock frees the rwsem of a VMA that is being freed, if it has one: vma_lock_free.
func (c *Cache) freeLock(t *task.Task, v *VMA) {
	if v.lock != nil {
		c.locks.Free(t, v.lock)
		v.lock = nil
	}
}

// startReadRWSem is vma_start_read.
func (v *VMA) startReadRWSem(t *task.Task, mm *MMLock) ReadResult {
	// A hint: without it each reader would bounce the lock's cache line while a writer works.
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) || !v.lock.sem.DownReadTrylock(t) {
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	// The writer had it between the two. vm_lock_seq changes under the rwsem only, so it is stable now. Acquire: seeing that the
	// last writer has finished must mean seeing all that it wrote.
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadAcquire(t) {
		v.lock.sem.UpRead(t)
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	return ReadLocked
}

// endReadRWSem is vma_end_read. The read section keeps the lock until it is given back altogether: a writer that waits for it may
// go on before, and free the VMA.
func (v *VMA) endReadRWSem(t *task.Task, mm *MMLock) {
	mm.RCU.ReadLock(t)
	v.lock.sem.UpRead(t)
	mm.RCU.ReadUnlock(t)
}

// startWriteRWSem is vma_start_write. The kernel's is never killable in this generation.
func (v *VMA) startWriteRWSem(t *task.Task, mm *MMLock, mode task.WaitMode) error {
	if invariants.Enabled {
		mm.assertWriteHeld(t)
	}
	seq := mm.LockSeq.ReadOnce(t)
	if v.seq.ReadOnce(t) == seq {
		return nil
	}
	t.Enter("__vma_start_write")
	defer t.Leave()
	waited, err := v.lock.sem.DownWriteMode(t, mode)
	if waited {
		t.Learn(1)
		t.Reach(task.WaitReaders)
	}
	if err != nil {
		return err
	}
	v.seq.WriteOnce(t, seq)
	t.Reach(task.VMAWriteLocked)
	v.lock.sem.UpWrite(t)
	return nil
}

// clearDetached is vma_mark_detached(vma, false). Linux 6.4 to 6.14 call it for a VMA that goes back into the tree only, and make
// new ones with the flag clear; here these get it cleared before they are stored, which is the same for all who find them.
func (v *VMA) clearDetached(t *task.Task) {
	if !v.detached.Read(t) {
		t.Violate("attach-attached", "VMA %#x is attached, and was already", v.start.Peek())
	}
	v.detached.Write(t, false)
}

// setDetached is vma_mark_detached(vma, true), and reports whether the VMA was attached. It waits for no reader: the write lock has
// seen them out.
func (v *VMA) setDetached(t *task.Task) bool {
	if v.detached.Read(t) {
		t.Violate("detach-detached", "VMA %#x is detached twice", v.start.Peek())
		return false
	}
	v.detached.Write(t, true)
	return true
}
