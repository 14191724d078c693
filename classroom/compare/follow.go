package compare

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads/program"
)

// followed is a run under other rules beside the one that it follows.
type followed struct {
	*trace.Pair
	at []place // of the partings
}

// place tells a parting from others: after how many steps of the run, and what happens there.
type place struct {
	step int
	what string
}

// follower drives a run under other rules.
type follower struct {
	*comparison
	names    [2]string
	program  *program.Program
	alike    *trace.Alike
	run      explore.Schedule // so far
	trace    *trace.Trace     // of it
	over     bool             // it has ended
	acts     [][]trace.Act    // of each task of the run that is followed
	steps    [][]int          // their numbers
	done     []int            // how many of these the other side has taken, or does without
	shown    []int            // how many stand in rows
	waits    []bool           // the task could not go on, and that was told
	rows     []trace.Row
	partings []trace.Parting
	at       []place
}

// waits is how the name of a parting ends where a task waits on the other side alone.
const waits = " waits"

// The bounds of what is tried.
const (
	lookahead = 48    // steps of a task that may come before the one that is looked for
	chunk     = 256   // steps of a task that are taken at once where nothing is looked for
	mostSteps = 10000 // of the other side
)

// follow follows the first steps of the run under other rules, and to its end if these are all.
func (c *comparison) follow(against string, steps int) (_ *followed, err error) {
	f, err := c.begin(against)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.program.Close()) }()
	for i := 0; i < steps; {
		n := f.turn(i, steps)
		if err := f.advance(f.taskAt(i), i, i+n); err != nil {
			return nil, err
		}
		i += n
	}
	if steps == len(c.with.Steps) {
		if err := f.finish(); err != nil {
			return nil, err
		}
	}
	f.complete(steps == len(c.with.Steps))
	p := &trace.Pair{Names: f.names, With: c.with, Against: f.trace, Rows: f.rows, Partings: f.partings, Objects: f.alike.Objects(), Ends: [2]string{c.with.Ends(), f.trace.Ends()}}
	return &followed{p, f.at}, nil
}

func (c *comparison) begin(against string) (*follower, error) {
	setting := c.setting
	setting.Rules = against
	p, err := program.NewFor(c.scenario, setting, c.schedule)
	if err != nil {
		return nil, err
	}
	f := &follower{comparison: c, program: p, alike: trace.NewAlike(), run: p.Begin()}
	for _, d := range c.schedule.Choices {
		if d.Step == 0 {
			f.run.Choices = append(f.run.Choices, d)
		}
	}
	if f.trace, err = f.replay(f.run); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	f.over = len(f.trace.Next) == 0
	f.names = [2]string{short(c.own.String()), short(p.Rules())}
	if f.names[0] == f.names[1] {
		f.names = [2]string{c.own.String(), p.Rules()}
	}
	n := len(c.with.Tasks)
	f.acts, f.steps, f.done, f.shown, f.waits = make([][]trace.Act, n), make([][]int, n), make([]int, n), make([]int, n), make([]bool, n)
	for i := range c.with.Steps {
		t := f.taskAt(i)
		f.acts[t] = append(f.acts[t], trace.ActOf(&c.with.Steps[i]))
		f.steps[t] = append(f.steps[t], i+1)
	}
	for t, name := range c.with.Tasks {
		if next, ok := c.standing[name]; ok {
			f.acts[t] = append(f.acts[t], trace.ActOfNext(&next))
		}
	}
	return f, nil
}

func (f *follower) replay(s explore.Schedule) (*trace.Trace, error) {
	if f.between != nil {
		f.between()
	}
	return f.program.Replay(s)
}

// taskAt returns the place of the task of a step of the run.
func (f *follower) taskAt(step int) int { return slices.Index(f.with.Tasks, f.with.Steps[step].Task) }

// turn returns how many steps from one on are the same task's; one in which something is decided is a turn by itself.
func (f *follower) turn(from, to int) int {
	n := 1
	for len(f.decided(from+1)) == 0 && from+n < to && f.with.Steps[from+n].Task == f.with.Steps[from].Task && len(f.decided(from+n+1)) == 0 {
		n++
	}
	return n
}

// decided returns what the schedule decides in a step, from 1.
func (f *follower) decided(step int) (values []int) {
	for _, d := range f.schedule.Choices {
		if d.Step == step {
			values = append(values, d.Value)
		}
	}
	return values
}

