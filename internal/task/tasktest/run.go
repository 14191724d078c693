// Package tasktest runs small programs of tasks one step at a time, in an order that a test decides. It is the simplest
// scheduling [task.Observer]: each task is a coroutine, a step is one announced operation with everything the task does
// up to its next one, and no goroutine ever runs beside another. So a run depends on nothing but its order of steps, and
// its log is the same every time.
package tasktest

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/task"
)

// Task is one task of a program.
type Task struct {
	Name string
	Body func(t *task.Task)
}

// Config says how to run a program.
type Config struct {
	Turn  Turn                      // decides the order; nil: RoundRobin()
	Names map[unsafe.Pointer]string // names cells that lie in no object that is born

	// New makes the program's tasks; nil: task.New. A test that needs them registered somewhere does it here.
	New func(id int, name string, report func(task.Violation)) *task.Task

	Chooser  task.Chooser // of every task
	MaxSteps int          // after so many the run ends as a livelock; 0: 100000
}

const defaultMaxSteps = 100_000

// Result tells of a run up to its end or to the error that stopped it.
type Result struct {
	Log        string           // one line per step: task, operation, cell, old->new value, kernel function
	Steps      []Step           // the order, for replaying and for going through others
	Violations []task.Violation // what the tasks reported
}

// Step is one decision of the order.
type Step struct {
	Task    int   // who took it
	Enabled []int // who could have, ascending
}

// Schedule returns the tasks in the order in which they took their steps; [Schedule] repeats it.
func (r Result) Schedule() []int {
	ids := make([]int, len(r.Steps))
	for i, s := range r.Steps {
		ids[i] = s.Task
	}
	return ids
}

// Run runs the tasks of a program to their end. Before the first step every task in turn runs up to its first
// operation. A task whose operation is not enabled has to wait, unless the operation is killable and the task is killed.
// The error is a [*DeadlockError] or a [*LivelockError]. A panic of a task, and a t.FailNow, go on in the caller.
func Run(cfg Config, tasks ...Task) (Result, error) {
	if cfg.Turn == nil {
		cfg.Turn = RoundRobin()
	}
	if cfg.New == nil {
		cfg.New = task.New
	}
	if cfg.MaxSteps == 0 {
		cfg.MaxSteps = defaultMaxSteps
	}
	r := &runner{cfg: cfg, recorder: newRecorder(cfg.Names)}
	defer r.stop()
	for i, b := range tasks {
		r.add(i, b)
	}
	for _, p := range r.procs {
		p.resume()
	}
	err := r.loop()
	r.result.Log = r.recorder.log.String()
	return r.result, err
}

// runner is the state of one run, and the observer of its tasks.
type runner struct {
	task.NoObserver
	cfg      Config
	procs    []*proc // by task ID
	recorder *recorder
	result   Result
	stopping bool
}

// proc is one task with its coroutine.
type proc struct {
	task    *task.Task
	pending *task.Event // what it does next; nil when it has ended
	next    func() (*task.Event, bool)
	stop    func()
	yield   func(*task.Event) bool
}

// resume lets the task run up to its next operation or its end.
func (p *proc) resume() {
	p.pending = nil
	if e, ok := p.next(); ok {
		p.pending = e
	}
}

func (p *proc) enabled() bool {
	e := p.pending
	return e != nil && (e.Enabled == nil || e.Enabled() || e.Killable && p.task.Killed())
}

// unwound is the value that a coroutine panics with when the run ends before the task does, so that its defers run.
type unwound struct{}

func (r *runner) add(id int, b Task) {
	p := &proc{}
	p.task = r.cfg.New(id, b.Name, r.report)
	p.task.Observer = r
	p.task.Chooser = r.cfg.Chooser
	p.next, p.stop = iter.Pull(func(yield func(*task.Event) bool) {
		defer func() {
			if v := recover(); v != nil && v != any(unwound{}) {
				panic(v)
			}
		}()
		p.yield = yield
		b.Body(p.task)
	})
	r.procs = append(r.procs, p)
	r.recorder.nameTask(p.task)
}

func (r *runner) report(v task.Violation) {
	if r.stopping {
		return // the defers of an unwound task break rules
	}
	r.result.Violations = append(r.result.Violations, v)
	r.recorder.printf("%s violation %s: %s", v.Task, v.Oracle, v.Message)
}

func (r *runner) loop() error {
	for {
		var enabled []int
		waiting := 0
		for id, p := range r.procs {
			if p.pending != nil {
				waiting++
			}
			if p.enabled() {
				enabled = append(enabled, id)
			}
		}
		switch {
		case waiting == 0:
			return nil
		case len(enabled) == 0:
			return r.deadlock()
		case len(r.result.Steps) >= r.cfg.MaxSteps:
			return &LivelockError{Steps: len(r.result.Steps), Tail: r.recorder.tail(10)}
		}
		id := r.cfg.Turn(enabled)
		if !slices.Contains(enabled, id) {
			panic(fmt.Sprintf("tasktest: the turn went to task %d, enabled are %v", id, enabled))
		}
		r.result.Steps = append(r.result.Steps, Step{Task: id, Enabled: enabled})
		r.procs[id].resume()
	}
}

// stop unwinds the coroutines that have not ended.
func (r *runner) stop() {
	r.stopping = true
	for _, p := range r.procs {
		p.stop()
		p.task.Observer = nil
	}
}

func (r *runner) proc(t *task.Task) *proc {
	i := slices.IndexFunc(r.procs, func(p *proc) bool { return p.task == t })
	return r.procs[i]
}

// Before implements [task.Observer]: it returns when it is the task's turn.
func (r *runner) Before(t *task.Task, e *task.Event) {
	if r.stopping || !r.proc(t).yield(e) {
		panic(unwound{})
	}
}

// After implements [task.Observer].
func (r *runner) After(t *task.Task, e *task.Event) { r.recorder.event(t, e) }

// Born implements [task.Observer].
func (r *runner) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	r.recorder.born(t, base, layout)
}

// Died implements [task.Observer].
func (r *runner) Died(t *task.Task, base unsafe.Pointer) { r.recorder.died(t, base) }

// Waiting is a task that cannot go on.
type Waiting struct {
	Task, Op, Cell, Func string
}

func (w Waiting) String() string {
	s := fmt.Sprintf("%s waits in %s on %s", w.Task, w.Op, w.Cell)
	if w.Func != "" {
		s += " (" + w.Func + ")"
	}
	return s
}

// DeadlockError says that no task could go on though some had not ended.
type DeadlockError struct {
	Steps   int // taken before
	Waiting []Waiting
}

func (e *DeadlockError) Error() string {
	who := make([]string, len(e.Waiting))
	for i, w := range e.Waiting {
		who[i] = w.String()
	}
	return fmt.Sprintf("deadlock after %d steps: %s", e.Steps, strings.Join(who, "; "))
}

func (r *runner) deadlock() error {
	err := &DeadlockError{Steps: len(r.result.Steps)}
	for _, p := range r.procs {
		if e := p.pending; e != nil {
			err.Waiting = append(err.Waiting, Waiting{p.task.Name, e.Op.String(), r.recorder.cell(e.Addr), e.Func})
		}
	}
	return err
}

// LivelockError says that the tasks had not ended when the limit on steps was reached.
type LivelockError struct {
	Steps int
	Tail  string // the log's last lines
}

func (e *LivelockError) Error() string {
	return fmt.Sprintf("livelock: not ended after %d steps, the last were\n%s", e.Steps, e.Tail)
}
