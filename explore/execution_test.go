package explore

import (
	"iter"
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

// TestStepsDoNotAllocate: an execution allocates for its world, not for its steps.
func TestStepsDoNotAllocate(t *testing.T) {
	p := newDetachRace(t, 2, 2, 2, "")
	for _, s := range Strategies() {
		o := Options{Strategy: s.Name, Executions: 1 << 30, aloneFor: 1000}
		x := newExecutor(p, &o)
		parts, stop := iter.Pull2(s.shards(x, &o))
		var part shard
		steps := 0
		allocs := testing.AllocsPerRun(200, func() {
			for part == nil || !part.next() {
				var err error
				if part, err, _ = parts(); err != nil {
					t.Fatal(err)
				}
				x.use(part)
			}
			e, err := x.run()
			if err != nil {
				t.Fatal(err)
			}
			steps = e.steps
		})
		// Closures of waits, and now and then a queue of a lock or a table that grows.
		if allocs > 20 {
			t.Errorf("%s: %v allocations in an execution of %d steps", s.Name, allocs, steps)
		}
		stop()
		x.close()
	}
}
