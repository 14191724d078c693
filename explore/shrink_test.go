package explore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
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
		if s.To != (Size{2, 0, 2, 8}) || s.From != sizeOf(p, &f.Schedule) || s.Found.Key() != f.Key() {
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

// reducible is a program with tasks that may be left out, and counts how many such programs are open.
type reducible struct {
	*scripted
	names string // of the tasks
	open  *int
}

func (r reducible) NewWorld(_ *Executor, report func(task.Violation)) (World, error) {
	w := &scriptWorld{program: r.scripted, report: report}
	for i, body := range r.bodies {
		t := task.New(i, r.names[i:i+1], report)
		w.tasks = append(w.tasks, Task{t.Name, t, func() { body(w, t) }})
	}
	if r.names == "b" {
		return nil, errors.New("b needs another task")
	}
	return w, nil
}

func (r reducible) Smaller() iter.Seq[Program] {
	return func(yield func(Program) bool) {
		for i := range r.bodies {
			p := &scripted{check: r.check}
			p.bodies = append(append(p.bodies, r.bodies[:i]...), r.bodies[i+1:]...)
			*r.open++
			if !yield(reducible{p, r.names[:i] + r.names[i+1:], r.open}) {
				return
			}
		}
	}
}

func (r reducible) Sound(context.Context) iter.Seq[Program] { return func(func(Program) bool) {} }

func (r reducible) Size() (tasks, statements int) { return len(r.bodies), 10 * len(r.bodies) }

func (r reducible) Close() error { *r.open--; return nil }

func TestShrinkReducesTheProgram(t *testing.T) {
	idle := func(w *scriptWorld, t *task.Task) { w.y.Add(t, 1) }
	p := reducible{program(idle, func(w *scriptWorld, t *task.Task) {
		if w.x.ReadOnce(t) == 1 {
			t.Violate("seen", "")
		}
	}, idle, func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1) }), "abcd", new(int)}
	f := first(t, p, Options{Strategy: DFS})
	s, err := Shrink(context.Background(), p, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if left := s.Program.(reducible).names; left != "bd" || s.From.Tasks != 4 || s.To != (Size{2, 20, 1, 2}) {
		t.Errorf("%s is left, %s -> %s", left, s.From, s.To)
	}
	if s.Program.(reducible).Close(); *p.open != 0 {
		t.Errorf("%d programs are left open", *p.open)
	}
}

// TestReduceKeepsTheSwitches: a smaller program in which the failure takes more switches is not easier to read.
func TestReduceKeepsTheSwitches(t *testing.T) {
	seen := func(w *scriptWorld, t *task.Task) {
		if w.x.ReadOnce(t) == 1 && w.y.ReadOnce(t) == 2 {
			t.Violate("seen", "")
		}
	}
	one := func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1); w.y.WriteOnce(t, 2); w.y.WriteOnce(t, 3) }
	both := func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1); w.y.WriteOnce(t, 2) }
	p := reducible{program(both, one, seen), "xyz", new(int)}
	for _, f := range []Found{first(t, p, Options{Strategy: DFS}), first(t, p, Options{Strategy: Random})} {
		s, err := Shrink(context.Background(), p, f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if left := s.Program.(reducible).names; left != "xz" && left != "yz" || s.To.Switches != 1 {
			t.Errorf("%s is left, %s", left, s.To)
		}
	}
}

// TestGuide: a task that lacks some steps, or has some more, takes the others in the same order.
func TestGuide(t *testing.T) {
	increment := func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, w.x.ReadOnce(t)+1) }
	longer := func(w *scriptWorld, t *task.Task) { w.y.Add(t, 1); w.y.Add(t, 1); increment(w, t) }
	short, long := program(increment, increment), program(longer, increment)
	short.check, long.check = lostUpdate().check, lostUpdate().check
	for _, c := range []struct{ from, to *scripted }{{short, long}, {long, short}, {short, short}} {
		f := first(t, c.from, Options{Strategy: DFS})
		trace, err := Replay(c.from, f.Schedule, Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := newExecutor(c.to, &Options{})
		x.use(&guide{steps: trace.Steps})
		if e, err := x.run(); err != nil || e.ending != Violated || x.trail.Switches() != f.Schedule.Switches() {
			t.Errorf("%v, %v: %s follows %s", e, err, &x.trail, &f.Schedule)
		}
		x.close()
	}
}

// TestShrinkManySwitches: where most turns do not matter, many are left out at once.
func TestShrinkManySwitches(t *testing.T) {
	long := func(w *scriptWorld, t *task.Task) {
		for range 50 {
			w.y.Add(t, 1)
		}
		w.x.WriteOnce(t, w.x.ReadOnce(t)+1)
		for range 50 {
			w.y.Add(t, 1)
		}
	}
	p := program(long, long)
	p.check = lostUpdate().check
	for seed := range uint64(5) {
		f := first(t, p, Options{Strategy: Random, Seed: seed})
		sh := &shrinker{ctx: context.Background(), o: Options{Workers: 1, halt: &atomic.Bool{}}, failure: &f}
		improved, err := sh.improve(p, f)
		if err != nil {
			t.Fatal(err)
		}
		if from, to := f.Schedule.Switches(), improved.Schedule.Switches(); from < 50 || to > 3 || sh.runs > 4*from {
			t.Errorf("%d switches become %d in %d executions", from, to, sh.runs)
		}
	}
}

func TestPlainer(t *testing.T) {
	turns := []turn{{0, 4}, {1, 1}, {0, 2}, {2, 1}}
	for at, want := range []string{"[[{0 2} {1 1} {0 2} {2 1}] [{0 3} {1 1} {0 2} {2 1}] [{0 6} {1 1} {2 1}] [{1 1} {0 6} {2 1}]]", "[]",
		"[[{0 4} {1 1} {0 1} {2 1}] [{0 4} {1 1} {0 1} {2 1}]]", "[]"} {
		if got := fmt.Sprint(plainer(turns, at)); got != want {
			t.Errorf("of turn %d: %s", at, got)
		}
	}
}
