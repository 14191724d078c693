package program

import (
	"vmasim/explore"
	"vmasim/internal/task"
)

// This file says what a state of a scenario's world is, beside what events tell: for the search that goes on from no state twice.

// Locals implements [explore.World]. From one statement to the next a task remembers its results, which decide what it does then.
func (w *world) Locals(i int, _ *task.Event) (number uint64, live int) { return w.threads[i].past, -1 }

// starts takes in what had ended before a statement began: for the judgement of the whole, that is part of its result.
func (r *runner) starts() {
	if r.ended > 0 {
		for _, other := range r.world.threads {
			r.past = explore.Mix(r.past, other.ended)
		}
	}
}

// remember takes a result into what the task remembers.
func (r *runner) remember(e *entry) {
	r.ended++
	o := &e.outcome
	for _, v := range [...]uint64{uint64(e.slot), uint64(o.Kind), uint64(o.Errno), o.Value, uint64(e.space), uint64(e.made)} {
		r.past = explore.Mix(r.past, v)
	}
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
