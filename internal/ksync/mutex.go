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
	queue []*task.Task
}

// Lock takes the lock, or joins the queue and waits for its turn.
func (m *Mutex) Lock(t *task.Task) {
	if t.Observer != nil {
		t.Begin(task.OpMutexLock, unsafe.Pointer(m))
	}
	m.mu.Lock()
	held := m.owner != nil
	if held {
		m.queue = append(m.queue, t)
	} else {
		m.owner = t
	}
	m.mu.Unlock()
	if t.Observer != nil {
		t.End(b2u(held), 1)
	}
	if held {
		_ = t.Await(task.OpMutexLock, unsafe.Pointer(m), task.Uninterruptible, func() bool { return m.HeldBy(t) })
	}
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
	mine := m.owner == t
	m.owner = nil
	if len(m.queue) > 0 {
		m.owner = m.queue[0]
		m.queue = m.queue[1:]
	}
	next := m.owner
	m.mu.Unlock()
	if t.Observer != nil {
		t.End(b2u(mine), b2u(next != nil))
	}
	if !mine {
		t.Violate("unlock-not-held", "mutex_unlock without holding the lock")
	}
	if next != nil {
		next.Unpark()
	}
}

// HeldBy reports whether t holds the lock.
func (m *Mutex) HeldBy(t *task.Task) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owner == t
}
