package ksync

import (
	"unsafe"

	"vmasim/internal/task"
)

// Count adds d with no ordering, and tells its caller nothing: atomic_add, atomic_inc.
func (a *Atomic32) Count(t *task.Task, d uint32) {
	if t.Observer != nil {
		a.addUntold(t, task.OpAtomicAdd, d)
		return
	}
	a.v.Add(d)
}

// Add adds d as an operation does that returns something, which is a full barrier: atomic_add_negative, atomic_inc_and_test. Nothing in the
// simulator hangs on what the kernel's callers are told, so it tells nothing.
func (a *Atomic32) Add(t *task.Task, d uint32) {
	if t.Observer != nil {
		a.addUntold(t, task.OpFetchAdd, d)
		return
	}
	a.v.Add(d)
}

func (a *Atomic32) addUntold(t *task.Task, op task.Op, d uint32) {
	t.Hush(op, unsafe.Pointer(a))
	v := a.v.Add(d)
	t.End(uint64(v-d), uint64(v))
}

// Count adds d with no ordering, and tells its caller nothing: atomic64_add.
func (a *Atomic64) Count(t *task.Task, d uint64) {
	if t.Observer != nil {
		a.countObserved(t, d)
		return
	}
	a.v.Add(d)
}

func (a *Atomic64) countObserved(t *task.Task, d uint64) {
	t.Hush(task.OpAtomicAdd, unsafe.Pointer(a))
	v := a.v.Add(d)
	t.End(v-d, v)
}
