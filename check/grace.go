package check

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// sectionBegins notes the begin of a read section: it sees what came before the grace periods that have begun.
func (c *Checker) sectionBegins(ts *taskState, e *task.Event) {
	ts.now.join(c.grace)
	slot := slotOf(ts.task, e)
	ts.inside[slot] = true
	if slot == task.SlotRCU {
		ts.findsAgain()
	}
}

func (c *Checker) sectionEnds(ts *taskState, e *task.Event) {
	slot := slotOf(ts.task, e)
	ts.inside[slot] = false
	ts.publish(&ts.sections[slot])
	c.letsGrace(ts, slot)
	c.dropsNodes(ts)
}

// graceEvent notes what grace periods order. The two domains of a machine are not told apart.
func (c *Checker) graceEvent(ts *taskState, e *task.Event) {
	switch {
	case e.Op == task.OpSynchronize:
		ts.publish(&c.grace)
		c.beginsGrace(ts, (*ksync.Domain)(e.Addr).Slot())
		c.seesEnded(ts)
	case e.Op == task.OpStartPoll:
		ts.publish(&c.grace)
		c.seesEnded(ts)
	case e.Op == task.OpGracePeriodWait || e.Op == task.OpPoll && e.New == 1:
		c.endsGrace(ts, e.Op)
	case e.Op == task.OpCall: // what waits for the callback may be freed by the task that runs it
		c.seesEnded(ts)
		if e.New == 1 { // this task does now run callbacks
			ts.now.join(ts.ended)
		}
		for n := range c.objects {
			if o := &c.objects[n]; o.isVMA() && o.alive && o.owner == ts.index && o.detached() {
				o.owner = anyTask
			}
		}
	}
}

// beginsGrace notes which sections a grace period waits for that ts begins: those of its domain that are open. Accesses of those that
// end later are not ordered before its end, though they may end before ts notices.
func (c *Checker) beginsGrace(ts *taskState, slot int) {
	ts.synchronizing = true
	ts.graced = ts.graced[:0]
	for _, other := range c.tasks {
		for s := range other.sections {
			ts.graced.join(other.sections[s])
		}
		if other != ts && other.inside[slot] {
			other.awaitedBy[slot] |= 1 << ts.index
		}
	}
}

// letsGrace notes that a section of ts has ended for which grace periods may wait.
func (c *Checker) letsGrace(ts *taskState, slot int) {
	for _, other := range c.tasks {
		if ts.awaitedBy[slot]>>other.index&1 != 0 {
			other.graced.join(ts.sections[slot])
		}
	}
	ts.awaitedBy[slot] = 0
}

// endsGrace notes that ts comes after the sections that its grace period has waited for.
func (c *Checker) endsGrace(ts *taskState, op task.Op) {
	if op == task.OpGracePeriodWait && ts.synchronizing {
		ts.synchronizing = false
		ts.now.join(ts.graced)
		ts.ended.join(ts.graced)
		return
	}
	c.seesEnded(ts)
	ts.now.join(ts.ended)
}

// seesEnded notes which sections have ended now that ts deals with grace periods, a step that all sections are dependent with.
func (c *Checker) seesEnded(ts *taskState) {
	for _, other := range c.tasks {
		for slot := range other.sections {
			ts.ended.join(other.sections[slot])
		}
	}
}

// slotOf returns which of a task's sections an event is about.
func slotOf(t *task.Task, e *task.Event) int {
	if e.Addr == unsafe.Pointer(&t.Sections[task.SlotAccess]) {
		return task.SlotAccess
	}
	return task.SlotRCU
}
