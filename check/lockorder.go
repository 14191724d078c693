package check

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/lockorder"
	"vmasim/internal/task"
)

// lockClass is a class of locks. The first classes are those of the declared order, with the same indexes; after them come those
// that it lacks.
type lockClass struct {
	name   string
	set    task.LockSet // as which holding it for writing counts in a field's rule
	nested int32        // the class of a second lock of it, taken under the first; unknownClass until one is asked for
}

const (
	noClass      int32 = -1 // of a lock in no known object
	unknownClass int32 = -2 // not looked up yet
)

// lockSetTable says as what a lock counts in field rules, by the field that it is.
var lockSetTable = map[string]task.LockSet{
	"mmap_lock":       task.MmapRead | task.MmapWrite,
	"i_mmap_rwsem":    task.RmapRead | task.RmapWrite,
	"rwsem":           task.RmapRead | task.RmapWrite, // of an anon_vma
	"page_table_lock": task.PageTableLock,
	"ptl":             task.PTLock,
	"invalidate_lock": task.InvalidateLock,
}

// lockOrder judges in which order locks are taken by the order that is declared.
type lockOrder struct {
	declared *lockorder.Order
	classes  []lockClass
	vmaLock  int32      // the class of all VMA locks
	reported [][2]int32 // in this execution: outer and inner class
}

func newLockOrder(declared *lockorder.Order) *lockOrder {
	g := &lockOrder{declared: declared}
	for _, c := range declared.Classes() {
		g.add(c.Name)
	}
	g.vmaLock = g.class("vma_lock")
	return g
}

// class returns the class with a name, a new one if there was none.
func (g *lockOrder) class(name string) int32 {
	if i := slices.IndexFunc(g.classes, func(c lockClass) bool { return c.name == name }); i >= 0 {
		return int32(i)
	}
	return g.add(name)
}

func (g *lockOrder) add(name string) int32 {
	_, field, _ := strings.Cut(name, ".")
	field, _, _ = strings.Cut(field, "/")
	g.classes = append(g.classes, lockClass{name, lockSetTable[field], unknownClass})
	return int32(len(g.classes) - 1)
}

// nested returns the class of a second lock of a class, taken under the first.
func (g *lockOrder) nested(class int32) int32 {
	if g.classes[class].nested == unknownClass {
		second := g.class(g.classes[class].name + "/1")
		g.classes[class].nested = second
	}
	return g.classes[class].nested
}

// lockSet returns what a lock held counts as in a field's rule. A lock of unknown class is given the benefit of the doubt.
func (g *lockOrder) lockSet(h *held) task.LockSet {
	if h.class == noClass {
		if h.spin {
			return task.PageTableLock
		}
		return 0
	}
	set := g.classes[h.class].set
	if h.mode == readHeld {
		set &^= task.MmapWrite | task.RmapWrite
	}
	return set
}

// classOf returns the class of the lock in a cell that ts is about to take.
func (c *Checker) classOf(ts *taskState, n int32) int32 {
	k := &c.cells.cells[n]
	if k.object < 0 || k.field < 0 {
		return noClass
	}
	class := c.fieldClass(k)
	// A second lock of a class is in order if no other task can know the object: fork takes the mmap_lock of the child that it
	// made, mmap_write_lock_nested. So it is if no other task can take two: mremap's tables, spin_lock_nested.
	if !ts.hasClass(class, n) {
		return class
	}
	if o := &c.objects[k.object]; o.owner == ts.index {
		c.relies(ts, o, LockOrder)
		return c.order.nested(class)
	}
	if c.serialised(ts, class) {
		return c.order.nested(class)
	}
	return class
}

// serialised reports whether a class is of the locks of page tables, two of which are taken only under mmap_lock held for writing,
// and ts holds that.
func (c *Checker) serialised(ts *taskState, class int32) bool {
	return c.order.classes[class].set == task.PTLock && slices.ContainsFunc(ts.held, func(h held) bool {
		return c.order.lockSet(&h)&task.MmapWrite != 0
	})
}

// fieldClass returns the class of the lock that the cell is.
func (c *Checker) fieldClass(k *cell) int32 {
	s := c.objects[k.object].shape
	for len(s.classes) < len(s.layout.Fields) {
		s.classes = append(s.classes, unknownClass)
	}
	if k.role == vmaLockRole {
		return c.order.vmaLock
	}
	if s.classes[k.field] == unknownClass {
		s.classes[k.field] = c.order.class(s.layout.Type + "." + s.layout.Fields[k.field].Name)
	}
	return s.classes[k.field]
}

func (ts *taskState) hasClass(class, except int32) bool {
	for i := range ts.held {
		if ts.held[i].class == class && ts.held[i].cell != except {
			return true
		}
	}
	return false
}

// reclassify finds the classes of locks held that had none, because an object has become known.
func (c *Checker) reclassify() {
	for _, ts := range c.tasks {
		for i := range ts.held {
			h := &ts.held[i]
			if k := &c.cells.cells[h.cell]; h.class == noClass && k.object >= 0 && k.field >= 0 {
				h.class = c.classOf(ts, h.cell)
			}
		}
	}
}

// blocksOn checks that ts may wait for a lock of a class while it holds what it holds. A try waits for nothing and is not checked;
// but what it got is held.
func (c *Checker) blocksOn(ts *taskState, class int32) {
	if !c.on.has(LockOrder) {
		return
	}
	for i := range ts.held {
		if h := &ts.held[i]; h.class != noClass && !c.order.declared.Before(int(h.class), int(class)) {
			c.outOfOrder(ts, h.class, class, &h.stack)
		}
	}
	if len(ts.refs) > 0 && !c.order.declared.Before(int(c.order.vmaLock), int(class)) {
		c.outOfOrder(ts, c.order.vmaLock, class, &ts.refs[0].stack)
	}
}

// outOfOrder reports, once in an execution, that the order does not allow to wait for a lock of the inner class under one of the
// outer class. holding is where the latter was taken.
func (c *Checker) outOfOrder(ts *taskState, outer, inner int32, holding *stack) {
	g := c.order
	if slices.Contains(g.reported, [2]int32{outer, inner}) {
		return
	}
	g.reported = append(g.reported, [2]int32{outer, inner})
	asked := stackOf(ts.task)
	c.fail(LockOrder, ts.task, "%s\n  %s taken in %s\n  %s asked for in %s",
		g.describe(ts.task.Name, outer, inner), g.classes[outer].name, holding, g.classes[inner].name, &asked)
}

// describe words what is wrong with the order of two locks.
func (g *lockOrder) describe(task string, outer, inner int32) string {
	out, in := g.classes[outer].name, g.classes[inner].name
	if outer == inner {
		return fmt.Sprintf("possible recursive locking: %s may wait for %s while it holds one", task, in)
	}
	text := fmt.Sprintf("locks out of order: %s may wait for %s while it holds %s; ", task, in, out)
	for _, class := range []int32{outer, inner} {
		if int(class) >= len(g.declared.Classes()) {
			return text + g.classes[class].name + " has no place in the declared order"
		}
	}
	if g.declared.Before(int(inner), int(outer)) {
		return text + "the order is " + g.declared.Way(int(inner), int(outer))
	}
	return text + "no order of the two is declared"
}
