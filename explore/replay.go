package explore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/task"
)

// Step is one step of a replayed execution.
type Step struct {
	Task           string
	Op             task.Op
	Addr           unsafe.Pointer // of the cell
	Size           uintptr        // of a bulk access, in bytes; 0: one cell
	Func           string         // the kernel function it belongs to
	Stack          []string       // kernel functions, outermost first
	Old, New       uint64
	OldPtr, NewPtr unsafe.Pointer
	Target         string // whom it wakes up
	Interrupted    bool
	Enabled        []string         // who could have gone on instead, in order
	Choices        []int            // decided in this step besides
	Violations     []task.Violation // that it caused
	Passed         []task.Violation // that it caused and the execution went on behind
}

// Trace is a replayed execution.
type Trace struct {
	Steps []Step
	Found Found  // what went wrong, if Ending says that something did
	World string // the outcome, if the execution finished
}

// DivergenceError says that a schedule does not fit the program any more.
type DivergenceError struct {
	Step     int    // the first that differs, from 1
	Schedule string // whose step it is in the schedule; "": it ends here
	Enabled  []string
}

func (e *DivergenceError) Error() string {
	can := "nobody can go on"
	if len(e.Enabled) > 0 {
		can = "able to go on: " + strings.Join(e.Enabled, ", ")
	}
	return fmt.Sprintf("the schedule does not fit: at step %d it gives the turn to %s; %s", e.Step, e.Schedule, can)
}

// FingerprintError says that a schedule or a checkpoint belongs to something else.
type FingerprintError struct {
	What       string // scenario, rules
	Its, Yours string // fingerprints
}

func (e *FingerprintError) Error() string {
	return fmt.Sprintf("belongs to %s %s, this is %s", e.What, e.Its, e.Yours)
}

// Replay runs a schedule and records its steps. Where the schedule ends before the tasks do, the trace ends. With a [*DivergenceError]
// comes the trace up to there; a [*FingerprintError] comes without one.
func Replay(p Program, schedule Schedule, o Options) (*Trace, error) {
	switch scenario, rules := p.Fingerprints(); {
	case scenario != schedule.Scenario:
		return nil, &FingerprintError{"scenario", schedule.Scenario, scenario}
	case rules != schedule.Rules:
		return nil, &FingerprintError{"rules", schedule.Rules, rules}
	}
	x := newExecutor(p, &o)
	defer x.close()
	rec := &recorder{x: x, make: x.newOracle}
	x.newOracle = rec.begin
	f, err := rerun(x, &schedule)
	if f == nil {
		return nil, err
	}
	return rec.trace(f), err
}

// rerun runs a schedule once more, and returns how it ends.
func rerun(x *Executor, schedule *Schedule) (*Found, error) {
	return x.follow(&script{schedule: schedule})
}

// follow runs a script.
func (x *Executor) follow(s *script) (*Found, error) {
	x.use(s)
	halt := x.halt
	x.halt = nil // what was begun with one execution is ended
	e, err := x.run()
	x.halt = halt
	if err != nil {
		return nil, err
	}
	f := x.found(e)
	if s.diverged != nil {
		f.Ending = Truncated
		return &f, s.diverged
	}
	return &f, nil
}

// script follows a schedule.
type script struct {
	untracked
	schedule *Schedule
	choice   int // the next one
	diverged error
}

func (s *script) next() bool { return true }

func (s *script) pick(st *state) int {
	if st.steps == len(s.schedule.Tasks) {
		return redundant
	}
	i := int(s.schedule.Tasks[st.steps])
	if !st.enabled.has(i) {
		s.diverged = &DivergenceError{Step: st.steps + 1, Schedule: taskName(st, i), Enabled: names(st, st.enabled)}
		return redundant
	}
	return i
}

