package check

import (
	"fmt"
	"strings"

	"vmasim/internal/task"
)

// Which access comes before which is decided by vector clocks, not by the schedule: two accesses to a plain word that nothing
// orders are a race in every schedule that has both.
//
// Orders come from locks, from release and acquire, from full barriers, wake-ups and grace periods. Two things are the kernel's
// memory model rather than C11's: a relaxed read orders the reader's later stores, as a control dependency does, and a release
// passes on what such a read has shown.

// plainWord is what the checker knows about a plain word.
type plainWord struct {
	write plainAccess
	reads []plainAccess // the last one of each task
}

// plainAccess is one access to a plain word.
type plainAccess struct {
	task     int32
	when     uint32 // on the task's own clock; 0: there was none
	old, new uint64
	write    bool
	stack    stack
}

// plainEvent checks an access to a plain word.
func (c *Checker) plainEvent(ts *taskState, e *task.Event, k *cell) {
	p := c.plainOf(k)
	if e.Op == task.OpPlainWrite {
		c.overwrites(ts, e, k, p)
		return
	}
	if w := &p.write; w.when > 0 && !c.before(w, ts, false) {
		c.race(ts, k, w, e, false)
	}
	p.readOf(ts.index).set(ts, e.Old, e.New, false)
}

// overwrites checks a write of a plain word, after which nothing that was done to it before matters.
func (c *Checker) overwrites(ts *taskState, e *task.Event, k *cell, p *plainWord) {
	if w := &p.write; w.when > 0 && !c.before(w, ts, true) {
		c.race(ts, k, w, e, true)
	}
	for i := range p.reads {
		if r := &p.reads[i]; !c.before(r, ts, true) {
			c.race(ts, k, r, e, true)
		}
	}
	p.write.set(ts, e.Old, e.New, true)
	p.reads = p.reads[:0]
}

// readOf returns where the last read of a task is kept, for the next one.
func (p *plainWord) readOf(task int32) *plainAccess {
	for i := range p.reads {
		if p.reads[i].task == task {
			return &p.reads[i]
		}
	}
	if n := len(p.reads); n < cap(p.reads) {
		p.reads = p.reads[:n+1]
	} else {
		p.reads = append(p.reads, plainAccess{})
	}
	return &p.reads[len(p.reads)-1]
}

// set makes it an access that ts has just made. It is written where it lies, as much of it is the stack.
func (a *plainAccess) set(ts *taskState, old, new uint64, write bool) {
	a.task, a.when, a.old, a.new, a.write = ts.index, ts.now.at(ts.index), old, new, write
	a.stack.set(ts.task)
}

// plainOf returns what is known about the plain word, or the frame, at a cell.
func (c *Checker) plainOf(k *cell) *plainWord {
	if k.plain < 0 {
		k.plain = c.addPlain()
	}
	return &c.plains[k.plain]
}

// addPlain returns the index of another plain word.
func (c *Checker) addPlain() int32 {
	n := len(c.plains)
	if n == cap(c.plains) {
		c.plains = append(c.plains, plainWord{})
		return int32(n)
	}
	c.plains = c.plains[:n+1]
	p := &c.plains[n]
	p.write.when, p.reads = 0, p.reads[:0]
	return int32(n)
}

// before reports whether an access comes before what ts does now, which is a store or not.
func (c *Checker) before(a *plainAccess, ts *taskState, store bool) bool {
	return a.task == ts.index || a.when <= ts.now.at(a.task) || store && a.when <= ts.later.at(a.task)
}

// race reports two accesses that nothing orders, as KCSAN words it; the second is what ts has just done.
func (c *Checker) race(ts *taskState, k *cell, first *plainAccess, e *task.Event, write bool) {
	second := &plainAccess{}
	second.set(ts, e.Old, e.New, write)
	var b strings.Builder
	fmt.Fprintf(&b, "data-race in %s / %s", first.stack.innerName(), second.stack.innerName())
	for _, a := range []*plainAccess{second, first} {
		verb := "read of"
		if a.write {
			verb = "write to"
		}
		fmt.Fprintf(&b, "\n  %s %s", verb, c.plainName(k))
		if k.object >= 0 && k.field >= 0 {
			fmt.Fprintf(&b, " of %d bytes", c.objects[k.object].shape.layout.Fields[k.field].Size)
		}
		fmt.Fprintf(&b, " by task %s:\n    %s", c.tasks[a.task].task.Name, a.stack.String())
	}
	for _, a := range []*plainAccess{first, second} {
		if a.write {
			fmt.Fprintf(&b, "\n  value changed: %#x -> %#x", a.old, a.new)
			break
		}
	}
	c.fail(DataRace, ts.task, "%s", b.String())
}

func (c *Checker) plainName(k *cell) string {
	if k.frame >= 0 && k.object >= 0 {
		return c.objects[k.object].String()
	}
	if name := c.cellName(k); name != "" {
		return name
	}
	return "a word in no known object"
}

func (s *stack) innerName() string {
	if s.n == 0 {
		return "(no function)"
	}
	return s.inner()
}

// orderEvent follows what a marked access orders.
func (c *Checker) orderEvent(ts *taskState, e *task.Event, k *cell, op opClass) {
	changed := op.kind == task.Write || op.kind == task.RMW && (e.Old != e.New || e.Op >= task.OpSynchronize)
	if op.kind != task.Write {
		if acquires(e, op, changed) {
			ts.now.join(k.rel)
		} else {
			ts.later.join(k.rel)
		}
	}
	if !changed {
		return
	}
	switch {
	case op.order == task.Release || op.order == task.Full:
		if op.kind == task.Write { // a read-modify-write also hands on what it found
			k.rel = k.rel[:0]
		}
		ts.publish(&k.rel)
	case op.kind == task.Write:
		k.rel = k.rel[:0]
	}
}

// publish adds to a clock what the task has seen and done so far; what it does from now on is not in it.
func (ts *taskState) publish(to *clock) {
	to.join(ts.now)
	to.join(ts.later)
	ts.now.tick(ts.index)
}

// acquires reports whether what a task does after the access comes after it.
func acquires(e *task.Event, op opClass, changed bool) bool {
	switch op.order {
	case task.Acquire, task.Full:
		return op.kind == task.Read || changed
	}
	// refcount_dec_and_test and its like acquire when they drop the last reference.
	return (e.Op == task.OpRefDecAndTest || e.Op == task.OpRefSubRelease) && e.New == 0
}

// wakes notes that ts wakes another task.
func (c *Checker) wakes(ts *taskState, target *task.Task) {
	ts.publish(&c.taskOf(target).woken)
}
