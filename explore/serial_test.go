package explore

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// inStatement performs something as a statement.
func inStatement(t *task.Task, name string, does func()) {
	t.Enter(name)
	defer t.Leave()
	does()
}

// TestSerial: the strategy goes through all orders of the statements, and interrupts none.
func TestSerial(t *testing.T) {
	seen := map[string]int{}
	var log string
	twice := func(name string) func(w *scriptWorld, t *task.Task) {
		return func(w *scriptWorld, tk *task.Task) {
			for n := range 2 {
				inStatement(tk, fmt.Sprint(name, n), func() { w.x.ReadOnce(tk); log += name; w.x.ReadOnce(tk); log += name })
			}
		}
	}
	p := program(twice("a"), twice("b"))
	x := newExecutor(p, &Options{})
	defer x.close()
	s := &serial{}
	x.use(s)
	for s.next() {
		log = ""
		if e, err := x.run(); err != nil || e.ending != Finished {
			t.Fatalf("%v, %v", e, err)
		}
		seen[log]++
	}
	for _, want := range []string{"aaaabbbb", "aabbaabb", "aabbbbaa", "bbaaaabb", "bbaabbaa", "bbbbaaaa"} {
		if seen[want] != 1 {
			t.Errorf("%s comes %d times", want, seen[want])
		}
	}
	if len(seen) != 6 {
		t.Errorf("orders %v", seen)
	}
}

