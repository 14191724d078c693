package explore

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"vmasim/internal/shrink"
)

// Size is how large a counterexample is.
type Size struct {
	Tasks      int `json:"tasks"`
	Statements int `json:"statements"`
	Switches   int `json:"switches"`
	Steps      int `json:"steps"`
}

func (s Size) String() string {
	return fmt.Sprintf("%d tasks, %d statements, %d switches, %d steps", s.Tasks, s.Statements, s.Switches, s.Steps)
}

// less orders counterexamples by how hard they are to read.
func (s Size) less(o Size) bool {
	switch {
	case s.Switches != o.Switches:
		return s.Switches < o.Switches
	case s.Steps != o.Steps:
		return s.Steps < o.Steps
	}
	return s.Tasks < o.Tasks
}

// Shrunk is a failure made smaller.
type Shrunk struct {
	// Program is the program that fails, a smaller one if it could be reduced. The schedule of Found is one of its own, and
	// has its fingerprints. The caller closes it.
	Program Program `json:"-"`
	Found   Found   `json:"-"`
	From    Size    `json:"from"`
	To      Size    `json:"to"`
	Runs    int     `json:"-"` // executions it took
}

// The costs that shrinking may have, in steps: 100 000 of them take some 30 ms.
const (
	improveSteps = 500_000   // moving the turns of one schedule about
	fewestSteps  = 500_000   // looking for a failure with fewer preemptions
	smallerSteps = 50_000    // looking for the failure in one smaller program
	reduceSteps  = 3_000_000 // and in all of them
	serialSteps  = 100_000   // looking for a serial order in which one program succeeds
	ordersSteps  = 1_000_000 // performing the tasks of the whole program one after the other
	soundSteps   = 1_000_000 // searching one smaller program under rules under which it must not fail
	allSound     = 8_000_000 // and all of them
)

// Shrink makes a failing schedule of p smaller: fewer tasks and statements if the program knows smaller ones, fewer switches
// between tasks, then fewer steps. The result fails with the same [Found.Key], and a smaller program is taken only if
// it shows the same fault: see [shrinker.acceptable].
func Shrink(ctx context.Context, p Program, f Found, o Options) (*Shrunk, error) {
	o.Progress, o.Workers, o.halt = nil, 1, &atomic.Bool{}
	defer context.AfterFunc(ctx, func() { o.halt.Store(true) })()
	sh := &shrinker{ctx: ctx, o: o, failure: &f}
	again, err := sh.again(p, &f)
	if err != nil {
		return nil, err
	}
	if !again {
		return nil, fmt.Errorf("shrink %s: %w", &f.Schedule, errNotReproduced)
	}
	r := &Shrunk{Program: p, Found: f, From: sizeOf(p, &f.Schedule)}
	r.Found, err = sh.improve(p, f)
	if err == nil {
		err = sh.reduce(r)
	}
	if err == nil {
		err = sh.fewest(r)
	}
	if err != nil {
		sh.discard(r.Program, p)
		return nil, err
	}
	r.To, r.Runs = sizeOf(r.Program, &r.Found.Schedule), sh.runs
	return r, nil
}

// sizeOf measures a schedule of p. The tasks of a program that cannot tell are those that take a step.
func sizeOf(p Program, s *Schedule) Size {
	size := Size{Switches: s.Switches(), Steps: len(s.Tasks)}
	if size.Tasks, size.Statements = p.Size(); size.Tasks > 0 {
		return size
	}
	var seen taskSet
	for _, i := range s.Tasks {
		seen |= 1 << i
	}
	size.Tasks = seen.len()
	return size
}

type shrinker struct {
	ctx     context.Context
	o       Options
	failure *Found // in question
	right   behaviour
	runs    int
	steps   int
	sound   int // steps that searches under other rules took, beside the others
}

// run runs one execution of what x is to do, and returns how it fails if that is the failure in question.
func (sh *shrinker) run(x *Executor) (*Found, error) {
	e, err := x.run()
	if err != nil {
		return nil, err
	}
	sh.runs++
	sh.steps += e.steps
	if !e.ending.Failed() {
		return nil, nil
	}
	if f := x.found(e); f.standsFor(sh.failure) {
		return &f, nil
	}
	return nil, nil
}

// again reports whether a failure fails alike by itself, where nothing is known of other executions.
func (sh *shrinker) again(p Program, f *Found) (bool, error) {
	x := newExecutor(p, &sh.o)
	defer x.close()
	g, err := rerun(x, &f.Schedule)
	return err == nil && g.standsFor(sh.failure), err
}

