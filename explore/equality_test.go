package explore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// endings runs a program under a strategy until nothing is left to be tried, and returns every way in which it ended with
// the schedule of the first such execution. ok is false if that took more than limit executions.
func endings(t *testing.T, p *generated, o Options, limit int) (all map[string]string, executions int, ok bool) {
	t.Helper()
	info, err := strategyInfo(o.Strategy)
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]string{}
	x := newExecutor(p, &o)
	defer x.close()
	for part, err := range info.shards(x, &o) {
		if err != nil {
			t.Fatal(err)
		}
		x.use(part)
		for part.next() {
			if executions++; executions > limit {
				return all, executions, false
			}
			e, err := x.run()
			if err != nil {
				t.Fatalf("%v\n%s", err, p)
			}
			if e.ending == Redundant {
				continue
			}
			if name := nameEnding(p, e); all[name] == "" {
				all[name] = x.trail.String()
			}
		}
	}
	return all, executions, true
}

func nameEnding(p *generated, e *execution) string {
	switch e.ending {
	case Finished:
		return "finished " + e.outcome
	case Violated:
		return "violation " + e.violations[0].String()
	default:
		return fmt.Sprintf("%s %s %s", e.ending, describeBlocked(e.blocked), p.last.state())
	}
}

// compare fails the test unless two strategies find the same endings, and reports whether the program was small enough.
func compare(t *testing.T, seed uint64, p *generated, a, b Options, limit int) (execA, execB int, kinds map[string]bool, ok bool) {
	t.Helper()
	kinds = map[string]bool{}
	want, execA, ok := endings(t, p, a, limit)
	if !ok {
		return 0, 0, kinds, false
	}
	got, execB, _ := endings(t, p, b, 4*limit)
	for name, schedule := range want {
		kind, _, _ := strings.Cut(name, " ")
		kinds[kind] = true
		if got[name] == "" {
			t.Errorf("seed %d: %s finds %q by %s, %s does not\n%s", seed, a.Strategy, name, schedule, b.Strategy, p)
		}
	}
	for name, schedule := range got {
		if want[name] == "" {
			t.Errorf("seed %d: %s finds %q by %s, %s does not\n%s", seed, b.Strategy, name, schedule, a.Strategy, p)
		}
	}
	return execA, execB, kinds, true
}

