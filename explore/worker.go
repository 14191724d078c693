package explore

import (
	"maps"
	"slices"

	"vmasim/internal/task"
)

// result is what came of one shard.
type result struct {
	report    Report
	leftOut   bool
	stopped   bool // by a limit, before its end
	cancelled bool // stopped, because enough was found before it
}

func newResult() *result {
	return &result{report: Report{DistinctOutcomes: map[string]int{}, First: map[string]Schedule{}}}
}

// clone returns a copy that what is found later does not change.
func (r *result) clone() *result {
	c := *r
	c.report.Older = maps.Clone(r.report.Older)
	c.report.DistinctOutcomes, c.report.First = maps.Clone(r.report.DistinctOutcomes), maps.Clone(r.report.First)
	c.report.Violations, c.report.Passed = slices.Clone(r.report.Violations), slices.Clone(r.report.Passed)
	return &c
}

// searchShard searches one shard to its end, or until there is a reason to stop.
func (s *search) searchShard(x *Executor, part shard, index int, r *result) error {
	if s.enough(r.report.Violations) {
		return nil
	}
	x.use(part)
	ops, asked := x.ops, int64(0)
	for part.next() {
		if now := s.asked.Load(); now != asked {
			asked = now
			r.report.countOps(&x.ops, &ops)
			r.report.noteOlder(x)
			if err := s.publish(index, part, r); err != nil {
				return err
			}
		}
		if s.o.States > 0 && part.states() >= s.o.States {
			r.stopped = true
			break
		}
		if s.stop(index) {
			r.cancelled = int64(index) > s.last.Load()
			r.stopped = !r.cancelled
			break
		}
		rewind := part.rewinds()
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
	r.report.noteOlder(x)
	r.leftOut, r.report.States = part.leftOut(), part.states()
	r.report.Compared, r.report.Unlike = part.compared()
	r.stopped = r.stopped || part.limited()
	if r.stopped {
		return s.publish(index, part, r)
	}
	return nil
}

// countOps adds the operations performed since the last call.
func (r *Report) countOps(now, before *[task.NumOps]uint64) {
	for op := range now {
		r.Ops[op] += now[op] - before[op]
	}
	*before = *now
}

// stop reports whether a limit is reached, or what the shard finds is of no use.
func (s *search) stop(index int) bool {
	if int64(index) > s.last.Load() || s.o.halt.Load() {
		return true
	}
	if n := s.started.Add(1); s.o.Executions > 0 && n > int64(s.o.Executions) {
		s.started.Add(-1)
		return true
	}
	return false
}

// endWithShard says that shards after this one need not be searched.
func (s *search) endWithShard(index int) {
	for {
		last := s.last.Load()
		if int64(index) >= last || s.last.CompareAndSwap(last, int64(index)) {
			return
		}
	}
}

// count takes one execution in, and reports whether enough was found.
func (s *search) count(r *result, x *Executor, e *execution, part shard) bool {
	rep := &r.report
	rep.Executions++
	rep.Steps = max(rep.Steps, e.steps)
	if part.known() {
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
		if rep.DistinctOutcomes[e.outcome]++; rep.DistinctOutcomes[e.outcome] == 1 {
			rep.First[e.outcome] = x.schedule()
		}
	}
	return len(rep.Violations) > found && s.enough(rep.Violations)
}

// found describes the failure of the execution just run.
func (x *Executor) found(e *execution) Found {
	return Found{Ending: e.ending, Violations: e.violations, Passed: e.passed, Blocked: e.blocked, Schedule: x.schedule()}
}

// schedule returns what the execution just run has decided.
func (x *Executor) schedule() Schedule {
	s := x.trail.clone()
	s.Scenario, s.Rules = x.program.Fingerprints()
	return s
}
