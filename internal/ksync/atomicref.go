package ksync

import (
	"sync/atomic"

	"vmasim/internal/task"
)

// AtomicRef is a reference count that the kernel keeps in an atomic_t, not in a refcount_t: mm_users, mm_count, _refcount of a page, those of
// anon_vmas, policies and files. The two differ in what they order: an operation of an atomic_t that returns something is a full barrier, one
// that returns nothing orders nothing (Documentation/core-api/refcount-vs-atomic.rst). Overflow and underflow are reported as of a [Refcount].
type AtomicRef struct{ r Refcount }

// Init sets the count of an object that no other task can see.
func (a *AtomicRef) Init(v int32) { a.r.Init(v) }

// Set sets the count with no ordering: atomic_set.
func (a *AtomicRef) Set(t *task.Task, v int32) {
	if t.Observer != nil {
		a.r.setObserved(t, task.OpWriteOnce, v)
		return
	}
	storeInt32(&a.r.v, v)
}

// Read reads the count with no ordering: atomic_read.
func (a *AtomicRef) Read(t *task.Task) int32 { return a.r.Read(t) }

// Inc takes a reference next to one that the caller holds, with no ordering: atomic_inc.
func (a *AtomicRef) Inc(t *task.Task) { a.r.inc(t, task.OpAtomicInc) }

// IncNotZero takes a reference unless there is none, and reports whether it did: atomic_inc_not_zero, a full barrier if it did.
func (a *AtomicRef) IncNotZero(t *task.Task) bool {
	_, ok := a.r.add(t, task.OpAtomicIncNotZero, 1, false)
	return ok
}

// DecAndTest drops a reference, as a full barrier, and returns the new count: atomic_dec_and_test. An underflow is as in
// [Refcount.SubRelease].
func (a *AtomicRef) DecAndTest(t *task.Task) (count int32) {
	if t.Observer == nil {
		count = atomic.AddInt32(&a.r.v, -1)
		if count >= 0 {
			return
		}
	}
	return a.decSlow(t)
}

//go:noinline
func (a *AtomicRef) decSlow(t *task.Task) int32 { return a.r.decSlow(t, task.OpAtomicDecAndTest) }

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (a *AtomicRef) Peek() int32 { return a.r.Peek() }