// over reports whether so many steps are taken, or there is another reason to stop.
func (sh *shrinker) over(end int) bool { return sh.steps >= end || sh.ctx.Err() != nil }

// search looks for the failure in p. smallest: it goes through all of the part in which there is one, as far as it gets, for the
// smallest there.
func (sh *shrinker) search(p Program, strategy Strategy, preemptions, steps int, smallest bool) (*Found, error) {
	o := sh.o
	o.Strategy, o.Preemptions = strategy, preemptions
	info, err := strategyInfo(strategy)
	if err != nil {
		return nil, err
	}
	x := newExecutor(p, &o)
	defer x.close()
	end := sh.steps + steps
	for part, err := range info.shards(x, &o) {
		if sh.over(end) || err != nil {
			return nil, err
		}
		if f, err := sh.searchShard(x, part, end, smallest); f != nil || err != nil {
			return sh.confirmed(p, f, err)
		}
	}
	return nil, nil
}

// confirmed passes on a failure if it fails alike by itself.
func (sh *shrinker) confirmed(p Program, f *Found, err error) (*Found, error) {
	if err != nil {
		return nil, err
	}
	again, err := sh.again(p, f)
	if !again {
		return nil, err
	}
	return f, nil
}

// searchShard looks for the failure in one part of a search.
func (sh *shrinker) searchShard(x *Executor, part shard, end int, smallest bool) (best *Found, err error) {
	x.use(part)
	for !sh.over(end) && part.next() {
		f, err := sh.run(x)
		if err != nil {
			return nil, err
		}
		if f != nil && (best == nil || sizeOf(x.program, &f.Schedule).less(sizeOf(x.program, &best.Schedule))) {
			best = f
		}
		if best != nil && !smallest {
			break
		}
	}
	return best, nil
}

// fewest looks for a failure with fewer preemptions than the one there is has switches.
func (sh *shrinker) fewest(r *Shrunk) error {
	f, err := sh.search(r.Program, Bounded, max(r.Found.Schedule.Switches()-1, 1), fewestSteps, true)
	if f == nil || err != nil {
		return err
	}
	f.Execution = r.Found.Execution
	other, err := sh.improve(r.Program, *f)
	if err == nil && sizeOf(r.Program, &other.Schedule).less(sizeOf(r.Program, &r.Found.Schedule)) {
		r.Found = other
	}
	return err
}

// improve moves the turns of a schedule about, and leaves some out, as long as that makes it smaller.
func (sh *shrinker) improve(p Program, f Found) (Found, error) {
	x := newExecutor(p, &sh.o)
	defer x.close()
	best := f
	var failed error
	end := sh.steps + improveSteps
	smaller := func(order []turn) bool {
		if failed != nil || sh.over(end) {
			return false
		}
		x.use(&wish{order: slices.Clone(order), choices: best.Schedule.Choices})
		g, err := sh.run(x)
		if failed = err; g == nil || !sizeOf(p, &g.Schedule).less(sizeOf(p, &best.Schedule)) {
			return false
		}
		best = *g
		return true
	}
	for order := []turn(nil); ; { // as long as the tasks have not quite taken the turns that were left
		taken := turnsOf(best.Schedule.Tasks)
		if slices.Equal(order, taken) {
			break
		}
		order = shrink.Sequence(taken, plainer, smaller)
	}
	if failed != nil {
		return f, failed
	}
	best.Execution = f.Execution
	if again, err := sh.again(p, &best); !again {
		return f, err
	}
	return best, nil
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

// plainer returns orders in which a turn is cut short, what is left of it coming whenever nothing else is asked for, or joined to the next
// one of the same task, at the place of either.
func plainer(turns []turn, at int) (all [][]turn) {
	for _, less := range []int{turns[at].steps / 2, 1} {
		if 0 < less && less < turns[at].steps {
			short := slices.Clone(turns)
			short[at].steps -= less
			all = append(all, short)
		}
	}
	next := slices.IndexFunc(turns[at+1:], func(t turn) bool { return t.task == turns[at].task })
	if next < 0 {
		return all
	}
	next += at + 1
	early := slices.Delete(slices.Clone(turns), next, next+1)
	early[at].steps += turns[next].steps
	late := slices.Clone(turns)
	late[next].steps += turns[at].steps
	return append(all, early, slices.Delete(late, at, at+1))
}

// wish follows an order as far as it can: it leaves out the turns of tasks that cannot go on, and in the end lets the
// running task go on.
type wish struct {
	untracked
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
