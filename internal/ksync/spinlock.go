package ksync

import (
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// SpinLock is a lock that its holder keeps for a few instructions and never sleeps with.
//
// The word is a bare one, because Unlock is then within the compiler's budget for inlining.
type SpinLock struct{ v uint32 }

// The values of the word but 0, which says that the lock is free.
const (
	spinHeld   = 1
	spinWanted = 2 // held, and a task that waits for it measures how long, and wants to know who had it
)

// looksFirst is how often a task looks at a spinlock before that counts as a wait: some 50 ns.
const looksFirst = 32

// looksLong is how often it looks before the wait is long enough to say where the task is, which takes a microsecond or two.
const looksLong = 1024

// Lock takes the lock.
func (l *SpinLock) Lock(t *task.Task) {
	if t.Observer == nil && atomic.CompareAndSwapUint32(&l.v, 0, 1) {
		return
	}
	l.lockSlow(t)
}

func (l *SpinLock) lockSlow(t *task.Task) {
	if t.Observer != nil {
		t.BeginWhen(task.OpSpinLock, unsafe.Pointer(l), func() bool { return atomic.LoadUint32(&l.v) == 0 })
	}
	i := 0
	for ; atomic.LoadUint32(&l.v) != 0 || !atomic.CompareAndSwapUint32(&l.v, 0, spinHeld); i++ { // a load first: it leaves the holder its cache line
		task.Spin(i)
		if i >= looksFirst && t.Meter != nil {
			l.measure(t, i)
		}
	}
	if i > looksFirst {
		t.WaitEnds()
	}
	if t.Observer != nil {
		t.End(0, 1)
	}
}

// measure is called at each look of a wait that counts as one.
func (l *SpinLock) measure(t *task.Task, look int) {
	switch look {
	case looksFirst:
		t.WaitBegins(task.OpSpinLock, task.Unclassed, unsafe.Pointer(l))
	case looksLong:
		t.WaitIsLong()
	}
	if atomic.LoadUint32(&l.v) == spinHeld { // a load first, as above
		atomic.CompareAndSwapUint32(&l.v, spinHeld, spinWanted)
	}
}

// Trylock takes the lock unless it is held, and reports whether it did.
func (l *SpinLock) Trylock(t *task.Task) bool {
	if t.Observer != nil {
		return l.trylockObserved(t)
	}
	return atomic.CompareAndSwapUint32(&l.v, 0, 1)
}

func (l *SpinLock) trylockObserved(t *task.Task) bool {
	t.Begin(task.OpSpinTrylock, unsafe.Pointer(l))
	ok := atomic.CompareAndSwapUint32(&l.v, 0, 1)
	t.End(b2u(!ok), 1)
	return ok
}

// Unlock gives the lock back.
func (l *SpinLock) Unlock(t *task.Task) {
	if t.Observer == nil && atomic.LoadUint32(&l.v) == spinHeld {
		storeUint32(&l.v, 0)
		return
	}
	l.unlockSlow(t)
}

// unlockSlow unlocks for an observed task, and for one that has to say who had the lock; and it reports a lock that is free.
func (l *SpinLock) unlockSlow(t *task.Task) {
	if t.Observer != nil {
		t.Begin(task.OpSpinUnlock, unsafe.Pointer(l))
	}
	held := atomic.SwapUint32(&l.v, 0)
	if t.Observer != nil {
		t.End(uint64(held), 0)
	}
	if held == spinWanted {
		t.Released(unsafe.Pointer(l))
	}
	if held == 0 {
		t.Violate("unlock-not-held", "spin_unlock of a free lock")
	}
}

// IsLocked reports whether the lock is held, with no ordering: spin_is_locked. A memory model may have it see an older state.
func (l *SpinLock) IsLocked(t *task.Task) bool {
	if t.Observer == nil {
		return l.Held()
	}
	t.Begin(task.OpSpinIsLocked, unsafe.Pointer(l))
	v := uint64(atomic.LoadUint32(&l.v))
	if old, _, stale := t.See(unsafe.Pointer(l), v, nil); stale {
		v = old
	}
	t.End(v, v)
	return v != 0
}

// Held reports whether any task holds the lock.
func (l *SpinLock) Held() bool { return atomic.LoadUint32(&l.v) != 0 }

// rawLock guards the few instructions inside a cell that are one step to other tasks. It is not announced.
type rawLock struct{ v uint32 }

func (l *rawLock) Lock() {
	for i := 0; !atomic.CompareAndSwapUint32(&l.v, 0, 1); i++ {
		task.Spin(i)
	}
}

func (l *rawLock) Unlock() { storeUint32(&l.v, 0) }

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
