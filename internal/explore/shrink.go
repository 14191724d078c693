package explore

import (
	"context"
	"fmt"
	"slices"
)

// Size is how large a counterexample is.
type Size struct{ Tasks, Switches, Steps int }

func (s Size) String() string {
	return fmt.Sprintf("%d tasks, %d switches, %d steps", s.Tasks, s.Switches, s.Steps)
}

// Shrunk is a failure made smaller.
type Shrunk struct {
	Program  Program // the program that fails; a smaller one if it could be reduced
	Found    Found
	From, To Size
	Runs     int // executions it took
}

// Reducer is a [Program] that knows smaller ones: with a task or an operation less, the largest step first.
type Reducer interface {
	Smaller() []Program
}

const (
	// shrinkRuns bounds the executions spent on one program's schedule by moving its turns about,
	shrinkRuns = 4000
	// and these those spent on finding the fewest preemptions that do, and a failure in a smaller program.
	shrinkSearch = 20_000
)

// Shrink makes a failing schedule of p smaller: fewer operations and tasks if the program is a [Reducer], then fewer
// switches between tasks, then fewer steps. What it returns fails with the same [Found.Key].
func Shrink(ctx context.Context, p Program, f Found, o Options) (*Shrunk, error) {
	o.Progress = nil
	sh := &shrinker{ctx: ctx, o: o, key: f.Key()}
	x := newExecutor(p, &o)
	again, err := rerun(x, &f.Schedule)
	x.close()
	if err != nil {
		return nil, err
	}
	if again.Key() != sh.key {
		return nil, fmt.Errorf("shrink %s: %w", &f.Schedule, errNotReproduced)
	}
	r := &Shrunk{Program: p, Found: f, From: sizeOf(&f.Schedule)}
	if err := sh.reduce(r); err != nil {
		return nil, err
	}
	best, err := sh.shrink(r.Program, r.Found)
	if err != nil {
		return nil, err
	}
	r.Found, r.To, r.Runs = best, sizeOf(&best.Schedule), sh.runs
	return r, nil
}

func sizeOf(s *Schedule) Size {
	var seen taskSet
	for _, i := range s.Tasks {
		seen |= 1 << i
	}
	return Size{seen.len(), s.Switches(), len(s.Tasks)}
}

// less orders schedules by how hard they are to read.
func (s Size) less(o Size) bool {
	switch {
	case s.Switches != o.Switches:
		return s.Switches < o.Switches
	case s.Steps != o.Steps:
		return s.Steps < o.Steps
	}
	return s.Tasks < o.Tasks
}

type shrinker struct {
	ctx  context.Context
	o    Options
	key  string
	runs int
}

// reduce moves on to smaller programs as long as they fail alike.
func (sh *shrinker) reduce(r *Shrunk) error {
	for {
		red, ok := r.Program.(Reducer)
		if !ok {
			return nil
		}
		found := false
		for _, p := range red.Smaller() {
			f, err := sh.search(p, Bounded, 0)
			if err != nil {
				return err
			}
			if f != nil {
				r.Program, r.Found, found = p, *f, true
				break
			}
		}
		if !found {
			return nil
		}
	}
}

// search looks for a failure with the same key.
func (sh *shrinker) search(p Program, strategy Strategy, preemptions int) (*Found, error) {
	o := sh.o
	o.Strategy, o.Preemptions, o.Executions, o.Workers, o.Time, o.KeepGoing = strategy, preemptions, shrinkSearch, 1, 0, 8
	rep, err := Search(sh.ctx, p, o)
	if err != nil {
		return nil, err
	}
	sh.runs += rep.Executions
	i := slices.IndexFunc(rep.Violations, func(f Found) bool { return f.Key() == sh.key && !f.Unstable })
	if i < 0 {
		return nil, nil
	}
	return &rep.Violations[i], nil
}

// shrink returns the smallest failing schedule of p that it finds.
func (sh *shrinker) shrink(p Program, f Found) (Found, error) {
	best, err := sh.improve(p, f)
	if err != nil {
		return f, err
	}
	if f, err := sh.search(p, Bounded, max(best.Schedule.Switches()-1, 0)); err != nil {
		return best, err
	} else if f != nil {
		other, err := sh.improve(p, *f)
		if err != nil {
			return best, err
		}
		if sizeOf(&other.Schedule).less(sizeOf(&best.Schedule)) {
			best = other
		}
	}
	return best, nil
}

// improve moves the turns of a schedule about, and leaves some out, as long as that makes it smaller.
func (sh *shrinker) improve(p Program, f Found) (Found, error) {
	x := newExecutor(p, &sh.o)
	defer x.close()
	for end := sh.runs + shrinkRuns; ; {
		better := false
		for _, order := range variants(f.Schedule.Tasks) {
			if sh.runs >= end || sh.ctx.Err() != nil {
				return f, nil
			}
			sh.runs++
			x.use(&wish{order: order, choices: f.Schedule.Choices})
			e, err := x.run()
			if err != nil {
				return f, err
			}
			if !e.ending.Failed() {
				continue
			}
			g := x.found(e)
			if g.Key() == sh.key && sizeOf(&g.Schedule).less(sizeOf(&f.Schedule)) {
				g.Execution = f.Execution
				f, better = g, true
				break
			}
		}
		if !better {
			return f, nil
		}
	}
}

// turn is a run of steps of one task.
type turn struct{ task, steps int }

func turnsOf(tasks []uint8) []turn {
	var all []turn
	for _, i := range tasks {
		if n := len(all); n > 0 && all[n-1].task == int(i) {
			all[n-1].steps++
		} else {
			all = append(all, turn{int(i), 1})
		}
	}
	return all
}

// variants returns orders that may be smaller: with a turn left out, with one moved to the next or the last of the same
// task, or with one cut short, what is left of it coming whenever nothing else is asked for.
func variants(tasks []uint8) [][]turn {
	turns := turnsOf(tasks)
	var all [][]turn
	for i := range turns {
		all = append(all, slices.Delete(slices.Clone(turns), i, i+1))
	}
	for i := range turns {
		for _, less := range []int{turns[i].steps / 2, 1} {
			short := slices.Clone(turns)
			short[i].steps -= less
			all = append(all, short)
		}
	}
	for i := range turns {
		for j := i + 1; j < len(turns); j++ {
			if turns[j].task != turns[i].task {
				continue
			}
			early := slices.Delete(slices.Clone(turns), j, j+1)
			early[i].steps += turns[j].steps
			late := slices.Clone(turns)
			late[j].steps += late[i].steps
			all = append(all, early, slices.Delete(late, i, i+1))
			break
		}
	}
	return all
}

// wish follows an order as far as it can: it leaves out the turns of tasks that cannot go on, and in the end lets whoever
// is at it go on.
type wish struct {
	order   []turn
	choices []StepDecision
	choice  int
}

func (w *wish) next() bool { return true }

func (w *wish) pick(s *state) int {
	for len(w.order) > 0 {
		if t := w.order[0]; t.steps > 0 && s.enabled.has(t.task) {
			w.order[0].steps--
			return t.task
		}
		w.order = w.order[1:]
	}
	return s.stay(s.enabled)
}

// choose repeats the choices by their order: the steps they were made in are others now.
func (w *wish) choose(_ *state, _, n int) int {
	if w.choice == len(w.choices) {
		return 0
	}
	w.choice++
	return min(w.choices[w.choice-1].Value, n-1)
}

func (w *wish) ended(*state, Ending) {}
