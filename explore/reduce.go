package explore

import (
	"slices"

	"vmasim/explore/trace"
)

// reduce moves on to smaller programs as long as one fails alike and is no harder to read: where the failure takes more
// switches, or as many and more steps, something else goes wrong in the same way.
func (sh *shrinker) reduce(r *Shrunk) error {
	given := r.Program
	if tasks, _ := given.Size(); tasks == 0 {
		return nil
	}
	sh.right = sh.behaviourOf(given)
	for end := sh.steps + reduceSteps; ; {
		trace, err := Replay(r.Program, r.Found.Schedule, sh.o)
		if err != nil {
			return err
		}
		guided := func(p Program) *Found { return sh.guided(p, trace) }
		if !sh.step(r, given, end, guided) && !sh.step(r, given, end, sh.anywhere) {
			return nil
		}
	}
}

// step moves on to the first smaller program in which the failure is found, and reports whether there is one.
func (sh *shrinker) step(r *Shrunk, given Program, end int, find func(Program) *Found) bool {
	program := r.Program
	size := sizeOf(program, &r.Found.Schedule)
	for p := range program.Smaller() {
		if sh.over(end) {
			sh.discard(p, given)
			return false
		}
		if f := find(p); f != nil && !size.less(sizeOf(p, &f.Schedule)) && sh.acceptable(p, r, f) {
			sh.discard(program, given)
			f.Execution = r.Found.Execution
			r.Program, r.Found = p, *f
			return true
		}
		sh.discard(p, given)
	}
	return false
}

// discard closes a program that is not needed any more, unless it is the one that was given.
func (sh *shrinker) discard(p, given Program) {
	if p != given {
		_ = p.Close() // it was of no use
	}
}

// guided looks for the failure where p does what a larger program did, as far as it does. A program that cannot be run, as
// what it begins with needs what it lacks, does not fail alike.
func (sh *shrinker) guided(p Program, larger *Trace) *Found {
	x := newExecutor(p, &sh.o)
	defer x.close()
	x.use(&guide{steps: larger.Steps})
	f, err := sh.run(x)
	if err != nil {
		return nil
	}
	return f
}

// anywhere looks for the failure among all interleavings of p, as far as it gets.
func (sh *shrinker) anywhere(p Program) *Found {
	f, err := sh.search(p, DPOR, 0, smallerSteps, false)
	if f == nil || err != nil {
		return nil
	}
	if better, err := sh.improve(p, *f); err == nil {
		return &better
	}
	return f
}

// guide makes a program take the steps that a larger one has taken, by the tasks' names. It leaves out the steps of what
// is not there, and lets a task go on where the larger program's did something else.
type guide struct {
	untracked
	steps   []trace.Step
	at      int
	resume  [maxTasks]int    // where in steps a task is found again, whose steps before that are left out
	choices []trace.Decision // left of those made in the step being taken
}

func (g *guide) next() bool { return true }

func (g *guide) pick(s *state) int {
	g.choices = nil
	for ; g.at < len(g.steps); g.at++ {
		i := s.named(g.steps[g.at].Task)
		if i < 0 || !s.enabled.has(i) || g.at < g.resume[i] {
			continue
		}
		pending := &s.pending[i]
		if pending.performs(&g.steps[g.at]) {
			g.choices = g.steps[g.at].Choices
			g.at++
			return i
		}
		later := slices.IndexFunc(g.steps[g.at:], func(step trace.Step) bool { return step.Task == pending.who.Name && pending.performs(&step) })
		if later < 0 {
			return i // the larger program did not do this
		}
		g.resume[i] = g.at + later
	}
	return s.stay(s.enabled)
}

// named returns the place of a task, -1 for none.
func (s *state) named(name string) int {
	return slices.IndexFunc(s.pending[:s.tasks], func(p Pending) bool { return p.who.Name == name })
}

// performs reports whether the operation is that of a step.
func (p *Pending) performs(s *trace.Step) bool {
	return p.Event.Op == s.Op && p.Event.Func == s.Func && slices.Equal(p.who.Stack(), s.Stack)
}

func (g *guide) choose(_ *state, _, n int) int {
	if len(g.choices) == 0 {
		return 0
	}
	v := g.choices[0].Value
	g.choices = g.choices[1:]
	return min(v, n-1)
}

func (g *guide) ended(*state, Ending) {}
