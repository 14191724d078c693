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
	for i := 0; atomic.LoadUint32(&l.v) != 0 || !atomic.CompareAndSwapUint32(&l.v, 0, 1); i++ { // a load first: it leaves the holder its cache line
		task.Spin(i)
	}
	if t.Observer != nil {
		t.End(0, 1)
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
	if t.Observer == nil && atomic.LoadUint32(&l.v) != 0 {
		storeUint32(&l.v, 0)
		return
	}
	l.unlockSlow(t)
}

// unlockSlow unlocks for an observed task, and reports the lock that Unlock found free for another.
func (l *SpinLock) unlockSlow(t *task.Task) {
	held := uint32(0)
	if t.Observer != nil {
		t.Begin(task.OpSpinUnlock, unsafe.Pointer(l))
		held = atomic.SwapUint32(&l.v, 0)
		t.End(uint64(held), 0)
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
