package interp

import (
	"iter"
	"slices"

	"vmasim/workloads"
)

// The tasks that perform what comes before the threads and after them.
const (
	InitTask    = "init"
	FinallyTask = "finally"
)

// Turn is a statement whose turn it is, where those of a scenario are performed one after the other.
type Turn struct {
	Task  string // InitTask, FinallyTask, or that of a thread
	Space int    // the address space that it is performed in
	Stmt  *workloads.Stmt
	Block *workloads.Block // that it is of
	Env   *workloads.Env
}

// Turns lists what a scenario does where its statements are performed one after the other: init, then the threads, each a statement in
// turn, then finally. Of each thread there are so many as counts says; nil: as the scenario does. Each "for" and each "forever" makes so
// many passes, but those of a "forever" end when the threads have that are not in the background. A statement is asked for when the one
// before it has been performed.
func Turns(sc *workloads.Scenario, seed uint64, counts []int, passes uint64) iter.Seq[Turn] {
	return func(yield func(Turn) bool) {
		l := &lister{task: InitTask, passes: passes, yield: yield}
		var shared []workloads.Region
		if b := sc.Init; b != nil {
			l.env = b.NewEnv(seed, 0, nil)
			if l.run(b); l.stopped {
				return
			}
			shared = l.env.Regions
		}
		if !threadsInTurn(sc, seed, counts, shared, passes, yield) {
			return
		}
		if b := sc.Finally; b != nil {
			l.task, l.env = FinallyTask, b.NewEnv(seed, 0, shared)
			l.run(b)
		}
	}
}

// threadsInTurn lists what the threads do, and reports whether there is something to come. Those in the background end with the others.
func threadsInTurn(sc *workloads.Scenario, seed uint64, counts []int, shared []workloads.Region, passes uint64, yield func(Turn) bool) bool {
	type runner struct {
		next       func() (Turn, bool)
		background bool
		ahead      Ahead
		waits      *Turn // an after, whose time has not come
	}
	var runners []*runner
	over := false
	for i, th := range sc.Threads {
		count := th.Count
		if counts != nil {
			count = counts[i]
		}
		for n := range count {
			next, stop := iter.Pull(func(yield func(Turn) bool) {
				l := &lister{task: th.Instance(n), space: th.MM.Index, env: th.NewEnv(seed, n, shared), passes: passes, over: &over, yield: yield}
				l.run(&th.Block)
			})
			defer stop()
			runners = append(runners, &runner{next: next, background: th.Background, ahead: NewAhead(sc, i)})
		}
	}
	early := func(turn *Turn) bool {
		return turn.Stmt.Kind == workloads.KindAfter && slices.ContainsFunc(runners, func(r *runner) bool { return r.ahead.Has(turn.Stmt.After.Milestone) })
	}
	for len(runners) > 0 {
		moved := false
		for i, r := range slices.Clone(runners) {
			turn, ok := Turn{}, true
			if r.waits != nil {
				turn = *r.waits
			} else {
				turn, ok = r.next()
			}
			if !ok {
				moved = true
				runners = slices.DeleteFunc(runners, func(o *runner) bool { return o == r })
				continue
			}
			if last := i == len(runners)-1 && !moved; early(&turn) && !last { // else all wait for each other
				r.waits = &turn
				continue
			}
			r.waits, moved = nil, true
			if !yield(turn) {
				return false
			}
			r.ahead.Pass(int(turn.Stmt.Awaited) - 1)
		}
		over = !slices.ContainsFunc(runners, func(r *runner) bool { return !r.background })
	}
	return true
}

// lister lists the turns of one task.
type lister struct {
	walker  Walker
	task    string
	space   int
	block   *workloads.Block
	env     *workloads.Env
	passes  uint64
	over    *bool // the threads that are not in the background have ended; nil: it waits for none
	yield   func(Turn) bool
	stopped bool
}

func (l *lister) run(b *workloads.Block) {
	l.block, l.walker.Runner = b, l
	l.walker.Run(l.env, b.Body)
}

// Again implements [Runner].
func (l *lister) Again(loop *Loop) bool {
	switch loop.Stmt.Kind {
	case workloads.KindFor:
		return loop.Pass < l.passes
	case workloads.KindForever:
		return loop.Pass < l.passes && (l.over == nil || !*l.over)
	}
	return true
}

// Operation implements [Runner].
func (l *lister) Operation(s *workloads.Stmt) bool {
	l.stopped = !l.yield(Turn{l.task, l.space, s, l.block, l.env})
	return !l.stopped
}

// In implements [Runner].
func (l *lister) In(s *workloads.Stmt) bool {
	outer := l.space
	l.space = s.MM.Index
	l.walker.Body(s.Body)
	l.space = outer
	return !l.stopped
}
