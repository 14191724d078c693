package ksync

import (
	"unsafe"

	"vmasim/internal/task"
)

// RCUWait lets one task wait for a condition that others make true: the kernel's rcuwait. The waiter announces itself
// before it looks, the waker looks for a waiter after it acted; so one of the two sees the other.
type RCUWait struct{ waiter Pointer[task.Task] }

// WaitEvent returns when cond holds. on is the cell that cond reads. With mode Killable a fatal signal ends the wait
// with EINTR. One task at a time may wait.
func (w *RCUWait) WaitEvent(t *task.Task, on unsafe.Pointer, mode task.WaitMode, cond func() bool) error {
	t.PrepareToWait()
	w.waiter.Xchg(t, t) // a full barrier: the look that follows must not come first
	return w.await(t, on, mode, cond)
}

// WaitUnordered is WaitEvent without the barrier: the look that follows may come first.
func (w *RCUWait) WaitUnordered(t *task.Task, on unsafe.Pointer, mode task.WaitMode, cond func() bool) error {
	t.PrepareToWait()
	w.waiter.WriteOnce(t, t)
	return w.await(t, on, mode, cond)
}

// WaitAfterLook is WaitEvent of a task that has looked before it announces itself, and found that cond does not hold: it sleeps before it
// looks again.
func (w *RCUWait) WaitAfterLook(t *task.Task, on unsafe.Pointer, mode task.WaitMode, cond func() bool) error {
	t.PrepareToWait()
	w.waiter.Xchg(t, t)
	t.Sleep(on, mode)
	return w.await(t, on, mode, cond)
}

func (w *RCUWait) await(t *task.Task, on unsafe.Pointer, mode task.WaitMode, cond func() bool) error {
	t.WaitBegins(task.OpRCUWaitEvent, task.VMAReaders, unsafe.Pointer(w))
	err := t.Await(task.OpRCUWaitEvent, on, mode|task.Handshake, cond)
	t.WaitEnds()
	w.waiter.WriteOnce(t, nil)
	return err
}

// Awaited reports whether a task waits. It orders nothing.
func (w *RCUWait) Awaited(t *task.Task) bool { return w.waiter.ReadOnce(t) != nil }

// WakeUp makes the waiting task, if there is one, look at its condition again. A relaxed store may
// have made it true: as in rcuwait_wake_up, a full barrier keeps the look for a waiter after it.
func (w *RCUWait) WakeUp(t *task.Task) {
	fence()
	t.Fence(task.OpMB)
	target := w.waiter.ReadOnce(t)
	if target == nil {
		return
	}
	t.Waking(unsafe.Pointer(w), target)
	target.Unpark()
	t.Released(unsafe.Pointer(w))
}
