package driver

import (
	"time"

	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/actor"
)

// statement runs one statement and all it holds.
func (w *worker) statement(s *workloads.Stmt) {
	switch s.Kind {
	case workloads.KindRepeat:
		for n := s.Count; n > 0; n-- {
			w.body(s.Body)
			if w.leaving() {
				return
			}
		}
	case workloads.KindFor:
		w.loopFor(s)
	case workloads.KindForever:
		w.loopForever(s)
	case workloads.KindChoose:
		w.statement(s.Choose(w.Env))
	case workloads.KindIn:
		w.in(s)
	default:
		w.operation(s)
	}
}

func (w *worker) loopFor(s *workloads.Stmt) {
	d := s.Duration
	if o := w.run.opts.Duration; o > 0 {
		d = o
	}
	for end := w.run.now() + d; ; {
		w.body(s.Body)
		if w.leaving() || w.run.now() >= end {
			return
		}
	}
}

func (w *worker) loopForever(s *workloads.Stmt) {
	outer := w.seat.loop
	w.run.hall.enter(w.seat, s)
	for !w.leaving() {
		w.body(s.Body)
	}
	w.run.hall.enter(w.seat, outer)
}

// in runs its block in another address space.
func (w *worker) in(s *workloads.Stmt) {
	m := w.run.hall.acquire(w.Task, s.MM.Index)
	if m == nil {
		w.unexpected(s, actor.Failure(linux.ESRCH))
		return
	}
	outer := w.MM
	w.MM = m
	w.body(s.Body)
	w.Leave()
	w.MM = outer
}

// operation runs a statement that is counted and timed, and compares its result with what it states.
func (w *worker) operation(s *workloads.Stmt) {
	st := &w.stats[s.Kind]
	timed := st.untimed == 0
	if !timed && sampled(s) {
		st.untimed--
		w.judge(s, st, w.Perform(s))
		return
	}
	start := w.run.now()
	out := w.Perform(s)
	st.record(w.run.now() - start)
	if timed {
		st.untimed = w.sampler.gap()
	}
	w.judge(s, st, out)
}

// judge counts an outcome and notes it if it is not what the statement states.
func (w *worker) judge(s *workloads.Stmt, st *opStats, out workloads.Outcome) {
	if out.Kind != workloads.ResultOK {
		if out.Errno == linux.EINTR && w.run.over(killed) {
			return // the run was cut here; the statement has not failed
		}
		st.fail(actor.Label(out))
	}
	st.count++
	if !s.Expect.Allows(out, w.Env) {
		w.unexpected(s, out)
	}
	if w.untilPub--; w.untilPub == 0 || w.cpu != nil && w.cpu.slept {
		w.untilPub = w.pubEvery
		w.publish()
		// Go lets a goroutine run for 10 ms while others wait; a kernel preempts it for a task that has just been woken.
		w.Yield()
	}
}

// unexpected notes an outcome that its statement does not state.
func (w *worker) unexpected(s *workloads.Stmt, out workloads.Outcome) {
	w.findings.add(s, actor.Label(out), func() Unexpected {
		u := Unexpected{Pos: s.Pos, Stmt: actor.Stated(s), Got: w.Describe(s, out), Expected: "ok", Task: w.Task.Name}
		if s.Expect != nil {
			u.Expected = s.Expect.String()
		}
		return u
	})
}

// now is the run's monotonic clock.
func (r *run) now() time.Duration { return time.Since(r.epoch) }
