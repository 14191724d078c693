package explore

import (
	"testing"

	"vmasim/internal/task"
)

// eye is an oracle that counts what it sees, and reports when told to.
type eye struct {
	NoOracle
	report        func(task.Violation)
	before, after int
	pending       task.Op
	restarts      int
	forbidden     task.Op
	outOfTurn     bool
}

func (e *eye) Before(_ *task.Task, ev *task.Event) { e.before++; e.pending = ev.Op }

func (e *eye) After(t *task.Task, ev *task.Event) {
	e.after++
	e.outOfTurn = e.outOfTurn || ev.Op != e.pending || e.before != e.after
	if ev.Op == e.forbidden {
		e.report(task.Violation{Oracle: "forbidden", Task: t.Name})
	}
}

func (e *eye) Reset() { e.restarts++ }

// TestOracle: an oracle sees each operation right before and right after it is performed, and what it reports ends the
// execution.
func TestOracle(t *testing.T) {
	w := &eye{}
	free := program(lostUpdate().bodies...)
	rep := explored(t, free, Options{Strategy: DFS, Watch: func(report func(task.Violation)) Oracle { w.report = report; return w }})
	if w.outOfTurn || w.before != 8*rep.Executions || w.restarts != rep.Executions-1 {
		t.Errorf("%d operations, %d new beginnings in %d executions, out of turn %v", w.before, w.restarts, rep.Executions, w.outOfTurn)
	}
	w = &eye{forbidden: task.OpWriteOnce}
	f := first(t, free, Options{Watch: func(report func(task.Violation)) Oracle { w.report = report; return w }})
	if f.Key() != "forbidden" || len(f.Schedule.Tasks) != 3 {
		t.Errorf("%v after %d steps", f.String(), len(f.Schedule.Tasks))
	}
}
