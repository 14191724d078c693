package explore

import (
	"maps"
	"slices"

	"vmasim/internal/task"
)

// result is what came of one part.
type result struct {
	report    Report
	leftOut   bool
	stopped   bool // by a limit, before its end
	cancelled bool // stopped, because enough was found before it
}

func newResult() *result { return &result{report: Report{DistinctOutcomes: map[string]int{}}} }

// clone returns a copy that what is found later does not change.
func (r *result) clone() *result {
	c := *r
	c.report.DistinctOutcomes = maps.Clone(r.report.DistinctOutcomes)
	c.report.Violations, c.report.Passed = slices.Clone(r.report.Violations), slices.Clone(r.report.Passed)
	return &c
}

// searchPart searches one part to its end, or until there is a reason to stop.
func (s *search) searchPart(x *executor, part strategy, index int, r *result) error {
	if s.enough(r.report.Violations) {
		return nil
	}
	x.use(part)
	ops, asked := x.ops, int64(0)
	for part.next() {
		if now := s.asked.Load(); now != asked {
			asked = now
			r.report.countOps(&x.ops, &ops)
			if err := s.publish(index, part, r); err != nil {
				return err
			}
		}
		if s.stop(index) {
			r.cancelled = int64(index) > s.last.Load()
			r.stopped = !r.cancelled
			break
		}
		rewind := rewinds(part)
		e, err := x.run()
		if err != nil {
			return err
		}
		if x.halted() {
			rewind()
			s.started.Add(-1)
			r.stopped = true
			break
		}
		if s.count(r, x, e, part) {
			s.endWithShard(index)
			break
		}
		if n := r.report.Truncated; s.o.Depth == 0 && n >= maxCut && n == r.report.Executions-r.report.Redundant {
			r.stopped = part.next()
			break
		}
	}
	r.report.countOps(&x.ops, &ops)
	r.leftOut = leavesOut(part)
	switch d := part.(type) {
	case *states:
		r.report.States = len(d.seen)
	case limited:
		r.stopped = r.stopped || d.limited()
	}
	if r.stopped {
		return s.publish(index, part, r)
	}
	return nil
}

// rewinder is a strategy that can take back what an execution has added that was not finished.
type rewinder interface {
	// rewinds returns a function that makes ready for the execution again that the strategy is ready for now.
	rewinds() func()
}

func rewinds(s strategy) func() {
	if r, ok := s.(rewinder); ok {
		return r.rewinds()
	}
	return func() {}
}

// limited is a strategy that knows by itself how many executions are wanted.
type limited interface {
	// limited reports that next has refused another execution only for that.
	limited() bool
}

// countOps adds the operations performed since the last call.
func (r *Report) countOps(now, before *[task.NumOps]uint64) {
	for op := range now {
		r.Ops[op] += now[op] - before[op]
	}
	*before = *now
}

// stop reports whether a limit is reached, or what the part finds is of no use.
func (s *search) stop(index int) bool {
	n := s.started.Add(1)
	if s.o.Executions > 0 && n > int64(s.o.Executions) || int64(index) > s.last.Load() || s.o.halt.Load() {
		s.started.Add(-1)
		return true
	}
	return false
}

// endWithShard says that parts after this one need not be searched.
func (s *search) endWithShard(index int) {
	for {
		last := s.last.Load()
		if int64(index) >= last || s.last.CompareAndSwap(last, int64(index)) {
			return
		}
	}
}

// count takes one execution in, and reports whether enough was found.
func (s *search) count(r *result, x *executor, e *execution, part strategy) bool {
	rep := &r.report
	rep.Executions++
	rep.Steps = max(rep.Steps, e.steps)
	if d, ok := part.(*dfs); ok && d.known() {
		return false
	}
	found := len(rep.Violations)
	if e.ending.Failed() || len(e.passed) > 0 {
		f := x.found(e)
		f.Execution = rep.Executions
		s.take(rep, f)
	}
	switch {
	case e.ending == Redundant:
		rep.Redundant++
	case e.ending == Truncated:
		rep.Truncated++
	case e.ending == Finished && len(e.passed) == 0:
		rep.DistinctOutcomes[e.outcome]++
	}
	return len(rep.Violations) > found && s.enough(rep.Violations)
}

// found describes the failure of the execution just run.
func (x *executor) found(e *execution) Found {
	return Found{Ending: e.ending, Violations: e.violations, Passed: e.passed, Blocked: e.blocked, Schedule: x.schedule()}
}

// schedule returns what the execution just run has decided.
func (x *executor) schedule() Schedule {
	s := x.trail.clone()
	if fp, ok := x.program.(Fingerprinter); ok {
		s.Scenario, s.Rules = fp.Fingerprints()
	}
	return s
}
