package driver

import (
	"time"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// stopped reports whether the worker gives up the rest of its block.
func (w *worker) stopped() bool { return w.gone || w.run.over(killed) }

// leaving reports whether loops end after the pass they are in.
func (w *worker) leaving() bool { return w.gone || w.run.over(w.leaveAt) }

// Again implements [interp.Runner]: a repeat and a "for" make one pass at least.
func (w *worker) Again(l *interp.Loop) bool {
	switch l.Stmt.Kind {
	case workloads.KindRepeat:
		return l.Pass == 0 || !w.leaving()
	case workloads.KindFor:
		return (l.Pass == 0 || !w.leaving()) && w.againFor(l)
	}
	return w.againForever(l)
}

func (w *worker) againFor(l *interp.Loop) bool {
	if l.Pass > 0 {
		return w.run.now() < l.Until
	}
	d := l.Stmt.Duration
	if o := w.run.opts.Duration; o > 0 {
		d = o
	}
	l.Until = w.run.now() + d
	return true
}

func (w *worker) againForever(l *interp.Loop) bool {
	if l.Pass == 0 {
		w.run.hall.enter(w.seat, l.Stmt)
	}
	if w.leaving() {
		w.run.hall.enter(w.seat, w.walker.Around(workloads.KindForever))
		return false
	}
	return true
}

// In implements [interp.Runner].
func (w *worker) In(s *workloads.Stmt) bool {
	if !w.Inside(s, &w.walker) {
		w.unexpected(s, interp.Failure(linux.ESRCH))
	}
	return !w.stopped()
}

// Operation implements [interp.Runner]: it runs a statement that is counted and timed, and compares its result with what it states.
func (w *worker) Operation(s *workloads.Stmt) bool {
	st := &w.stats[s.Kind]
	w.meter.kind = s.Kind
	timed := st.untimed == 0
	if !timed && sampled(s) && w.meter.rec == nil { // what is recorded is timed, too
		st.untimed--
		w.judge(s, st, w.Perform(s))
		return !w.stopped()
	}
	faults := w.Task.Counters[task.PgFault]
	if w.meter.rec != nil {
		w.meter.begin(s)
	}
	start := w.run.now()
	out := w.Perform(s)
	took := w.run.now() - start
	if w.meter.rec != nil {
		w.meter.end(s, interp.Label(out))
	}
	st.record(took)
	if w.Task.Counters[task.PgFault] == faults+1 && sampled(s) {
		w.fault.record(took)
	}
	if timed {
		st.untimed = w.sampler.gap()
	}
	w.judge(s, st, out)
	return !w.stopped()
}

// judge counts an outcome and notes it if it is not what the statement states.
func (w *worker) judge(s *workloads.Stmt, st *opStats, out workloads.Outcome) {
	if out.Kind != workloads.ResultOK {
		if out.Errno == linux.EINTR && w.run.over(killed) {
			return // the run was cut here; the statement has not failed
		}
		st.fail(interp.Label(out))
	}
	st.count++
	if !s.Expect.Allows(out, w.Env) {
		w.unexpected(s, out)
	}
	if w.untilLook--; w.untilLook == 0 || w.cpu != nil && w.cpu.resched.Load() {
		w.look()
	}
}

// unexpected notes an outcome that its statement does not state.
func (w *worker) unexpected(s *workloads.Stmt, out workloads.Outcome) {
	w.findings.add(s, interp.Label(out), func() Unexpected {
		u := Unexpected{Pos: s.Pos, Stmt: interp.Stated(s), Got: w.Describe(s, out), Expected: "ok", Task: w.Task.Name}
		if s.Expect != nil {
			u.Expected = s.Expect.String()
		}
		return u
	})
}

// now is the run's monotonic clock.
func (r *run) now() time.Duration { return time.Since(r.epoch) }