// choose takes the value that the schedule has for this step, in order.
func (s *script) choose(st *state, _, n int) int {
	all := s.schedule.Choices
	for s.choice < len(all) && all[s.choice].Step < st.steps {
		s.choice++
	}
	if s.choice == len(all) || all[s.choice].Step > st.steps {
		return 0
	}
	s.choice++
	return min(all[s.choice-1].Value, n-1)
}

func (s *script) ended(st *state, how Ending) {
	if s.diverged == nil && how != Redundant && st.steps < len(s.schedule.Tasks) {
		s.diverged = &DivergenceError{Step: st.steps + 1, Schedule: taskName(st, int(s.schedule.Tasks[st.steps]))}
	}
}

func taskName(s *state, i int) string {
	if i >= s.tasks {
		return fmt.Sprintf("task %c, which does not exist", 'A'+i)
	}
	return s.pending[i].who.Name
}

func names(s *state, set taskSet) []string {
	var all []string
	for ; set != 0; set &= set - 1 {
		all = append(all, taskName(s, set.first()))
	}
	return all
}

// recorder is an oracle that records the steps of an execution and passes on what it is told.
type recorder struct {
	NoOracle
	x      *Executor
	make   func() Oracle // the oracle that it passes it on to; nil: none
	next   Oracle
	steps  []Step
	seen   int // violations
	passed int // those passed over
}

// begin is called before the first execution.
func (r *recorder) begin() Oracle {
	if r.make != nil {
		r.next = r.make()
	}
	return r
}

// Reset implements [Oracle].
func (r *recorder) Reset() {
	r.steps, r.seen, r.passed = nil, 0, 0
	if r.next != nil {
		r.next.Reset()
	}
}

// Before implements [Oracle].
func (r *recorder) Before(t *task.Task, e *task.Event) {
	if r.x.running {
		r.blame()
		r.steps = append(r.steps, Step{Task: t.Name, Op: e.Op, Addr: e.Addr, Size: e.Size, Func: e.Func, Stack: slices.Clone(t.Stack()),
			Enabled: names(&r.x.state, r.x.enabled)})
	}
	if r.next != nil {
		r.next.Before(t, e)
	}
}

// After implements [Oracle].
func (r *recorder) After(t *task.Task, e *task.Event) {
	if n := len(r.steps); r.x.running && n > 0 {
		s := &r.steps[n-1]
		s.Old, s.New, s.OldPtr, s.NewPtr, s.Interrupted = e.Old, e.New, e.OldPtr, e.NewPtr, e.Interrupted
		if e.Target != nil {
			s.Target = e.Target.Name
		}
	}
	if r.next != nil {
		r.next.After(t, e)
	}
}

// Born implements [Oracle].
func (r *recorder) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	if r.next != nil {
		r.next.Born(t, base, layout)
	}
}

// Died implements [Oracle].
func (r *recorder) Died(t *task.Task, base unsafe.Pointer) {
	if r.next != nil {
		r.next.Died(t, base)
	}
}

// blame gives the violations reported since the last call to the last step.
func (r *recorder) blame() {
	all := r.x.res.violations
	if n := len(r.steps); n > 0 && r.seen < len(all) {
		r.steps[n-1].Violations = slices.Clone(all[r.seen:])
	}
	r.seen = len(all)
	for _, p := range r.x.res.passed[r.passed:] {
		if n := len(r.steps); n > 0 {
			r.steps[n-1].Passed = append(r.steps[n-1].Passed, p.Violation)
		}
	}
	r.passed = len(r.x.res.passed)
}

func (r *recorder) trace(f *Found) *Trace {
	r.blame()
	for _, c := range r.x.trail.Choices {
		if c.Step > 0 && c.Step <= len(r.steps) {
			s := &r.steps[c.Step-1]
			s.Choices = append(s.Choices, c.Value)
		}
	}
	return &Trace{Steps: r.steps, Found: *f, World: r.x.res.outcome}
}

// errNotReproduced says that a schedule that should fail does not.
var errNotReproduced = errors.New("the schedule does not fail")