// TestReductionMissesNothing is what the soundness of the reduction rests on: on hundreds of random programs over all
// cells it ends in the same ways as going through all schedules.
func TestReductionMissesNothing(t *testing.T) {
	programs, limit := 400, 3000
	if testing.Short() {
		programs, limit = 100, 1000
	}
	all, few, compared, branching := 0, 0, 0, 0
	kinds := map[string]bool{}
	for seed := range uint64(programs) {
		p := generate(seed)
		workers := 1 + int(seed%2) // two share the search out in parts
		a, b, k, ok := compare(t, seed, p, Options{Strategy: DFS}, Options{Strategy: DPOR, Workers: workers}, limit)
		if !ok {
			continue
		}
		compared++
		all += a
		few += b
		if a > 1 && b > 1 {
			branching++
		}
		maps.Copy(kinds, k)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, %d of them small enough, %d branching: %d executions instead of %d", programs, compared, branching, few, all)
	for _, kind := range []string{"finished", "violation", "deadlock", "lost"} {
		if !kinds[kind] {
			t.Errorf("no program ends in %q: the comparison shows less than it should", kind)
		}
	}
	if few*2 > all {
		t.Errorf("%d executions instead of %d: hardly a reduction", few, all)
	}
}

// TestReductionMissesNoCallbacks compares programs in which callbacks meet read sections and barriers: those that run when a call finds a grace
// period over, and those that run in barriers only, under both memory models.
func TestReductionMissesNoCallbacks(t *testing.T) {
	programs, limit := uint64(1000), 1500
	if testing.Short() {
		programs, limit = 200, 600
	}
	fewer := 0
	for _, model := range []MemoryModel{{}, {Views: true}} {
		for _, late := range []bool{false, true} {
			compared, all, few := 0, 0, 0
			for seed := range programs {
				p := generate(30_002 + seed*uint64(len(families))) // all of one family
				p.late = late
				if text := p.String(); !strings.Contains(text, "call") || !strings.Contains(text, "rcu") {
					continue
				}
				a, b, _, ok := compare(t, seed, p, Options{Strategy: DFS, Memory: model}, Options{Strategy: DPOR, Memory: model}, limit)
				if t.Failed() {
					return
				}
				if ok && a > 1 {
					compared++
					all, few = all+a, few+b
				}
			}
			if compared < int(programs/20) {
				t.Errorf("only %d programs compared", compared)
			}
			t.Logf("%s, late %v: %d programs, %d executions instead of %d", model, late, compared, few, all)
			if !model.Views && late {
				fewer -= few * 1000 / compared
			} else if !model.Views {
				fewer += few * 1000 / compared
			}
		}
	}
	if fewer <= 0 {
		t.Error("late callbacks take no fewer executions")
	}
}

// TestReductionMissesNoChoices compares with choices besides scheduling.
func TestReductionMissesNoChoices(t *testing.T) {
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	programs, compared := uint64(300), 0
	if testing.Short() {
		programs = 100
	}
	for seed := range programs {
		p := generate(10_000 + seed)
		if !strings.Contains(p.String(), "replace") && !strings.Contains(p.String(), "call") {
			continue
		}
		chosen := int(1 + seed%2)
		_, _, _, ok := compare(t, seed, p, Options{Strategy: DFS, Choices: choices, MaxChosen: chosen},
			Options{Strategy: DPOR, Choices: choices, MaxChosen: chosen}, 1500)
		if ok {
			compared++
		}
		if t.Failed() {
			return
		}
	}
	if compared < int(programs/15) {
		t.Errorf("only %d programs compared", compared)
	}
	t.Logf("%d programs", compared)
}

// TestPartsMissNothing compares a search divided into parts with one that is not, and the bounded search, which ends only
// when its bound leaves out nothing.
func TestPartsMissNothing(t *testing.T) {
	programs, compared := uint64(60), 0
	if testing.Short() {
		programs = 20
	}
	for seed := range programs {
		p := generate(20_000 + seed)
		for _, o := range []Options{{Strategy: DPOR, Workers: 2}, {Strategy: DFS, Workers: 2}, {Strategy: Bounded}, {Strategy: Delays}} {
			if _, _, _, ok := compare(t, seed, p, Options{Strategy: DFS}, o, 500); ok {
				compared++
			}
			if t.Failed() {
				return
			}
		}
	}
	if compared < int(programs*2/3) {
		t.Errorf("only %d searches compared", compared)
	}
}

// TestWorkersFindTheSame: what is found, and when, does not depend on how many workers there are.
func TestWorkersFindTheSame(t *testing.T) {
	p := func(seed uint64) Program { return generate(seed) }
	seeds := uint64(12)
	if testing.Short() {
		seeds = 4
	}
	for _, strategy := range []Strategy{DPOR, DFS, Bounded, Delays, Random, PCT, POS} {
		failures := 0
		for seed := range seeds {
			var keys []string
			for _, workers := range []int{2, 3} {
				rep, err := Search(context.Background(), shared{p: p(seed)}, Options{Strategy: strategy, Workers: workers, Executions: 600, Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				key := "none"
				if len(rep.Violations) > 0 {
					f := rep.Violations[0]
					key = fmt.Sprint(f.Execution, f.Key(), f.Schedule.String())
					failures++
					if f.Unstable {
						t.Errorf("seed %d: %s does not fail again", seed, &f.Schedule)
					}
				} else if !rep.Complete {
					key = "unfinished"
				}
				keys = append(keys, key)
			}
			if keys = slices.Compact(keys); len(keys) > 1 {
				t.Errorf("%s, seed %d: %v", strategy, seed, keys)
			}
		}
		if failures == 0 {
			t.Errorf("%s: no failure found", strategy)
		}
	}
}

// shared hides what a generated program keeps for the other tests, which is for one worker.
type shared struct {
	PlainProgram
	p Program
}

func (s shared) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	g := *s.p.(*generated)
	return g.NewWorld(x, report)
}

// statementNamed returns a statement of the generator.
func statementNamed(name string, cell int, body ...statement) statement {
	for _, s := range slices.Concat(simple, compound) {
		if s.name == name {
			s.cell, s.body = cell, body
			return s
		}
	}
	panic("no statement " + name)
}

// TestReductionMissesNoWakeUps compares programs that random ones of a bearable size do not contain: where a wake-up comes
// late enough to be taken for the next one, and where callbacks are run while another task waits for them.
func TestReductionMissesNoWakeUps(t *testing.T) {
	s := statementNamed
	for name, p := range map[string]*generated{
		"stale wake-up": {tasks: [][]statement{{s("await", 0), s("await", 1)}, {s("signal", 0), s("signal", 1)}}},
		"saved by a stale wake-up": {tasks: [][]statement{
			{s("await", 0), s("await", 1)}, {s("signal", 0), s("write", 1)},
		}},
		"early wake-ups":          {tasks: [][]statement{{s("signal first", 0)}, {s("signal first", 0)}, {s("await", 0), s("add", 1)}}},
		"late wake-ups":           {tasks: [][]statement{{s("await", 0), s("await", 1)}, {s("signal", 0)}, {s("signal first", 1)}}},
		"two wake-ups":            {tasks: [][]statement{{s("await", 0)}, {s("signal", 0)}, {s("signal", 0)}}},
		"callbacks while waiting": {tasks: [][]statement{{s("call", 0), s("call", 1), s("add", 0)}, {s("barrier", 0), s("read", 0), s("read", 1)}}},
		"two barriers":            {tasks: [][]statement{{s("call", 0), s("barrier", 0), s("add", 1)}, {s("barrier", 0), s("read", 0), s("read", 1)}}},
		// A callback that waits for what the task in the barrier has: only if it is taken after the barrier began.
		"callback blocked by the barrier": {tasks: [][]statement{
			{s("call locking", 0), s("call", 1)}, {s("mutex", 0, s("barrier", 0))},
		}},
		// Whether an allocation concerns who looks at the memory depends on what is chosen in it.
		"choice asleep": {tasks: [][]statement{{s("take", 0), s("replace", 0)}, {s("look", 0), s("read", 0), s("read", 0)}}},
		// A wake-up that comes after the wait it was meant for counts for the next one, unless that one forgot it.
		"forgotten wake-up": {tasks: [][]statement{{s("signal", 1), s("await", 1), s("signal", 1)}, {s("await", 1), s("await", 0)}}},
		"barrier beside section": {tasks: [][]statement{
			{s("call", 0), s("call", 0)}, {s("rcu", 0, s("read", 0))}, {s("barrier", 0), s("read", 0)},
		}},
	} {
		all := [][]task.Choice{nil, {task.GraceDelayed}, {task.ReuseLater}}
		if testing.Short() {
			all = all[:1]
		}
		for _, choices := range all {
			a, b, _, ok := compare(t, 0, p, Options{Strategy: DFS, Choices: choices}, Options{Strategy: DPOR, Choices: choices}, 100_000)
			if !ok {
				t.Errorf("%s: too large", name)
			}
			t.Logf("%s: %d executions instead of %d", name, b, a)
		}
	}
}
