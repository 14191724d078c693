package driver

import (
	"runtime"

	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// A worker is the interp.Host of its task: what tasks share is in the hall.

// Acquire implements [interp.Host].
func (w *worker) Acquire(i int) *mm.MM { return w.run.hall.acquire(w.Task, i) }

// Look implements [interp.Host].
func (w *worker) Look(i int) *mm.MM { return w.run.hall.look(i) }

// Reserve implements [interp.Host].
func (w *worker) Reserve(i int) bool { return w.run.hall.reserve(i) }

// Publish implements [interp.Host].
func (w *worker) Publish(i int, m *mm.MM) { w.run.hall.publish(w.Task, i, m) }

// Remove implements [interp.Host].
func (w *worker) Remove(i int) *mm.MM { return w.run.hall.remove(i) }

// Forget implements [interp.Host].
func (w *worker) Forget(m *mm.MM) bool { return w.run.hall.forget(m) }

// Yield implements [interp.Host].
func (w *worker) Yield() {
	if w.cpu == nil {
		runtime.Gosched()
	} else {
		w.cpu.yield()
	}
}

// Validate implements [interp.Host].
func (w *worker) Validate(m *mm.MM) error { return w.run.validate(w.Task, m) }

// Meet implements [interp.Host].
func (w *worker) Meet(s *workloads.Stmt) {
	if w.run.hall.meet(w.seat, s.Barrier.Index) || w.run.over(killed) {
		return
	}
	w.gone = true
	w.blame(Unexpected{Pos: s.Pos, Stmt: s.String(), Got: "a deadlock", Expected: "the other tasks to come"})
}

// Await implements [interp.Host].
func (w *worker) Await(s *workloads.Stmt) {
	if w.run.hall.await(w.seat, s.After.Milestone) || w.run.over(killed) {
		return
	}
	w.gone = true
	w.blame(Unexpected{Pos: s.Pos, Stmt: s.String(), Got: "a deadlock", Expected: "the other thread to come there"})
}

// Passed implements [interp.Host].
func (w *worker) Passed(s *workloads.Stmt) { w.run.hall.pass(w.seat, int(s.Awaited)-1) }

// Mismatch implements [interp.Host].
func (w *worker) Mismatch(s *workloads.Stmt, want, got string) {
	w.findings.add(s, "layout", func() Unexpected {
		return Unexpected{Pos: s.Pos, Stmt: interp.Stated(s), Got: got, Expected: want, Task: w.Task.Name}
	})
}
