package check

// A read lock of a VMA and a change of the VMA exclude each other, and so do two changes by different tasks. The steps with which a
// task takes and gives back a read lock are on vm_refcnt, a change is on another cell: they are independent, and an exhaustive
// search runs only one of their orders. So what is judged is not whether the one falls within the other in this execution,
// but whether it does in any that differs only in the order of independent steps: whether nothing orders them. All that readers
// of a VMA rely on is taken for one plain word, as a data race is found: see race.go. To have changed the VMA or write-locked it
// is to write that word, and so is to end the write section; to give a read lock back is to read it.

// contentOf returns what is known about the content of a VMA, in this life.
func (c *Checker) contentOf(o *object) *plainWord {
	if o.content < 0 {
		o.content = c.addPlain()
	}
	return &c.plains[o.content]
}

// reads checks a read lock of the VMA that ts has just got against the changes before.
func (c *Checker) reads(ts *taskState, r *vmaRef) {
	o := &c.objects[r.object]
	if !c.on.has(ReaderAndWriter) {
		return
	}
	if w := c.writerOf(o); w != nil && w != ts {
		c.fail(ReaderAndWriter, ts.task, "%s gets the read lock of %s, which %s has write-locked: vm_lock_seq and mm_lock_seq are %d",
			ts.task.Name, o, w.task.Name, o.seq())
		return
	}
	if c.on.has(WrongVMA) && c.isForeign(ts, r) {
		return // which says more, as soon as the look-up returns it
	}
	if w := &c.contentOf(o).write; w.when > 0 && !c.before(w, ts, true) {
		c.fail(ReaderAndWriter, ts.task, "%s gets the read lock of %s, and nothing orders that after the change by %s in %s",
			ts.task.Name, o, c.tasks[w.task].task.Name, w.stack.innerName())
	}
}

// unlocks notes that ts gives back the read lock of the VMA.
func (c *Checker) unlocks(ts *taskState, o *object) {
	if c.on.has(ReaderAndWriter) {
		c.contentOf(o).readOf(ts.index).set(ts, 0, 0, false)
	}
}

// writes checks a step that needs the VMA for itself against the read locks and the changes of other tasks.
func (c *Checker) writes(ts *taskState, n int32, what string) {
	if !c.on.anyOf(ReaderAndWriter, TwoWriters) {
		return
	}
	o := &c.objects[n]
	if c.on.has(ReaderAndWriter) && o.refs > 0 {
		for _, other := range c.tasks {
			if i := other.refOn(n); other != ts && i >= 0 && other.refs[i].state != tentative {
				c.fail(ReaderAndWriter, ts.task, "%s %s while %s has it read-locked, since %s", o, what, other.task.Name, other.refs[i].fn)
			}
		}
	}
	word := c.contentOf(o)
	for i := range word.reads {
		if r := &word.reads[i]; c.on.has(ReaderAndWriter) && !c.before(r, ts, true) {
			c.fail(ReaderAndWriter, ts.task, "%s %s, and nothing orders that after %s has given its read lock back in %s",
				o, what, c.tasks[r.task].task.Name, r.stack.innerName())
		}
	}
	if w := &word.write; c.on.has(TwoWriters) && w.when > 0 && !c.before(w, ts, true) {
		c.fail(TwoWriters, ts.task, "%s %s, and nothing orders that after what %s did to it in %s",
			o, what, c.tasks[w.task].task.Name, w.stack.innerName())
	}
	word.write.set(ts, 0, 0, false)
	word.reads = word.reads[:0]
}

// ends notes that the write section ends in which ts has write-locked VMAs. One that it has freed, and that waits for a grace period, is
// no longer its.
func (c *Checker) ends(ts *taskState) {
	for _, v := range ts.locking {
		if o := &c.objects[v.object]; o.life == v.life && o.owner != anyTask {
			c.contentOf(o).write.set(ts, 0, 0, false)
		}
	}
	ts.locking = ts.locking[:0]
}