// TestOrdered performs the tasks one after the other, and lets go on whom one waits for.
func TestOrdered(t *testing.T) {
	var log string
	p := program(
		func(w *scriptWorld, tk *task.Task) { w.x.ReadOnce(tk); log += "a" },
		func(w *scriptWorld, tk *task.Task) { w.sem.DownRead(tk); log += "b"; w.sem.UpRead(tk) },
	)
	x := newExecutor(p, &Options{})
	defer x.close()
	for _, order := range []string{"ab", "ba"} {
		log = ""
		x.use(&ordered{names: []string{order[:1], order[1:]}})
		if e, err := x.run(); err != nil || e.ending != Finished || log != order {
			t.Errorf("%s: %s, %v", order, log, err)
		}
	}
	var all []string
	for p := range permutations([]string{"x", "y", "z"}) {
		all = append(all, fmt.Sprint(p))
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 6 {
		t.Errorf("orders %v", all)
	}
}

// TestNothingThatLacksWhatItNeeds: a task that another relies on is not left out, though the same oracle speaks without it.
func TestNothingThatLacksWhatItNeeds(t *testing.T) {
	// a sets x and reads it; b overwrites it, as c does a word that matters to none.
	p := reducible{program(
		func(w *scriptWorld, tk *task.Task) { w.x.WriteOnce(tk, 1) },
		func(w *scriptWorld, tk *task.Task) {
			if w.y.ReadOnce(tk) == 1 && w.x.ReadOnce(tk) == 0 {
				tk.Violate("lost", "")
			}
		},
		func(w *scriptWorld, tk *task.Task) { w.y.WriteOnce(tk, 1) },
	), "xzy", new(int)}
	f := first(t, p, Options{Strategy: DFS})
	s, err := Shrink(context.Background(), p, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// In the order x, y, z the whole is right; without x it never is once y has come.
	if left := s.Program.(reducible).names; left != "xzy" {
		t.Errorf("%s is left", left)
	}
}

// unsound is a reducible program that fails at once without its first task, and, under rules under which the whole does not
// fail, without its second.
type unsound struct {
	reducible
	sound bool
}

func (r unsound) Smaller() iter.Seq[Program] {
	return func(yield func(Program) bool) {
		for p := range r.reducible.Smaller() {
			if !yield(unsound{p.(reducible), r.sound}) {
				return
			}
		}
	}
}

func (r unsound) Sound(context.Context) iter.Seq[Program] {
	return func(yield func(Program) bool) {
		*r.open++
		yield(unsound{r.reducible, true})
	}
}

func (r unsound) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	if !strings.Contains(r.names, "p") || r.sound && !strings.Contains(r.names, "q") {
		report(task.Violation{Oracle: "seen"})
	}
	if r.sound {
		report = func(task.Violation) {}
	}
	return r.reducible.NewWorld(x, report)
}

// TestReductionIsHeldAgainstSoundRules: what fails under rules under which the whole does not is not taken, and neither is
// what fails before its first step.
func TestReductionIsHeldAgainstSoundRules(t *testing.T) {
	idle := func(w *scriptWorld, tk *task.Task) { w.y.Add(tk, 1) }
	seen := func(w *scriptWorld, tk *task.Task) {
		if w.x.ReadOnce(tk) == 1 {
			tk.Violate("seen", "")
		}
	}
	set := func(w *scriptWorld, tk *task.Task) { w.x.WriteOnce(tk, 1) }
	p := unsound{reducible{program(idle, idle, idle, seen, set), "pqrst", new(int)}, false}
	f := first(t, p, Options{Strategy: Random})
	if len(f.Schedule.Tasks) == 0 {
		t.Fatal("it fails before its first step")
	}
	sh := &shrinker{ctx: context.Background(), failure: &f}
	sh.right = sh.behaviourOf(p)
	whole := &Shrunk{Program: p, Found: f}
	for q := range p.Smaller() {
		g := f
		accepted := sh.acceptable(q, whole, &g)
		name := q.(unsound).names
		if want := strings.Contains(name, "p") && strings.Contains(name, "q"); accepted != want {
			t.Errorf("%s is taken: %t", name, accepted)
		}
		g.Schedule.Tasks = nil
		if sh.acceptable(q, whole, &g) {
			t.Errorf("%s is taken though no step is", name)
		}
		_ = q.Close()
	}
	if *p.open != 0 {
		t.Errorf("%d programs are left open", *p.open)
	}
}

// passing is a program in which one oracle speaks before another.
func passing() *scripted {
	return program(
		func(w *scriptWorld, tk *task.Task) {
			if w.x.ReadOnce(tk) == 1 {
				tk.Violate("first", "")
				w.y.WriteOnce(tk, 1)
			}
		},
		func(w *scriptWorld, tk *task.Task) {
			w.x.WriteOnce(tk, 1)
			if w.y.ReadOnce(tk) == 1 {
				tk.Violate("second", "")
			}
		},
	)
}

// TestPass: an execution goes on behind what is passed over, which is noted with the step, in every strategy.
func TestPass(t *testing.T) {
	pass := func(oracle string) bool { return oracle == "first" }
	for _, s := range []Strategy{DPOR, DFS, Bounded, Delays, Random} {
		if r := explored(t, passing(), Options{Strategy: s}); len(r.Violations) != 1 || r.Violations[0].Kind() != "first" {
			t.Errorf("%s: %v", s, r.Violations)
		}
		r := explored(t, passing(), Options{Strategy: s, Pass: pass, KeepGoing: 8, Executions: 200})
		if len(r.Violations) != 1 || r.Violations[0].Kind() != "second" || len(r.Passed) != 1 || r.Passed[0].Kind() != "first" {
			t.Fatalf("%s: %v behind %v", s, r.Violations, r.Passed)
		}
		f := r.Violations[0]
		if len(f.Passed) != 1 || f.Passed[0].Step < 2 || f.Passed[0].Step >= len(f.Schedule.Tasks) {
			t.Errorf("%s: passed over %+v", s, f.Passed)
		}
		if n := len(r.Passed[0].Schedule.Tasks); n >= len(f.Schedule.Tasks) || r.DistinctOutcomes[""] >= r.Executions-r.Redundant-1 {
			t.Errorf("%s: %d steps to the first symptom, outcomes %v of %d", s, n, r.DistinctOutcomes, r.Executions)
		}
		small, err := Shrink(context.Background(), passing(), f, Options{Pass: pass})
		if err != nil || small.Found.Kind() != "second" {
			t.Errorf("%s: %v, %v", s, small, err)
		}
		trace, err := Replay(passing(), f.Schedule, Options{Pass: pass})
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Passed[0].Step; len(trace.Passed) != 1 || trace.Passed[0].Step != n || len(trace.Found.Violations) != 1 {
			t.Errorf("%s: replayed, %+v", s, trace.Passed)
		}
	}
}

// TestPassGoesOn: what was passed over is known to who goes on from a checkpoint.
func TestPassGoesOn(t *testing.T) {
	o := Options{Pass: func(string) bool { return true }, Executions: 2, Checkpoint: filepath.Join(t.TempDir(), "c"), Strategy: DFS}
	var last *Report
	for range 50 {
		if last = explored(t, passing(), o); !last.Stopped {
			break
		}
	}
	whole := explored(t, passing(), Options{Pass: o.Pass, Strategy: DFS})
	if last.Stopped || len(last.Passed) != len(whole.Passed) || len(whole.Passed) != 2 || last.Executions != whole.Executions {
		t.Errorf("%d executions, passed over %v; at one go %d, %v", last.Executions, last.Passed, whole.Executions, whole.Passed)
	}
	for i := range last.Passed {
		if last.Passed[i].Schedule.String() != whole.Passed[i].Schedule.String() {
			t.Errorf("%s, at one go %s", &last.Passed[i].Schedule, &whole.Passed[i].Schedule)
		}
	}
}
