package ksync

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// TestUncommonAccesses: what few parts of the model use does what its name says, observed and not.
func TestUncommonAccesses(t *testing.T) {
	for _, observer := range []task.Observer{nil, task.NoObserver{}} {
		tk := task.New(0, "t", nil)
		tk.Observer = observer
		var word Atomic32
		word.Init(5)
		var sum Atomic64
		sum.Count(tk, 3)
		sum.Count(tk, 4)
		word.Add(tk, 2)
		if word.Peek() != 7 || sum.Peek() != 7 {
			t.Errorf("%d and %d, expected 7 twice", word.Peek(), sum.Peek())
		}
		var lock SpinLock
		before := lock.IsLocked(tk)
		lock.Lock(tk)
		if before || !lock.IsLocked(tk) {
			t.Error("the lock is not told from a free one")
		}
		lock.Unlock(tk)
		var count Refcount
		count.Init(3)
		if count.ReadAcquire(tk) != 3 {
			t.Error("not the count")
		}
		var plain Plain[int]
		plain.Init(4)
		if plain.Read(tk) != 4 {
			t.Error("not what it began with")
		}
		var wait RCUWait
		if err := wait.WaitUnordered(tk, unsafe.Pointer(&word), task.Uninterruptible, func() bool { return true }); err != nil || wait.Awaited(tk) {
			t.Errorf("a wait for what holds: %v", err)
		}
	}
	var derived Derived[int]
	if derived.Peek() != nil {
		t.Error("something is derived from nothing")
	}
	derived.Set(new(int))
	if derived.Peek() == nil || NewDomain(task.SlotAccess).Slot() != task.SlotAccess {
		t.Error("not what was kept")
	}
	if !ReadersOnly(2) || ReadersOnly(semWriter) || ReadersOnly(1|semWaiters) {
		t.Error("readers are not told from writers and waiters")
	}
}