// solo is what a task would do if it went on alone.
type solo struct {
	run   explore.Schedule
	trace *trace.Trace
	acts  []trace.Act // its steps, and the one that would come next
	steps int         // how many of these were taken
	next  *trace.Next // which it cannot take if blocked; nil: it or the run has ended there
	stops bool        // it takes no more: it is blocked, or has ended
}

// alone lets a task go on for some steps, in the first of which something may be decided.
func (f *follower) alone(t, steps int, decided []int) (*solo, error) {
	s := &solo{run: f.run.UpTo(len(f.run.Tasks))}
	for range steps {
		s.run.Tasks = append(s.run.Tasks, uint8(t))
	}
	for _, v := range decided {
		s.run.Choices = append(s.run.Choices, explore.StepDecision{Step: len(f.run.Tasks) + 1, Value: v})
	}
	tr, err := f.replay(s.run)
	if err != nil {
		return nil, err
	}
	if s.stops = tr.Diverged != nil || len(tr.Next) == 0; tr.Diverged != nil {
		s.run = s.run.UpTo(len(tr.Steps))
		if tr, err = f.replay(s.run); err != nil {
			return nil, err
		}
	}
	s.trace, s.steps = tr, len(tr.Steps)-len(f.run.Tasks)
	for i := range s.steps {
		s.acts = append(s.acts, trace.ActOf(&tr.Steps[len(f.run.Tasks)+i]))
	}
	for i := range tr.Next {
		if n := &tr.Next[i]; n.Task == f.with.Tasks[t] {
			s.next = n
			s.acts = append(s.acts, trace.ActOfNext(n))
		}
	}
	return s, nil
}

// advance lets the other side take what the run does from step from up to step to, which are a task's.
func (f *follower) advance(t, from, to int) error {
	upto := 0
	for upto < len(f.steps[t]) && f.steps[t][upto] <= to {
		upto++
	}
	if f.over {
		f.layOut(t, upto, 0, nil)
		return nil
	}
	s, err := f.alone(t, upto-f.done[t]+lookahead, f.decided(from+1))
	if err != nil {
		return err
	}
	pos := f.done[t]
	acts := f.acts[t][pos:min(len(f.acts[t]), upto+lookahead)]
	match := f.alike.Match(acts, s.acts)
	take, met := f.goal(t, upto, match, s)
	if take < s.steps {
		if s, err = f.alone(t, take, f.decided(from+1)); err != nil {
			return err
		}
	}
	for i, at := range match {
		if at >= take {
			match = match[:i]
			break
		}
	}
	// Where it waits, what it has not come to is still to come.
	reached := upto - pos
	if !met && s.stops {
		reached = 0
		for i, at := range match {
			if at >= 0 {
				reached = i + 1
			}
		}
	}
	f.layOut(t, upto, take, match)
	f.run, f.trace, f.over = s.run, s.trace, len(s.trace.Next) == 0
	f.done[t] = min(pos+reached, upto)
	f.tell(t, to, met, s)
	return nil
}

// goal says how many of its steps a task takes, and whether it comes to where it stands on the other side.
func (f *follower) goal(t, upto int, match []int, s *solo) (take int, met bool) {
	last := 0 // behind the last step that both have
	for i, at := range match {
		if i >= upto-f.done[t] && at >= 0 {
			return at, true
		}
		if at >= 0 {
			last = at + 1
		}
	}
	_, goesOn := f.standing[f.with.Tasks[t]]
	if s.stops {
		ended := s.next == nil && !goesOn && upto == len(f.steps[t])
		return s.steps, ended
	}
	return min(last, s.steps), true
}

// layOut makes rows of the steps of a task up to upto, and of those that the other side takes for them.
func (f *follower) layOut(t, upto, take int, match []int) {
	base, next := len(f.run.Tasks), 0
	other := func(until int) {
		for ; next < until; next++ {
			f.rows = append(f.rows, trace.Row{Against: base + next + 1})
		}
	}
	for i := f.done[t]; i < upto; i++ {
		at := -1
		if j := i - f.done[t]; j < len(match) {
			at = match[j]
		}
		switch {
		case at >= 0 && i < f.shown[t]:
			other(at)
			f.rows = append(f.rows, trace.Row{Against: base + at + 1, Late: f.steps[t][i]})
			next = at + 1
		case at >= 0:
			other(at)
			f.rows = append(f.rows, trace.Row{With: f.steps[t][i], Against: base + at + 1})
			next = at + 1
		case i >= f.shown[t]:
			f.rows = append(f.rows, trace.Row{With: f.steps[t][i]})
		}
	}
	other(take)
	f.shown[t] = max(f.shown[t], upto)
}

