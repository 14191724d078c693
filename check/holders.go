package check

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// Holding is a lock that a task has.
type Holding struct {
	Task string
	Lock string         // what it is called: a cell, or a VMA, or a kind of section
	Addr unsafe.Pointer // of the cell or the VMA; nil: it is a section
	Life int            // which of the VMA's, from 1; 0: it is none
	Mode string         // "read", "write", "reference", "readers kept out", "inside"
	Func string         // the function that took it
}

// Held returns the locks that a task has, in the order taken; VMA read locks and read sections last.
func (c *Checker) Held(t *task.Task) (locks []Holding) {
	ts := c.taskOf(t)
	for i := range ts.held {
		if h := &ts.held[i]; c.cells.cells[h.cell].role != vmaLockRole || h.mode != readHeld { // which stands among the VMA read locks
			locks = append(locks, c.holding(ts, h))
		}
	}
	for i := range ts.refs {
		locks = append(locks, c.refHolding(ts, &ts.refs[i]))
	}
	for n := range c.objects {
		o := &c.objects[n]
		if ts.excluding > 0 && o.isVMA() && o.excluder == ts.index {
			locks = append(locks, keptOut(ts, o))
		}
		if !ts.writing() || !o.isVMA() || !o.alive || !o.begun {
			continue
		}
		if mm := o.locks(); mm != nil && mm.Generation.LocksVMAs() && c.writerOf(o) == ts { // a broken program has VMAs of no mm
			locks = append(locks, Holding{Task: t.Name, Lock: o.String(), Addr: o.base, Life: int(o.life), Mode: "write"})
		}
	}
	for slot, name := range sectionNames {
		if ts.inside[slot] { // the task's own count tells of the one that it is about to begin, too
			locks = append(locks, section(t, name))
		}
	}
	return locks
}

// writing reports whether ts has a lock for writing.
func (ts *taskState) writing() bool {
	return slices.ContainsFunc(ts.held, func(h held) bool { return h.mode == writeHeld })
}

func section(t *task.Task, name string) Holding {
	return Holding{Task: t.Name, Lock: name, Mode: "inside"}
}

// SectionName is what the read sections are called that use a slot of a task.
func SectionName(slot int) string { return sectionNames[slot] }

var sectionNames = [task.NumSlots]string{task.SlotRCU: "rcu_read_lock", task.SlotAccess: "a memory access"}

func (c *Checker) holding(ts *taskState, h *held) Holding {
	return Holding{ts.task.Name, c.lockName(h), h.addr, 0, [...]string{"", "read", "write"}[h.mode], h.stack.inner()}
}

func (c *Checker) refHolding(ts *taskState, r *vmaRef) Holding {
	mode := "read"
	if r.state == tentative {
		mode = "reference"
	}
	o := &c.objects[r.object]
	return Holding{ts.task.Name, o.String(), o.base, int(r.life), mode, r.fn}
}

// keptOut is that a task keeps readers of a VMA out.
func keptOut(ts *taskState, o *object) Holding {
	return Holding{Task: ts.task.Name, Lock: o.String(), Addr: o.base, Life: int(o.life), Mode: "readers kept out"}
}

// Phase is a part of the life of a VMA.
type Phase uint8

// The phases.
const (
	Unknown  Phase = iota
	Made           // and not attached yet
	Attached       // readers may lock it
	Detached       // readers may have found it before
)

// PhaseOf returns in which phase the VMA at base is.
func (c *Checker) PhaseOf(base unsafe.Pointer) Phase {
	n := c.objectAt(base)
	if n < 0 {
		return Unknown
	}
	switch o := &c.objects[n]; {
	case !o.isVMA() || !o.alive:
		return Unknown
	case !o.begun:
		return Made
	case o.isAttached(), o.counted && !o.flagged() && o.refcnt() != 0: // a count that was set has forgotten the readers
		return Attached
	}
	return Detached
}

func (c *Checker) lockName(h *held) string {
	if k := &c.cells.cells[h.cell]; k.role == vmaLockRole {
		if n := c.lockedBy(k.object); n >= 0 {
			return c.objects[n].String() + ".vm_lock"
		}
	}
	if name := c.cellName(&c.cells.cells[h.cell]); name != "" {
		return name
	}
	if h.spin {
		return "a spinlock"
	}
	return "a lock"
}

// Blockers says who stands in the way of a task's pending operation: who has the lock, the references or the read sections
// that it waits for.
func (c *Checker) Blockers(t *task.Task, e *task.Event) (who []Holding) {
	for _, ts := range c.tasks {
		if ts.task == nil || ts.task == t {
			continue
		}
		switch e.Op {
		case task.OpGracePeriodWait:
			for slot, name := range sectionNames {
				if ts.task.Sections[slot].Epoch.Load() != 0 && ts.task.Sections[slot].Depth > 0 {
					who = append(who, section(ts.task, name))
				}
			}
		default:
			who = append(who, c.holders(ts, e.Addr)...)
		}
	}
	return who
}

// holders returns how ts holds what the cell at addr stands for.
func (c *Checker) holders(ts *taskState, addr unsafe.Pointer) (how []Holding) {
	if h := ts.find(addr); h != nil {
		return append(how, c.holding(ts, h))
	}
	k := c.cells.find(addr)
	if k < 0 || c.cells.cells[k].object < 0 {
		return nil
	}
	n := c.cells.cells[k].object
	for i := range ts.refs {
		if ts.refs[i].object == n {
			how = append(how, c.refHolding(ts, &ts.refs[i]))
		}
	}
	if o := &c.objects[n]; o.isVMA() && o.excluder == ts.index {
		how = append(how, keptOut(ts, o))
	}
	return how
}
