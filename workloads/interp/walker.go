package interp

import (
	"time"

	"vmasim/workloads"
)

// Runner supplies what the language leaves to who runs a block.
type Runner interface {
	// Again reports whether a loop makes another pass. It is asked before each one, of a repeat only while its count lasts.
	Again(l *Loop) bool
	// Operation runs a statement that holds no others. It reports false if the rest of the block is given up.
	Operation(s *workloads.Stmt) bool
	// In runs the block of an "in", by [Walker.Body], and reports what Operation does.
	In(s *workloads.Stmt) bool
}

// Loop is a repeat, for or forever that is being run.
type Loop struct {
	Stmt  *workloads.Stmt
	Pass  uint64        // passes begun
	Until time.Duration // the runner's own: when a "for" ends, by its clock
}

// Walker walks through blocks: it knows in which order their statements come.
type Walker struct {
	Runner Runner
	env    *workloads.Env // where choices are drawn
	loops  []Loop         // around the statement that is run, outermost first
	over   bool           // the rest of the block is given up
}

// Run runs a block with what env knows.
func (w *Walker) Run(env *workloads.Env, body []*workloads.Stmt) {
	w.env, w.loops, w.over = env, w.loops[:0], false
	w.Body(body)
}

// Body runs statements one after the other.
func (w *Walker) Body(body []*workloads.Stmt) {
	for _, s := range body {
		if w.statement(s); w.over {
			return
		}
	}
}

func (w *Walker) statement(s *workloads.Stmt) {
	if s.Body == nil {
		w.over = !w.Runner.Operation(s)
	} else {
		w.holder(s)
	}
}

// holder runs a statement that holds others.
func (w *Walker) holder(s *workloads.Stmt) {
	switch s.Kind {
	case workloads.KindChoose:
		w.statement(s.Choose(w.env))
	case workloads.KindIn:
		w.over = !w.Runner.In(s)
	default:
		w.loop(s)
	}
}

func (w *Walker) loop(s *workloads.Stmt) {
	depth := len(w.loops)
	w.loops = append(w.loops, Loop{Stmt: s})
	for !w.over {
		l := &w.loops[depth] // an inner loop may have moved it
		if s.Kind == workloads.KindRepeat && l.Pass == s.Count || !w.Runner.Again(l) {
			break
		}
		l.Pass++
		w.Body(s.Body)
	}
	w.loops = w.loops[:depth]
}

// Around returns the innermost loop of a kind around the one that is run, nil for none.
func (w *Walker) Around(kind workloads.Kind) *workloads.Stmt {
	for i := len(w.loops) - 2; i >= 0; i-- {
		if s := w.loops[i].Stmt; s.Kind == kind {
			return s
		}
	}
	return nil
}

// Inside runs the block of an "in" in the address space that it names, and reports false if there is none.
func (a *Actor) Inside(s *workloads.Stmt, w *Walker) bool {
	m := a.Host.Acquire(s.MM.Index)
	if m == nil {
		return false
	}
	outer := a.MM
	a.MM = m
	w.Body(s.Body)
	a.Leave()
	a.MM = outer
	return true
}
