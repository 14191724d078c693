package ksync

import (
	"testing"

	"vmasim/internal/task"
)

// TestAtomicRef: a count that is an atomic_t counts as a refcount_t does, and orders as an atomic_t does.
func TestAtomicRef(t *testing.T) {
	var a AtomicRef
	var n Atomic32
	for _, c := range []struct {
		name    string
		from    int32
		do      func(*task.Task) any
		result  any
		count   int32
		op      task.Op
		order   task.Order
		oracles []string
	}{
		{"set", 0, func(t *task.Task) any { a.Set(t, 1); return nil }, nil, 1, task.OpWriteOnce, task.Relaxed, nil},
		{"read", 3, func(t *task.Task) any { return a.Read(t) }, int32(3), 3, task.OpReadOnce, task.Relaxed, nil},
		{"inc", 1, func(t *task.Task) any { a.Inc(t); return nil }, nil, 2, task.OpAtomicInc, task.Relaxed, nil},
		{"inc of nothing", 0, func(t *task.Task) any { a.Inc(t); return nil }, nil, 1, task.OpAtomicInc, task.Relaxed, []string{"refcount-underflow"}},
		{"inc not zero", 1, func(t *task.Task) any { return a.IncNotZero(t) }, true, 2, task.OpAtomicIncNotZero, task.Full, nil},
		{"inc not zero declines", 0, func(t *task.Task) any { return a.IncNotZero(t) }, false, 0, task.OpAtomicIncNotZero, task.Full, nil},
		{"dec", 2, func(t *task.Task) any { return a.DecAndTest(t) }, int32(1), 1, task.OpAtomicDecAndTest, task.Full, nil},
		{"dec to zero", 1, func(t *task.Task) any { return a.DecAndTest(t) }, int32(0), 0, task.OpAtomicDecAndTest, task.Full, nil},
		{"dec of nothing", 0, func(t *task.Task) any { return a.DecAndTest(t) }, int32(-1), 0, task.OpAtomicDecAndTest, task.Full, []string{"refcount-underflow"}},
		{"count", 0, func(t *task.Task) any { n.Count(t, 1); return nil }, nil, 0, task.OpAtomicAdd, task.Relaxed, nil},
		{"add", 0, func(t *task.Task) any { n.Add(t, 1); return nil }, nil, 0, task.OpFetchAdd, task.Full, nil},
	} {
		var plain reports
		a.Init(c.from)
		if got := c.do(plain.tasks(1)[0]); got != c.result || a.Peek() != c.count {
			t.Errorf("%s: %v, %d left", c.name, got, a.Peek())
		}
		plain.want(t, c.oracles...)
		tk, ev, _ := observed(0)
		a.Init(c.from)
		got := c.do(tk)
		if len(ev.after) != 1 || ev.after[0].Op != c.op || ev.after[0].Order() != c.order {
			t.Fatalf("%s announces %+v", c.name, ev.after)
		}
		if got != c.result || a.Peek() != c.count {
			t.Errorf("%s observed: %v, %d left", c.name, got, a.Peek())
		}
	}
	if got := n.Peek(); got != 4 {
		t.Errorf("counted to %d in four times", got)
	}
}
