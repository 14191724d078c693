package explore

import (
	"context"
	"errors"
	"testing"

	"vmasim/internal/task"
)

func TestShrink(t *testing.T) {
	p := lostUpdate()
	for seed := range uint64(10) {
		f := first(t, p, Options{Strategy: Random, Seed: seed})
		s, err := Shrink(context.Background(), p, f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		// a reads, b does all it has to do, a goes on.
		if s.To != (Size{2, 2, 8}) || s.From != sizeOf(&f.Schedule) || s.Found.Key() != f.Key() {
			t.Errorf("%s becomes %s: %s", s.From, s.To, &s.Found.Schedule)
		}
		if trace, err := Replay(p, s.Found.Schedule, Options{}); err != nil || trace.Found.Key() != f.Key() {
			t.Errorf("%s does not fail: %v", &s.Found.Schedule, err)
		}
	}
}

// TestShrinkKeepsTheFailure: a smaller failure of another kind is none.
func TestShrinkKeepsTheFailure(t *testing.T) {
	p := program(
		func(w *scriptWorld, t *task.Task) {
			if w.x.ReadOnce(t) == 2 {
				t.Violate("two", "")
			}
		},
		func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1); w.x.WriteOnce(t, 2) },
		func(w *scriptWorld, t *task.Task) {
			if w.x.ReadOnce(t) == 0 {
				t.Violate("none", "")
			}
		},
	)
	rep := explored(t, p, Options{KeepGoing: 2})
	for _, f := range rep.Violations {
		s, err := Shrink(context.Background(), p, f, Options{})
		if err != nil || s.Found.Key() != f.Key() {
			t.Errorf("%s becomes %v, %v", f.Key(), s, err)
		}
	}
	if len(rep.Violations) != 2 {
		t.Errorf("found %v", rep.Violations)
	}
	if _, err := Shrink(context.Background(), program(func(*scriptWorld, *task.Task) {}), Found{Ending: Deadlock, Schedule: Schedule{}}, Options{}); !errors.Is(err, errNotReproduced) {
		t.Errorf("what does not fail: %v", err)
	}
}

// reducible is a program with tasks that may be left out.
type reducible struct{ *scripted }

func (r reducible) Smaller() []Program {
	var all []Program
	for i := range r.bodies {
		p := &scripted{check: r.check}
		p.bodies = append(append(p.bodies, r.bodies[:i]...), r.bodies[i+1:]...)
		all = append(all, reducible{p})
	}
	return all
}

func TestShrinkReducesTheProgram(t *testing.T) {
	idle := func(w *scriptWorld, t *task.Task) { w.y.Add(t, 1) }
	p := reducible{program(idle, func(w *scriptWorld, t *task.Task) {
		if w.x.ReadOnce(t) == 1 {
			t.Violate("seen", "")
		}
	}, idle, func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1) })}
	f := first(t, p, Options{Strategy: DFS})
	s, err := Shrink(context.Background(), p, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Program.(reducible).bodies); n != 2 || s.To != (Size{2, 1, 2}) {
		t.Errorf("%d tasks are left, %s -> %s", n, s.From, s.To)
	}
}
