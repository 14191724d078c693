package check

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"vmasim/internal/task"
)

// LockGraph is the order in which classes of locks were taken: lockdep's dependency graph. An execution is judged by its own
// orders, so that it fails whenever it is repeated; but what several do can deadlock together, though none of them did, so
// the orders of all are known, too: see [Lesson]. It is not safe for several checkers at once.
type LockGraph struct {
	classes    []lockClass
	now        []uint64 // by class: those taken while it was held, in this execution and those that it is joined to
	seen       []uint64 // the same, in any execution
	sound      []uint64 // by class: those of seen that are on no cycle of seen, which need no second look
	edges      map[[2]int32]lockEdge
	lessons    []Lesson
	vmaLock    int32 // the class of all VMA locks
	executions int
}

// Lesson is an order that an execution has shown for the first time.
type Lesson struct {
	Fact string   // the order, "A -> B"
	With []string // the orders of other executions that close a cycle together with those of this one; none: they close none
}

type lockClass struct {
	name string
	set  task.LockSet // what holding it for writing counts as in a field's rule
}

// lockEdge says who took a lock while holding another.
type lockEdge struct {
	task      string
	holding   stack // where the first was taken
	taking    stack // where the second was
	execution int   // in which it was first seen, from 1
}

const (
	noClass    int32 = -1
	maxClasses       = 64 // a set of classes is one word
)

// lockSetTable says what a lock is in the terms of field rules, by the field that it is.
var lockSetTable = map[string]task.LockSet{
	"mmap_lock":       task.MmapRead | task.MmapWrite,
	"i_mmap_rwsem":    task.RmapRead | task.RmapWrite,
	"rwsem":           task.RmapRead | task.RmapWrite, // of an anon_vma
	"page_table_lock": task.PageTableLock,
	"ptl":             task.PTLock,
	"invalidate_lock": task.InvalidateLock,
}

// NewLockGraph returns a graph without edges.
func NewLockGraph() *LockGraph {
	g := &LockGraph{edges: map[[2]int32]lockEdge{}, executions: 1}
	g.vmaLock = g.class("vma_lock", "")
	return g
}

// begin makes the graph ready for another execution, which is judged together with the one before if that is joined.
func (g *LockGraph) begin(joined bool) {
	if !joined {
		clear(g.now)
	}
	g.lessons = g.lessons[:0]
	g.executions++
}

// Lessons returns what the execution just watched has shown for the first time since Forget. It is good until Reset.
func (c *Checker) Lessons() []Lesson { return c.graph.lessons }

// Forget forgets all orders of locks that were seen, from the next Reset on.
func (c *Checker) Forget() {
	c.graph = NewLockGraph()
	c.graph.executions = 0
}

// Join makes Reset keep the orders of locks of this execution: the next one is judged together with it.
func (c *Checker) Join() { c.joined = true }

// Graph returns the checker's graph.
func (c *Checker) Graph() *LockGraph { return c.graph }

// class returns the class with a name, a new one if there was none; noClass if there are too many.
func (g *LockGraph) class(name, field string) int32 {
	for i := range g.classes {
		if g.classes[i].name == name {
			return int32(i)
		}
	}
	if len(g.classes) == maxClasses {
		return noClass
	}
	g.classes = append(g.classes, lockClass{name, lockSetTable[field]})
	g.now, g.seen, g.sound = append(g.now, 0), append(g.seen, 0), append(g.sound, 0)
	return int32(len(g.classes) - 1)
}

// nested returns the sub-class of a class for a second lock of it, taken under the first.
func (g *LockGraph) nested(class int32) int32 {
	name := g.classes[class].name
	return g.class(name+"/1", name[strings.LastIndexByte(name, '.')+1:])
}

// lockSet returns what a lock held counts as in a field's rule. A lock of unknown class is given the benefit of the doubt.
func (g *LockGraph) lockSet(h *held) task.LockSet {
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
	// A second lock of a class is in order if nobody else can know the object: fork takes the mmap_lock of the child that it
	// made, mmap_write_lock_nested. So it is if nobody else can take two: mremap's tables, spin_lock_nested.
	if !ts.hasClass(class, n) {
		return class
	}
	if o := &c.objects[k.object]; o.owner == ts.index {
		c.relies(ts, o, LockOrder)
		return c.graph.nested(class)
	}
	if c.serialised(ts, class) {
		return c.graph.nested(class)
	}
	return class
}

// serialised reports whether a class is of the locks of page tables, two of which are taken only under mmap_lock held for writing,
// and ts holds that.
func (c *Checker) serialised(ts *taskState, class int32) bool {
	return c.graph.classes[class].set == task.PTLock && slices.ContainsFunc(ts.held, func(h held) bool {
		return c.graph.lockSet(&h)&task.MmapWrite != 0
	})
}

