package program

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/mm"
)

// space is a named address space, which tasks find, make and remove as shared state like any other.
type space struct {
	mm      ksync.Pointer[mm.MM] // nil: does not exist; it holds a user's reference
	forking ksync.Atomic64       // 1: a task makes it, or it exists
}

// get returns the address space with a reference, nil if it does not exist.
func (s *space) get(t *task.Task) *mm.MM {
	m := s.mm.LoadAcquire(t)
	if m == nil || !m.Get(t) {
		return nil
	}
	return m
}

// barrier is where tasks meet. A step of one task at a time changes it, so it needs no lock; its steps are announced as
// operations on the barrier.
type barrier struct {
	present int // tasks that may still come
	arrived int
	round   uint64
}

// meet waits until all have come.
func (b *barrier) meet(t *task.Task) {
	t.Begin(task.OpFetchAdd, unsafe.Pointer(b))
	round := b.round
	b.arrived++
	b.open()
	t.End(uint64(b.arrived-1), uint64(b.arrived))
	// smp_cond_load_acquire
	t.BeginWhen(task.OpLoadAcquire, unsafe.Pointer(b), func() bool { return b.round != round })
	t.End(b.round, b.round)
}

// leave says that a task will not come any more.
func (b *barrier) leave(t *task.Task) {
	t.Begin(task.OpFetchAdd, unsafe.Pointer(b))
	b.present--
	b.open()
	t.End(uint64(b.present+1), uint64(b.present))
}

// open lets the tasks go if all have come.
func (b *barrier) open() {
	if b.arrived > 0 && b.arrived >= b.present {
		b.arrived = 0
		b.round++
	}
}
