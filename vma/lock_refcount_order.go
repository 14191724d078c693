package vma

import (
	"math"
	"unsafe"

	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// The reference count where one of the orders that it relies on is missing. Under a memory model the operation lacks its order, and the
// model does the rest. Where steps are sequentially consistent, they are performed in an order that a processor may choose without it.

// attachEarly stores the count of a new VMA before all that comes before it in the program, where rules.AttachRelease is missing. The store
// of vma_mark_attached is not repeated then.
func (v *VMA) attachEarly(t *task.Task, mm *MMLock) {
	if mm.Rules.Dropped(rules.AttachRelease) && !t.Reorders() {
		v.refcnt.SetRelease(t, 1)
		v.early = true
	}
}

// takeUnordered is takeV6 without the rules that make one step of a reader's look and its increment.
func (v *VMA) takeUnordered(t *task.Task, mm *MMLock) (old int32, ok bool) {
	if !mm.Rules.Has(rules.OneStepReadLock) {
		if old = v.refcnt.Read(t); old == 0 || old >= mm.RefLimit {
			return old, false
		}
		return v.refcnt.IncNotZeroLimitedAcquire(t, math.MaxInt32)
	}
	return v.refcnt.IncLimitedAcquire(t, mm.RefLimit)
}

// awaitReadersV6 is awaitReaders, by rule looking before it announces itself, and, by rule, with acquire in the end.
func (v *VMA) awaitReadersV6(t *task.Task, mm *MMLock, target int32, mode task.WaitMode) (err error) {
	switch {
	case mm.Rules.Has(rules.AnnounceBeforeLook):
		err = v.awaitReaders(t, mm, target, mode)
	case v.refcnt.Read(t) == target:
	case t.Reorders():
		t.Reach(task.WaitReaders)
		err = mm.WriterWait.WaitUnordered(t, unsafe.Pointer(&v.refcnt), mode, func() bool { return v.refcnt.Peek() == target })
	default:
		t.Reach(task.WaitReaders)
		err = mm.WriterWait.WaitAfterLook(t, unsafe.Pointer(&v.refcnt), mode, func() bool { return v.refcnt.Peek() == target })
	}
	if err == nil && mm.Rules.Has(rules.WaitAcquire) {
		v.refcnt.ReadAcquire(t)
	}
	return err
}

// EndsUnordered reports whether nothing orders what a writer has written before the end of its write locks.
func (m *MMLock) EndsUnordered() bool {
	return m.Generation != Refcount && m.Rules.Dropped(rules.SeqRelease)
}
