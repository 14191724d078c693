package explore

import (
	"strings"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

func first(t *testing.T, p Program, o Options) Found {
	t.Helper()
	rep := explored(t, p, o)
	if len(rep.Violations) == 0 {
		t.Fatalf("no failure in %d executions, complete %v", rep.Executions, rep.Complete)
	}
	if f := rep.Violations[0]; !f.Unstable {
		return f
	}
	t.Fatal("the failure does not repeat")
	return Found{}
}

func TestDeadlock(t *testing.T) {
	for _, s := range []Strategy{DPOR, DFS, Bounded, Delays, Random, PCT, POS, States} {
		f := first(t, program(
			func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.b.Lock(t); w.b.Unlock(t); w.a.Unlock(t) },
			func(w *scriptWorld, t *task.Task) { w.b.Lock(t); w.a.Lock(t); w.a.Unlock(t); w.b.Unlock(t) },
		), Options{Strategy: s})
		if f.Ending != Deadlock || len(f.Blocked) != 2 || f.String() != "deadlock: a waits in spin_lock; b waits in spin_lock" {
			t.Errorf("%s: %v", s, f.String())
		}
	}
}

// handshake is a waiter and a waker that wakes before or after it acts, or never.
func handshake(act, wake, wakeFirst bool) *scripted {
	return program(
		func(w *scriptWorld, t *task.Task) {
			_ = w.wait.WaitEvent(t, addr(&w.x), task.Uninterruptible, func() bool { return w.x.Peek() == 1 })
		},
		func(w *scriptWorld, t *task.Task) {
			if wakeFirst {
				w.wait.WakeUp(t)
			}
			if act {
				w.x.WriteOnce(t, 1)
			}
			if wake {
				w.wait.WakeUp(t)
			}
		},
	)
}

func TestLostWakeUp(t *testing.T) {
	if rep := explored(t, handshake(true, true, false), Options{}); len(rep.Violations) > 0 || !rep.Complete {
		t.Errorf("a right handshake: %v", rep.Violations)
	}
	for _, s := range []Strategy{DPOR, DFS, Bounded, Delays, States} {
		f := first(t, handshake(true, false, true), Options{Strategy: s})
		if f.Ending != LostWakeUp || !strings.Contains(f.String(), "a sleeps, though its condition holds, in schedule") {
			t.Errorf("%s: %v", s, f.String())
		}
	}
	if f := first(t, handshake(false, true, false), Options{}); f.Ending != Deadlock || f.Blocked[0].Op != task.OpSchedule {
		t.Errorf("a condition that never comes: %v", f.String())
	}
}

func TestLivelock(t *testing.T) {
	spin := func(w *scriptWorld, t *task.Task) {
		for w.x.ReadOnce(t) == 0 {
			w.y.ReadOnce(t)
		}
	}
	f := first(t, program(spin, spin), Options{Strategy: Bounded})
	if f.Ending != Livelock || len(f.Blocked) != 2 || !f.Blocked[0].Spins || len(f.Schedule.Tasks) >= DefaultDepth {
		t.Errorf("a loop that changes nothing: %v after %d steps", f.String(), len(f.Schedule.Tasks))
	}
	set := func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1) }
	if rep := explored(t, program(spin, set), Options{Strategy: Random, Executions: 500}); len(rep.Violations) > 0 {
		t.Errorf("a loop that ends: %v", rep.Violations)
	}
	busy := func(w *scriptWorld, t *task.Task) {
		for {
			w.x.Add(t, 1)
		}
	}
	if rep := explored(t, program(busy), Options{}); len(rep.Violations) > 0 || rep.Truncated != 1 || rep.Complete || rep.Steps != DefaultDepth || rep.Depth != DefaultDepth {
		t.Errorf("a loop that counts: %+v", rep)
	}
	flip := func(w *scriptWorld, t *task.Task) {
		for {
			w.x.WriteOnce(t, 1)
			w.x.WriteOnce(t, 0)
		}
	}
	if f := first(t, program(flip), Options{}); f.Ending != Livelock || !strings.Contains(f.String(), "a goes round for ever in WRITE_ONCE") {
		t.Errorf("a loop that changes things back: %v", f.String())
	}
	if rep := explored(t, program(flip, set), Options{Executions: 3}); len(rep.Violations) > 0 && rep.Violations[0].Execution == 1 {
		t.Errorf("a loop that the other task might end: %v", rep.Violations)
	}
	rep := explored(t, program(busy), Options{Depth: 50, Executions: 5})
	if rep.Truncated == 0 || rep.Complete || len(rep.Violations) > 0 || rep.Steps != 50 {
		t.Errorf("cut off: %+v", rep)
	}
}

// TestReadingMuchIsNoLivelock: a task may go over many cells without changing anything.
func TestReadingMuchIsNoLivelock(t *testing.T) {
	rep := explored(t, program(func(w *scriptWorld, t *task.Task) {
		for range spinSteps - 1 {
			w.x.ReadOnce(t)
		}
	}), Options{})
	if len(rep.Violations) > 0 || !rep.Complete {
		t.Error(rep.Violations)
	}
	table := make([]ksync.Atomic64, 4*spinSteps)
	rep = explored(t, program(func(w *scriptWorld, t *task.Task) {
		w.y.ReadOnce(t)
		for i := range table {
			w.x.ReadOnce(t) // what holds the table
			table[i].ReadOnce(t)
		}
	}), Options{})
	if len(rep.Violations) > 0 || !rep.Complete {
		t.Errorf("a table is gone through, and what holds it is looked at each time: %v", rep.Violations)
	}
}

func TestPanicIsAViolation(t *testing.T) {
	f := first(t, program(func(w *scriptWorld, t *task.Task) {
		t.Enter("do_it")
		w.x.ReadOnce(t)
		panic("oops")
	}), Options{})
	if v := f.Violations[0]; v.Oracle != "panic" || v.Func != "do_it" || v.Message != "oops in do_it" || !strings.Contains(v.Where, "livelock_test.go") {
		t.Errorf("%+v", v)
	}
}