// fieldClass returns the class of the lock that the cell is.
func (c *Checker) fieldClass(k *cell) int32 {
	s := c.objects[k.object].shape
	for len(s.classes) < len(s.layout.Fields) {
		s.classes = append(s.classes, unknownClass)
	}
	if s.classGraph != c.graph {
		s.classGraph = c.graph
		for i := range s.classes {
			s.classes[i] = unknownClass
		}
	}
	if s.classes[k.field] == unknownClass {
		field := s.layout.Fields[k.field].Name
		s.classes[k.field] = c.graph.class(s.layout.Type+"."+field, field)
	}
	return s.classes[k.field]
}

const unknownClass int32 = -2

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

// blocksOn notes that ts may come to wait for a lock of a class while it holds what it holds. A try waits for nothing and is not
// noted; but what it got is held.
func (c *Checker) blocksOn(ts *taskState, class int32) {
	if !c.on.has(LockOrder) {
		return
	}
	for i := range ts.held {
		if h := &ts.held[i]; h.class != noClass && c.graph.now[h.class]&(1<<class) == 0 {
			c.order(ts, h.class, class, &h.stack)
		}
	}
	if len(ts.refs) > 0 && c.graph.now[c.graph.vmaLock]&(1<<class) == 0 {
		c.order(ts, c.graph.vmaLock, class, &ts.refs[0].stack)
	}
}

// order adds an edge, and reports a cycle that it closes with others of this execution.
func (c *Checker) order(ts *taskState, from, to int32, holding *stack) {
	g, bit := c.graph, uint64(1)<<to
	g.now[from] |= bit
	if g.sound[from]&bit != 0 {
		return
	}
	if g.seen[from]&bit == 0 {
		g.learn(from, to, lockEdge{ts.task.Name, *holding, stackOf(ts.task), g.executions})
	}
	if shortestPath(g.seen, to, from) == nil {
		g.sound[from] |= bit
		return
	}
	if path := shortestPath(g.now, to, from); path != nil {
		c.fail(LockOrder, ts.task, "%s", g.describe(ts, from, to, path))
	}
}

// learn takes in an edge that was never seen before.
func (g *LockGraph) learn(from, to int32, e lockEdge) {
	g.seen[from] |= 1 << to
	g.edges[[2]int32{from, to}] = e
	clear(g.sound)
	l := Lesson{Fact: g.edgeName(from, to)}
	path := shortestPath(g.seen, to, from)
	for i := 0; i+1 < len(path); i++ {
		if g.now[path[i]]&(1<<path[i+1]) == 0 {
			l.With = append(l.With, g.edgeName(path[i], path[i+1]))
		}
	}
	g.lessons = append(g.lessons, l)
}

func (g *LockGraph) edgeName(from, to int32) string {
	return g.classes[from].name + " -> " + g.classes[to].name
}

// shortestPath returns the classes on a shortest way between two, both included; nil if there is none.
func shortestPath(after []uint64, from, to int32) []int32 {
	var before [maxClasses]int32
	reached := uint64(1) << from
	queue := []int32{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at == to {
			way := []int32{at}
			for at != from {
				at = before[at]
				way = append(way, at)
			}
			slices.Reverse(way)
			return way
		}
		for next := after[at] &^ reached; next != 0; next &= next - 1 {
			n := int32(bits.TrailingZeros64(next))
			reached |= 1 << n
			before[n] = at
			queue = append(queue, n)
		}
	}
	return nil
}

// describe words a cycle: the edge from -> to was added, and path leads back.
func (g *LockGraph) describe(ts *taskState, from, to int32, path []int32) string {
	var b strings.Builder
	name := func(class int32) string { return g.classes[class].name }
	if from == to {
		fmt.Fprintf(&b, "possible recursive locking: %s may wait for %s while it holds one", ts.task.Name, name(to))
	} else {
		fmt.Fprintf(&b, "possible circular locking: %s may wait for %s while it holds %s", ts.task.Name, name(to), name(from))
	}
	fmt.Fprintf(&b, "\n  %s taken in %s", name(from), g.edge(from, to).holding.String())
	fmt.Fprintf(&b, "\n  %s asked for in %s", name(to), g.edge(from, to).taking.String())
	for i := 0; i+1 < len(path); i++ {
		e := g.edge(path[i], path[i+1])
		fmt.Fprintf(&b, "\n  which already depends on %s:", name(path[i+1]))
		fmt.Fprintf(&b, "\n    %s took %s in %s", e.task, name(path[i]), e.holding.String())
		fmt.Fprintf(&b, "\n    and asked for %s in %s", name(path[i+1]), e.taking.String())
		if e.execution != g.edge(from, to).execution {
			fmt.Fprintf(&b, ", in execution %d", e.execution)
		}
	}
	return b.String()
}

func (g *LockGraph) edge(from, to int32) *lockEdge {
	e := g.edges[[2]int32{from, to}]
	return &e
}

// Edges returns the orders seen, "A -> B", sorted.
func (g *LockGraph) Edges() (edges []string) {
	for e := range g.edges {
		edges = append(edges, g.edgeName(e[0], e[1]))
	}
	slices.Sort(edges)
	return edges
}
