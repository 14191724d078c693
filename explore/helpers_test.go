package explore

import (
	"context"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// script of a test: a program of a few tasks over words and locks.
type scripted struct {
	PlainProgram
	bodies []func(w *scriptWorld, t *task.Task)
	check  func(w *scriptWorld) string // the outcome
	finger string
}

type scriptWorld struct {
	PlainWorld
	program *scripted
	report  func(task.Violation)
	x, y    ksync.Atomic64
	a, b    ksync.SpinLock
	sem     ksync.RWSem
	wait    ksync.RCUWait
	rcu     *ksync.Domain
	tasks   []Task
}

func (p *scripted) NewWorld(_ *Executor, report func(task.Violation)) (World, error) {
	w := &scriptWorld{program: p, report: report}
	for i, body := range p.bodies {
		t := task.New(i, string(rune('a'+i)), report)
		w.tasks = append(w.tasks, Task{t.Name, t, func() { body(w, t) }})
	}
	return w, nil
}

func (p *scripted) Fingerprints() (scenario, rules string) { return p.finger, "r1" }

func (w *scriptWorld) Tasks() []Task { return w.tasks }
func (w *scriptWorld) Abandon()      {}

func (w *scriptWorld) Finish() string {
	if w.program.check == nil {
		return ""
	}
	return w.program.check(w)
}

func program(bodies ...func(w *scriptWorld, t *task.Task)) *scripted {
	return &scripted{bodies: bodies}
}

// explored searches and fails the test on an error.
func explored(tb testing.TB, p Program, o Options) *Report {
	tb.Helper()
	rep, err := Search(context.Background(), p, o)
	if err != nil {
		tb.Fatal(err)
	}
	return rep
}

func parseRules(tb testing.TB, spec string) rules.Set {
	tb.Helper()
	rs, err := rules.Parse(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return rs
}

// lostUpdate adds one twice, wrongly: both may read before either writes.
func lostUpdate() *scripted {
	add := func(w *scriptWorld, t *task.Task) {
		w.y.ReadOnce(t)
		v := w.x.ReadOnce(t)
		w.x.WriteOnce(t, v+1)
		w.y.ReadOnce(t)
	}
	p := program(add, add)
	p.check = func(w *scriptWorld) string {
		if w.x.Peek() != 2 {
			w.tasks[0].Task.Violate("lost-update", "x is %d, expected 2", w.x.Peek())
		}
		return "two"
	}
	return p
}

func addr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
