// Package exploretest lets tests run a few tasks one step at a time with the explorer. A test says what the tasks of a [World] do; [Run]
// executes them in an order that the test decides, and [Search] in every order that matters, each time with a world made anew.
package exploretest

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// World is what one execution runs.
type World struct {
	Bodies []func(t *task.Task)                // of the tasks a, b, …
	New    func(i int, name string) *task.Task // makes the task of body i; nil: task.New, and a broken rule ends the execution
	Names  map[unsafe.Pointer]string           // of cells
	Check  func()                              // reports what is wrong when all tasks have ended; nil: nothing is
}

// Result is an execution, up to its end or to what stopped it.
type Result struct{ *explore.Trace }

// Steps returns how many steps task i took.
func (r Result) Steps(i int) (n int) {
	for _, id := range r.Found.Schedule.Tasks {
		if int(id) == i {
			n++
		}
	}
	return n
}

// Log returns a line for each step: task, operation, cell, old->new value, kernel function.
func (r Result) Log() string {
	var b strings.Builder
	for i := range r.Trace.Steps {
		s := &r.Trace.Steps[i]
		fmt.Fprintf(&b, "%s %s %s", s.Task, s.Op, s.Cell)
		switch {
		case s.Target != "":
			b.WriteString(" " + s.Target)
		case s.Interrupted:
			b.WriteString(" interrupted")
		case !s.Waits():
			fmt.Fprintf(&b, " %s->%s", s.Was, s.Is)
		}
		if s.Func != "" {
			b.WriteString(" " + s.Func)
		}
		b.WriteString("\n")
		for _, note := range append(s.Notes, s.Violations...) {
			fmt.Fprintf(&b, "%s %s\n", s.Task, note)
		}
	}
	return b.String()
}

// Failure is the error of an execution that did not end well.
type Failure struct{ Result }

// shown is how many of the log's last lines an error has.
const shown = 500

func (f *Failure) Error() string {
	lines := strings.SplitAfter(f.Log(), "\n")
	return f.Found.String() + "\n" + strings.Join(lines[max(0, len(lines)-shown):], "")
}

// Run runs the tasks of w to their end, as turn decides; nil: in turns. The error is a [*Failure] if they come to none.
func Run(turn Turn, w World) (Result, error) {
	if turn == nil {
		turn = RoundRobin()
	}
	p := &program{make: func(func(task.Violation)) World { return w }}
	t, err := explore.Steer(p, turn, explore.Options{Record: p.recorder()})
	if err != nil {
		return Result{}, err
	}
	return Result{t}, failure(t)
}

// Search executes the worlds that next makes in every order that matters, until one fails, and returns how many executions that took.
// report is told of what is wrong in one, and ends it. The error is a [*Failure].
func Search(o explore.Options, next func(report func(task.Violation)) World) (executions int, err error) {
	p := &program{make: next}
	rep, err := explore.Search(context.Background(), p, o)
	switch {
	case err != nil:
		return 0, err
	case len(rep.Violations) > 0:
		o.Record = p.recorder()
		t, err := explore.Replay(p, rep.Violations[len(rep.Violations)-1].Schedule, o)
		if err != nil {
			return rep.Executions, err
		}
		return rep.Executions, failure(t)
	case !rep.Complete:
		return rep.Executions, fmt.Errorf("not all is searched after %d executions", rep.Executions)
	}
	return rep.Executions, nil
}

func failure(t *explore.Trace) error {
	if t.Found.Ending == explore.Finished {
		return nil
	}
	return &Failure{Result{t}}
}

// program is the program that a test makes worlds for.
type program struct {
	explore.PlainProgram
	make  func(report func(task.Violation)) World
	names names // of the world made last
}

func (p *program) recorder() *trace.Recorder { return trace.NewRecorder(&p.names) }

// NewWorld implements [explore.Program].
func (p *program) NewWorld(_ *explore.Executor, report func(task.Violation)) (explore.World, error) {
	w := p.make(report)
	if w.New == nil {
		w.New = func(i int, name string) *task.Task { return task.New(i, name, report) }
	}
	r := &running{World: w}
	p.names.reset(w.Names)
	for i, body := range w.Bodies {
		t := w.New(i, string(rune('a'+i)))
		p.names.task(t)
		r.tasks = append(r.tasks, explore.Task{Name: t.Name, Task: t, Body: func() { body(t) }})
	}
	return r, nil
}

// running is a world while it is executed.
type running struct {
	explore.PlainWorld
	World
	tasks []explore.Task
}

// Tasks implements [explore.World].
func (r *running) Tasks() []explore.Task { return r.tasks }

// Finish implements [explore.World].
func (r *running) Finish() (outcome string) {
	if r.Check != nil {
		r.Check()
	}
	return ""
}

// Abandon implements [explore.World].
func (r *running) Abandon() {}
