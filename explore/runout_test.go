package explore

import (
	"testing"

	"vmasim/internal/task"
)

// returning is a program whose worlds can be used again.
type returning struct {
	Program
	returned, abandoned *int
}

type returningWorld struct {
	World
	p *returning
}

func (p *returning) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	w, err := p.Program.NewWorld(x, report)
	return &returningWorld{w, p}, err
}

func (w *returningWorld) Return() {
	for _, t := range w.Tasks() {
		if t.Task.Observer != nil {
			panic("a task is still observed")
		}
	}
	*w.p.returned++
}

func (w *returningWorld) Abandon() {
	*w.p.abandoned++
	w.World.Abandon()
}

// TestRestIsNoPart: a search is the same whether the tasks of executions that are given up run to their ends or are unwound.
func TestRestIsNoPart(t *testing.T) {
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	returned, abandoned, redundant := 0, 0, 0
	seeds := uint64(400)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		o := Options{Choices: choices, KeepGoing: 8, aloneFor: 1 << 30}
		whole := explored(t, apart{generate(seed)}, o)
		again := explored(t, &returning{apart{generate(seed)}, &returned, &abandoned}, o)
		if essence(again) != essence(whole) {
			t.Fatalf("seed %d:\n%s\nunwound:\n%s", seed, essence(again), essence(whole))
		}
		redundant += whole.Redundant
	}
	t.Logf("%d given up; %d worlds returned, %d abandoned", redundant, returned, abandoned)
	if returned == 0 || returned > redundant {
		t.Errorf("%d worlds returned, %d executions given up", returned, redundant)
	}
}

// TestRestThatBreaksARule: a world in which the rest of an execution breaks a rule, or comes to no end, is not used again, and nothing of
// it is reported.
func TestRestThatBreaksARule(t *testing.T) {
	for name, rest := range map[string]func(w *scriptWorld, t *task.Task){
		"violation": func(w *scriptWorld, t *task.Task) { t.Violate("late", "the rest has broken a rule") },
		"panic":     func(w *scriptWorld, t *task.Task) { panic("the rest") },
		"deadlock":  func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.a.Lock(t) },
		"long": func(w *scriptWorld, t *task.Task) {
			for range 2 * runOutSteps {
				w.x.WriteOnce(t, w.x.ReadOnce(t)+1)
			}
		},
	} {
		returned, abandoned := 0, 0
		p := &returning{program(func(w *scriptWorld, t *task.Task) {
			w.x.ReadOnce(t)
			w.x.ReadOnce(t)
			rest(w, t)
		}), &returned, &abandoned}
		o := Options{}
		x := newExecutor(p, &o)
		x.use(&oneStep{})
		e, err := x.run()
		if err != nil {
			t.Fatal(err)
		}
		if e.ending != Redundant || len(e.violations) > 0 || e.steps != 1 || returned != 0 || abandoned != 1 {
			t.Errorf("%s: %s after %d steps with %v; %d worlds returned, %d abandoned", name, e.ending, e.steps, e.violations, returned, abandoned)
		}
		x.close()
	}
}

// oneStep is a strategy that takes one step.
type oneStep struct{ untracked }

func (*oneStep) next() bool                  { return true }
func (*oneStep) choose(*state, int, int) int { return 0 }
func (*oneStep) ended(*state, Ending)        {}
func (*oneStep) pick(s *state) int {
	if s.steps == 1 {
		return redundant
	}
	return s.enabled.first()
}
