package ksync

import (
	"testing"

	"vmasim/internal/task"
)

func TestSpinLockExcludes(t *testing.T) {
	r := &reports{}
	var l SpinLock
	count := 0 // plain: the race detector watches it
	together(r.tasks(4), func(tk *task.Task) {
		for i := range 2000 {
			if i%3 == 0 {
				if !l.Trylock(tk) {
					l.Lock(tk)
				}
			} else {
				l.Lock(tk)
			}
			count++
			l.Unlock(tk)
		}
	})
	if count != 8000 || l.Held() {
		t.Errorf("count %d, held %v", count, l.Held())
	}
	r.want(t)
}

func TestSpinLockTrylockAndUnlock(t *testing.T) {
	for _, watched := range []bool{false, true} {
		tk, _, r := observed(0)
		if !watched {
			tk.Observer = nil
		}
		var l SpinLock
		if !l.Trylock(tk) || l.Trylock(tk) || !l.Held() {
			t.Error("the lock is taken once")
		}
		l.Unlock(tk)
		if l.Held() {
			t.Error("held after unlock")
		}
		r.want(t)
		l.Unlock(tk)
		r.want(t, "unlock-not-held")
		l.Lock(tk)
		l.Unlock(tk)
		r.want(t)
	}
}
