package ksync

import (
	"unsafe"

	"vmasim/internal/task"
)

// LockOrAwait takes the lock if it is free, and reports true. Otherwise it waits until the task that has it gives it back, and takes nothing:
// for work that is done then. Tasks that took the lock one after the other, only to see that, would each wait for the one before to come to its turn. An
// observed task takes the lock like any other.
func (m *Mutex) LockOrAwait(t *task.Task) bool {
	if t.Observer != nil {
		m.Lock(t)
		return true
	}
	t.MightSleep(task.OpMutexLock)
	m.mu.Lock()
	if m.owner == nil {
		m.owner = t
		m.mu.Unlock()
		return true
	}
	w := &mutexWaiter{task: t}
	m.after = append(m.after, w)
	m.mu.Unlock()
	t.WaitBegins(task.OpMutexLock, m.Class, unsafe.Pointer(m))
	_ = t.Await(task.OpMutexWait, unsafe.Pointer(m), task.Uninterruptible, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return w.granted
	})
	t.WaitEnds()
	return false
}

// release lets those go on that wait for the owner to be done, and returns them. The caller holds m.mu.
func (m *Mutex) release() (done []*mutexWaiter) {
	done, m.after = m.after, nil
	for _, w := range done {
		w.granted = true
	}
	return done
}
