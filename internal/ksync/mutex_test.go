package ksync

import (
	"slices"
	"testing"
	"testing/synctest"

	"vmasim/internal/task"
)

// parked waits, in a bubble, until all tasks that were started are parked or have ended. Then cond holds.
func parked(t *testing.T, what string, cond func() bool) {
	t.Helper()
	synctest.Wait()
	if !cond() {
		t.Fatalf("not so: %s", what)
	}
}

func TestMutexExcludes(t *testing.T) {
	r := &reports{}
	var m Mutex
	count := 0 // plain: the race detector watches it
	together(r.tasks(4), func(tk *task.Task) {
		for i := range 1000 {
			if i%3 != 0 || !m.Trylock(tk) {
				m.Lock(tk)
			}
			if !m.HeldBy(tk) {
				t.Error("the lock is not held by who took it")
			}
			count++
			m.Unlock(tk)
		}
	})
	if count != 4000 {
		t.Errorf("count %d", count)
	}
	r.want(t)
}

func TestMutexServesInOrder(t *testing.T) { synctest.Test(t, mutexServesInOrder) }

func mutexServesInOrder(t *testing.T) {
	r := &reports{}
	ts := r.tasks(5)
	var m Mutex
	m.Lock(ts[0])
	got := make(chan int, len(ts))
	for i, tk := range ts[1:] {
		go func() {
			m.Lock(tk)
			got <- tk.ID
			m.Unlock(tk)
		}()
		parked(t, "the task queues", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.queue) == i+1 })
	}
	if m.Trylock(ts[0]) {
		t.Error("trylock of a held lock")
	}
	m.Unlock(ts[0])
	var order []int
	for range ts[1:] {
		order = append(order, <-got)
	}
	if !slices.IsSorted(order) {
		t.Errorf("served in the order %v", order)
	}
	r.want(t)
}

func TestMutexUnlockNotHeld(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	var m Mutex
	m.Unlock(ts[0])
	r.want(t, "unlock-not-held")
	m.Lock(ts[0])
	m.Unlock(ts[1])
	r.want(t, "unlock-not-held")
	if !m.HeldBy(ts[0]) {
		t.Error("a stranger's unlock took the lock away")
	}
}

func TestMutexInsideReadSection(t *testing.T) {
	r := &reports{}
	tk := r.tasks(1)[0]
	d := NewDomain(task.SlotRCU)
	d.Register(tk)
	var m Mutex
	d.ReadLock(tk)
	m.Lock(tk)
	r.want(t, "sleep-in-rcu")
	m.Unlock(tk)
	if !m.Trylock(tk) { // does not sleep
		t.Error("trylock of a free lock failed")
	}
	r.want(t)
}
