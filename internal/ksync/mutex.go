package ksync

import (
	"sync"
	"unsafe"

	"vmasim/internal/task"
)

// Mutex is a lock that its holder may sleep with; waiters are served in order.
type Mutex struct {
	mu    sync.Mutex // guards what follows, for a few instructions
	owner *task.Task
	queue []*mutexWaiter
	after []*mutexWaiter // that wait for the owner to be done, and take nothing

	Class task.LockClass // set before the lock is used
}

type mutexWaiter struct {
	task    *task.Task
	granted bool
}

// Lock takes the lock, or joins the queue and waits for its turn. A task that holds it already waits for ever.
func (m *Mutex) Lock(t *task.Task) {
	if t.Observer != nil {
		t.Begin(task.OpMutexLock, unsafe.Pointer(m))
	}
	m.mu.Lock()
	owner := m.owner
	var w *mutexWaiter
	if owner != nil {
		w = &mutexWaiter{task: t}
		m.queue = append(m.queue, w)
	} else {
		m.owner = t
	}
	m.mu.Unlock()
	if t.Observer != nil {
		t.End(b2u(owner != nil), 1)
	}
	if owner == t {
		t.Violate("recursive-lock", "mutex_lock of a lock that the task holds")
	}
	if w == nil {
		t.MightSleep(task.OpMutexLock)
		return
	}
	t.Reach(task.WaitMutex)
	t.WaitBegins(task.OpMutexLock, m.Class, unsafe.Pointer(m))
	_ = t.Await(task.OpMutexWait, unsafe.Pointer(m), task.Uninterruptible, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return w.granted
	})
	t.WaitEnds()
}

// Trylock takes the lock unless it is held, and reports whether it did.
func (m *Mutex) Trylock(t *task.Task) bool {
	if t.Observer != nil {
		t.Begin(task.OpMutexTrylock, unsafe.Pointer(m))
	}
	m.mu.Lock()
	held := m.owner != nil
	if !held {
		m.owner = t
	}
	m.mu.Unlock()
	if t.Observer != nil {
		t.End(b2u(held), 1)
	}
	return !held
}

// Unlock gives the lock to the first in the queue.
func (m *Mutex) Unlock(t *task.Task) {
	if t.Observer != nil {
		t.Begin(task.OpMutexUnlock, unsafe.Pointer(m))
	}
	m.mu.Lock()
	before := m.owner
	var next *task.Task
	if before == t {
		next = m.handOver()
	}
	after, done := m.owner, m.release()
	m.mu.Unlock()
	if t.Observer != nil {
		t.End(b2u(before != nil), b2u(after != nil))
	}
	if before != t {
		t.Violate("unlock-not-held", "mutex_unlock without holding the lock")
	}
	if next != nil {
		next.Unpark()
		t.Released(unsafe.Pointer(m))
	}
	for _, w := range done {
		w.task.Unpark()
	}
}

// handOver makes the first in the queue the owner and returns it. The caller holds m.mu.
func (m *Mutex) handOver() *task.Task {
	m.owner = nil
	if len(m.queue) > 0 {
		w := m.queue[0]
		m.queue = m.queue[1:]
		w.granted = true
		m.owner = w.task
	}
	return m.owner
}

// HeldBy reports whether t holds the lock.
func (m *Mutex) HeldBy(t *task.Task) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owner == t
}