// tell notes a parting: the task waits though it could go on on the other side.
func (f *follower) tell(t, to int, met bool, s *solo) {
	name := f.with.Tasks[t]
	switch {
	case met || f.over:
		f.waits[t] = false
		return
	case f.waits[t] || s.next == nil || s.next.Enabled:
		return
	case f.done[t] == f.shown[t] && !f.enabled(name, to):
		return // it waits on both sides
	}
	f.waits[t] = true
	text := fmt.Sprintf("%s: %s waits", f.behind(f.done[t], t, to), name)
	if s.next.Func != "" {
		text += " in " + s.next.Func
	}
	text += " under " + f.names[1]
	if len(s.next.Why) > 0 {
		text += " (" + strings.Join(s.next.Why, "; ") + ")"
	}
	f.part(to, name+waits, text+", under "+f.names[0]+" it can go on")
}

// behind says where a task stands: at a step that it does not take, or behind its last one.
func (f *follower) behind(done, t, to int) string {
	if done < len(f.steps[t]) && f.steps[t][done] <= to {
		return fmt.Sprintf("step %d", f.steps[t][done])
	}
	return fmt.Sprintf("behind step %d", to)
}

func (f *follower) part(step int, what, text string) {
	f.partings = append(f.partings, trace.Parting{Row: len(f.rows), Text: text})
	f.at = append(f.at, place{step, what})
}

// finish lets the other side go on to its end, if the run has come to its own.
func (f *follower) finish() error {
	if len(f.with.Next) == 0 {
		for progress := true; progress && !f.over; {
			progress = false
			for _, t := range f.order() {
				n, err := f.rest(t)
				if err != nil {
					return err
				}
				progress = progress || n > 0
			}
		}
	}
	return nil
}

// order returns the tasks in the order in which the run lets them go on for the first time, and those that it does not behind them.
func (f *follower) order() (tasks []int) {
	for i := range f.with.Steps {
		if t := f.taskAt(i); !slices.Contains(tasks, t) {
			tasks = append(tasks, t)
		}
	}
	for t := range f.with.Tasks {
		if !slices.Contains(tasks, t) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// rest lets a task go on as far as it can, and returns how many steps that were.
func (f *follower) rest(t int) (taken int, err error) {
	for !f.over {
		s, err := f.alone(t, chunk, nil)
		if err != nil || s.steps == 0 {
			return taken, err
		}
		if len(s.run.Tasks) > mostSteps {
			return taken, errTooLong
		}
		upto := len(f.steps[t])
		var match []int
		if pos := f.done[t]; pos < upto {
			match = f.alike.Match(f.acts[t][pos:upto], s.acts[:s.steps])
		}
		f.layOut(t, upto, s.steps, match)
		f.done[t] += len(match)
		f.run, f.trace, f.over = s.run, s.trace, len(s.trace.Next) == 0
		taken += s.steps
	}
	return taken, nil
}

// complete compares the steps that are in one row, now that all names are known, and says where one side ends and how they end differently.
func (f *follower) complete(whole bool) {
	rows := f.rows[:0:0]
	moved := make([]int, len(f.rows)+1) // where each row has gone
	for i, r := range f.rows {
		moved[i] = len(rows)
		if r.With == 0 || r.Against == 0 {
			rows = append(rows, r)
			continue
		}
		d, same := f.alike.Same(&f.with.Steps[r.With-1], &f.trace.Steps[r.Against-1])
		if !same {
			rows = append(rows, trace.Row{With: r.With}, trace.Row{Against: r.Against})
			continue
		}
		r.Differs = d
		rows = append(rows, r)
	}
	moved[len(f.rows)] = len(rows)
	f.rows = rows
	for i := range f.partings {
		f.partings[i].Row = moved[f.partings[i].Row]
	}
	if whole {
		f.tellWays()
		f.tellEnd()
	}
}
