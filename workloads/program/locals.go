package program

import (
	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// This file says what a state of a scenario's world is, beside what events tell: for the search that goes on from no state twice.

// Locals implements [explore.World]. From one statement to the next a task remembers which it has performed, and the results that decide what it does then.
func (w *world) Locals(i int, _ *task.Event) (number uint64, live int) { return w.threads[i].past, -1 }

// starts takes in what had ended before a statement began: for the judgement of the whole, that is part of its result.
func (r *runner) starts() {
	if r.ended == 0 {
		return
	}
	began := explore.Mix(uint64(r.first), r.ended)
	for _, other := range r.world.threads {
		began = explore.Mix(began, other.ended)
	}
	r.come(began)
}

// remember takes in a result.
func (r *runner) remember(e *entry) {
	r.ended++
	o := &e.outcome
	result := explore.Mix(uint64(e.slot), r.ended)
	for _, v := range [...]uint64{uint64(o.Kind), uint64(o.Errno), o.Value, uint64(e.space), uint64(e.made)} {
		result = explore.Mix(result, v)
	}
	r.come(result)
	r.past = explore.Mix(r.past, uint64(e.slot))
	if !forgotten(e.stmt) {
		r.past = explore.Mix(r.past, result)
	}
}

// come adds to what has come of the statements. With statements that come finally, it is kept apart by the tasks: what comes of these may depend on more
// than what is mapped in the end.
func (r *runner) come(what uint64) {
	if r.world.p.scenario.Finally != nil {
		r.past = explore.Mix(r.past, what)
		return
	}
	r.world.past += what
}

// forgotten reports whether what comes of a statement decides nothing that its task does later, as it binds no region and changes nothing of the task.
func forgotten(s *workloads.Stmt) bool {
	switch s.Kind {
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore, workloads.KindLock, workloads.KindWalk,
		workloads.KindMunmap, workloads.KindMprotect:
		return s.Region == nil
	}
	return false
}

// Past implements [explore.World]: the statements' results, what had ended before each began, and in the end what is mapped.
func (w *world) Past(over bool) uint64 {
	if !over {
		return w.past
	}
	w.key = w.appendMapped(w.key[:0])
	var mapped uint64
	for _, v := range w.key {
		mapped = explore.Mix(mapped, uint64(v))
	}
	return w.past + mapped
}

// Rest implements [explore.World].
func (w *world) Rest(add func(uint64)) bool {
	add(w.serial)
	w.machine.Tell(add)
	for _, m := range w.mms {
		m.Tree.Tell(add)
	}
	return true
}
