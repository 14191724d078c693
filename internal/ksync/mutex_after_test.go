package ksync

import (
	"testing"
	"testing/synctest"

	"vmasim/internal/task"
)

// TestLockOrAwait: all that come while a task has the lock go on when it gives it back, and none of them has it; one that waits for the
// lock itself gets it.
func TestLockOrAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		ts := r.tasks(6)
		var m Mutex
		if !m.LockOrAwait(ts[0]) || !m.HeldBy(ts[0]) {
			t.Fatal("the free lock is not taken")
		}
		passed, locked := make(chan bool, 4), make(chan struct{}, 1)
		for _, tk := range ts[1:5] {
			go func() { passed <- m.LockOrAwait(tk) }()
		}
		go func() {
			m.Lock(ts[5])
			close(locked)
		}()
		synctest.Wait()
		if len(passed) != 0 {
			t.Error("a task does not wait")
		}
		m.Unlock(ts[0])
		synctest.Wait()
		if len(passed) != 4 || <-passed || <-passed || <-passed || <-passed {
			t.Error("not all went on, or one took the lock")
		}
		<-locked
		if !m.HeldBy(ts[5]) {
			t.Error("who waits for the lock did not get it")
		}
		m.Unlock(ts[5])
		r.want(t)
	})
}

// TestObservedLockOrAwait: a task with an observer takes the lock as Lock does.
func TestObservedLockOrAwait(t *testing.T) {
	tk, ev, r := observed(0)
	var m Mutex
	if !m.LockOrAwait(tk) || len(ev.after) != 1 || ev.after[0].Op != task.OpMutexLock {
		t.Errorf("announced %v", ev.after)
	}
	m.Unlock(tk)
	r.want(t)
}
