package explore

import "vmasim/internal/task"

// This file ends an execution of which no more is wanted, because its rest was explored elsewhere. To unwind the tasks leaves a world that
// has to be made anew, which takes as long as a whole execution. So they run to their ends, watched by none and in the order that needs
// fewest switches, where that does not take long.

// Reusable is a [World] that can be used again after an execution of which no more is wanted, once its tasks have ended.
type Reusable interface {
	World
	// Return takes everything down, as Finish does, and checks nothing.
	Return()
}

// runOutSteps is how many steps the rest of an execution may take.
const runOutSteps = 1000

// runOut is the rest of an execution.
type runOut struct {
	on    bool
	left  int  // steps
	wrong bool // a rule was broken: the world may be in any state
}

// returned reports whether the tasks have run to their ends and the world is returned.
func (x *Executor) returned(world World) bool {
	w, ok := world.(Reusable)
	if !ok || x.res.ending != Redundant || x.err != nil || x.recorder != nil || x.halted() {
		return false
	}
	x.rest = runOut{on: true, left: runOutSteps}
	var kept [maxTasks]struct {
		counters task.Counters
		points   task.Points
	}
	for i, p := range x.procs[:x.tasks] {
		kept[i].counters, kept[i].points = p.task.Counters, p.task.Reached
		p.task.Memory = nil
	}
	x.turn = x.decide()
	x.play()
	for i, p := range x.procs[:x.tasks] { // the rest is no part of what was searched
		p.task.Counters, p.task.Reached = kept[i].counters, kept[i].points
	}
	ended := !x.rest.wrong && x.guarded|x.free == 0
	x.rest.on = false
	if !ended {
		return false
	}
	x.stopping = true
	x.detach()
	w.Return()
	return true
}

// decideRest returns whose step comes next, nil for none.
func (x *Executor) decideRest() *proc {
	x.enabled = x.enabledNow()
	if x.rest.wrong || x.rest.left == 0 || x.enabled == 0 {
		return nil
	}
	x.rest.left--
	x.last = x.stay(x.enabled)
	return x.procs[x.last]
}
