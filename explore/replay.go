package explore

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// Trace is a replayed execution.
type Trace struct {
	*trace.Trace
	Found Found // what went wrong, if Ending says that something did
}

// DivergenceError says that a schedule does not fit the program any more.
type DivergenceError = trace.Divergence

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
	if err := schedule.Belongs(p); err != nil {
		return nil, err
	}
	return record(p, &o, func(x *Executor) (*Found, error) { return rerun(x, &schedule) })
}

// record runs one execution and records its steps.
func record(p Program, o *Options, run func(x *Executor) (*Found, error)) (*Trace, error) {
	x := newExecutor(p, o)
	defer x.close()
	rec := &recorder{x: x, make: x.newOracle, rec: o.Record}
	if rec.rec == nil {
		rec.rec = trace.NewRecorder(nil)
	}
	x.newOracle, x.recorder = rec.begin, rec
	f, err := run(x)
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

// recorder is an oracle that tells a [trace.Recorder] of the steps of an execution and passes on what it is told.
type recorder struct {
	NoOracle
	x      *Executor
	make   func() Oracle // the oracle that it passes it on to; nil: none
	next   Oracle
	rec    *trace.Recorder
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
	r.rec.Restart()
	r.seen, r.passed = 0, 0
	if r.next != nil {
		r.next.Reset()
	}
}

// stepping reports whether what t does belongs to a step: it is a task of the world, which the explorer runs.
func (r *recorder) stepping(t *task.Task) bool {
	return r.x.running && slices.ContainsFunc(r.x.procs[:r.x.tasks], func(p *proc) bool { return p.task == t })
}

// Before implements [Oracle].
func (r *recorder) Before(t *task.Task, e *task.Event) {
	if r.x.running {
		r.blame()
	}
	if r.stepping(t) {
		r.rec.Before(t, e, names(&r.x.state, r.x.enabled))
	} else if r.x.running {
		r.rec.Late()
	}
	if r.next != nil {
		r.next.Before(t, e)
	}
}

// After implements [Oracle].
func (r *recorder) After(t *task.Task, e *task.Event) {
	if r.stepping(t) {
		r.rec.After(t, e)
		if v := r.x.views; v != nil && v.missed > 0 {
			r.rec.Weak(v.seen, v.missed)
		}
	} else {
		r.rec.Read(e)
	}
	if r.next != nil {
		r.next.After(t, e)
	}
}

// Born implements [Oracle].
func (r *recorder) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	r.rec.Born(base, layout, r.stepping(t))
	if r.next != nil {
		r.next.Born(t, base, layout)
	}
}

// Died implements [Oracle].
func (r *recorder) Died(t *task.Task, base unsafe.Pointer) {
	r.rec.Died(base, r.stepping(t))
	if r.next != nil {
		r.next.Died(t, base)
	}
}

// blame tells of the violations reported since the last call.
func (r *recorder) blame() {
	all := r.x.res.violations
	r.rec.Violated(all[r.seen:])
	r.seen = len(all)
	for _, p := range r.x.res.passed[r.passed:] {
		r.rec.PassedOver(p.Violation)
	}
	r.passed = len(r.x.res.passed)
}

// stand tells what the tasks are about to do: the schedule ends here, and they do not.
func (r *recorder) stand() {
	for i, p := range r.x.procs[:r.x.tasks] {
		if e := r.x.pending[i].Event; e != nil {
			r.rec.Next(p.task, e, r.x.enabled.has(i))
		}
	}
	r.rec.Over()
}

func (r *recorder) trace(f *Found) *Trace {
	r.blame()
	for _, b := range f.Blocked {
		who := r.x.pending[r.x.named(b.Task)].who
		r.rec.Blocked(who, &task.Event{Op: b.Op, Addr: b.Addr, Func: b.Func}, b.Slept, b.Spins)
	}
	tasks := make([]string, r.x.tasks)
	for i := range tasks {
		tasks[i] = taskName(&r.x.state, i)
	}
	return &Trace{Trace: r.rec.End(tasks, f.Ending, f.Violations, r.x.res.outcome), Found: *f}
}

// errNotReproduced says that a schedule that should fail does not.
var errNotReproduced = errors.New("the schedule does not fail")
