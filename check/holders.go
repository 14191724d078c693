package check

import (
	"fmt"
	"unsafe"

	"vmasim/internal/task"
)

// Holding is a lock that a task has.
type Holding struct {
	Task  string
	Lock  string // what it is called: "mm_struct#1.mmap_lock", "VMA read lock of vm_area_struct#2 [0x1000, 0x2000)"
	Mode  string // "read", "write", "reference", "readers kept out", "inside"
	Func  string // the function that took it
	Stack string // the functions it was in then, outermost first
}

func (h Holding) String() string {
	s := fmt.Sprintf("%s holds %s (%s)", h.Task, h.Lock, h.Mode)
	if h.Func != "" {
		s += ", taken in " + h.Func
	}
	return s
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
	for slot, name := range sectionNames {
		if t.Sections[slot].Depth > 0 {
			locks = append(locks, Holding{Task: t.Name, Lock: name, Mode: "inside"})
		}
	}
	return locks
}

var sectionNames = [task.NumSlots]string{task.SlotRCU: "rcu_read_lock", task.SlotAccess: "a memory access"}

func (c *Checker) holding(ts *taskState, h *held) Holding {
	return Holding{Task: ts.task.Name, Lock: c.lockName(h), Mode: [...]string{"", "read", "write"}[h.mode], Func: h.stack.inner(), Stack: h.stack.String()}
}

func (c *Checker) refHolding(ts *taskState, r *vmaRef) Holding {
	what, mode := "VMA read lock of ", "read"
	if r.state == tentative {
		what, mode = "a reference on ", "reference"
	}
	return Holding{Task: ts.task.Name, Lock: what + c.objects[r.object].String(), Mode: mode, Func: r.fn, Stack: r.stack.String()}
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
					who = append(who, Holding{Task: ts.task.Name, Lock: name, Mode: "inside"})
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
		how = append(how, Holding{Task: ts.task.Name, Lock: o.String(), Mode: "readers kept out"})
	}
	return how
}
