package explore

import (
	"slices"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// dpor goes through the schedules depth first and leaves out those that differ from others only in the order of
// independent steps: dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson,
// Sagonas: Source Sets, JACM 2017, algorithm 1).
//
// The order of happening is kept as a vector clock with each step. Two dependent steps with none between them, in that
// order, race; where the second could have come first, the search returns to before the first and lets a task go on that
// begins such an order. A task sleeps while what it would do was explored and nothing dependent came in between.
//
// Beyond the paper: an operation that has to wait. A wait that is allowed for good, such as a granted lock, comes after the
// step that allowed it and races with nothing. One whose condition can become false again, such as a spinlock, races with
// the last step that made it false, though other steps stand between; it does so also if it never gets its turn. And a
// step that breaks a rule ends the execution, so it is dependent with every other.
//
// It sees what is announced, and nothing else: code that peeks at a cell which others change is not reordered for that.
//
// A choice besides scheduling is part of its step: all its values are tried before the step counts as explored. A step whose choice decides
// what it touches is dependent with every other while it sleeps, as how it would choose is open. Which choices it offers needs no such
// care: only steps that are dependent with it can change that.
type dpor struct {
	exhaustive
	route              // the path
	choices []decision // those of the steps, in order
	given   []uint8    // the tasks of the first steps, where the prefix is a schedule
	fixed   int        // how many choices belong to the prefix
	bare    bool       // the prefix is without its steps: the first execution finds them
	floor   int        // the nodes below it are a prefix to repeat, whose alternatives other shards explore
	noted   int        // at so many of these, races that are to be reversed are demands of those shards
	demands []demand   // of this one
	fresh   int        // the first step that is new in this execution
	chosen  int        // choices so far in this execution
	begun   bool       // an execution has been made ready for
	again   int        // the step, from 1, that this execution takes with another choice than the one before; 0: none
	limit   int        // how many executions are made; 0: any number
	made    int        // how many were
	over    bool       // there is one more than the limit
	ready   bool       // and it is the next, or another was made ready for

	cells   cells            // numbers the cells of this execution
	pending [maxTasks]access // the most that each task's pending operation can touch
	last    [maxTasks]int32  // the last step of each task, from 1; 0: none
	allowed [maxTasks]int32  // the step that enabled the pending operation, from 1; 0: it was so from the start
	runs    taskSet          // the tasks that have dealt with callbacks
	step    access           // being taken
	before  taskSet          // enabled before it

	races []int32 // scratch

	ceiling int         // prefixes of so many steps are emitted and not followed; 0: none
	emit    func(*dpor) // takes such a prefix
}

// node is a state on the path, and the step taken there.
//
// A search looks at the steps of many nodes for each step that it takes: they must lie close together.
type node struct {
	step      access  // of the task that was let go on here
	bloom     bloom   // of the step
	task      int     // that took it
	enabled   taskSet // the tasks that can go on here
	backtrack taskSet // the tasks that have to take a step here
	sleep     taskSet // the tasks whose steps here were explored, here or before
	tried     int     // how many tasks' steps here were explored
	choices   int     // how many were made before the step
	varies    bool    // what the step touches depends on a choice
	clock     clock   // of the step: what happened before it, and it
	asleep    int     // where the steps of the sleepers begin
}

// route is a path. The steps of those that sleep lie in one stack, as only the last node puts tasks to sleep.
type route struct {
	nodes  []node
	asleep []access // those of each node, one node after the other
}

// end is where the steps of the first n nodes' sleepers end.
func (r *route) end(n int) int {
	if n == 0 {
		return 0
	}
	return r.nodes[n-1].asleep + r.nodes[n-1].sleep.len()
}

// sleepers returns the steps of those that sleep at a node.
func (r *route) sleepers(n *node) []access { return r.asleep[n.asleep:][:n.sleep.len()] }

// put puts a task to sleep at the last node, which would take the step a.
func (r *route) put(n *node, a *access) {
	r.asleep = append(r.asleep[:n.asleep+n.sleep.len()], *a)
	n.sleep |= 1 << a.task
}

// first returns a copy of the first n nodes.
func (r *route) first(n int) route {
	return route{slices.Clone(r.nodes[:n]), slices.Clone(r.asleep[:r.end(n)])}
}

// add adds a node, whose fields are not set.
func (r *route) add() *node {
	n := len(r.nodes)
	if n < cap(r.nodes) {
		r.nodes = r.nodes[:n+1]
	} else {
		r.nodes = append(r.nodes, node{})
	}
	here := &r.nodes[n]
	here.sleep, here.asleep = 0, r.end(n)
	return here
}

// clock says, for each task, up to which step of it, from 1, everything happened before.
type clock [maxTasks]int32

func (c *clock) join(o *clock, tasks int) {
	for i := range tasks {
		c[i] = max(c[i], o[i])
	}
}

func (d *dpor) next() bool {
	if !d.ready && !d.advance() {
		return false
	}
	d.ready = false
	d.over = d.limit > 0 && d.made == d.limit
	d.made++
	return !d.over
}

// leftOut implements [shard].
func (d *dpor) leftOut() bool { return d.over || len(d.demands) > 0 }

// advance makes ready for another execution and reports whether there is one.
func (d *dpor) advance() bool {
	d.anew()
	if !d.begun {
		d.begun = true
		d.fresh = d.floor
		if d.given != nil || d.bare { // these steps are on no path yet, or were not taken in this process
			d.fresh = 0
		}
		return true
	}
	return d.back(func(n int) { d.nodes = d.nodes[:n] })
}

// anew makes ready to follow another execution.
func (d *dpor) anew() {
	d.cells.reset()
	d.pending = [maxTasks]access{}
	d.last, d.allowed, d.runs, d.chosen = [maxTasks]int32{}, [maxTasks]int32{}, 0, 0
}

// back goes back along the path to what has to be tried next, and reports whether there is something. leave cuts off the node n, behind which
// everything was searched.
func (d *dpor) back(leave func(n int)) bool {
	d.again = 0
	for !d.nextChoice() {
		n := len(d.nodes)
		if n <= d.floor {
			return false
		}
		at := &d.nodes[n-1]
		more := d.nextTask(at)
		d.choices = d.choices[:at.choices]
		if more {
			d.fresh = n - 1
			return true
		}
		leave(n - 1)
	}
	return true
}

// rewinds implements [shard]. Backtracking points found meanwhile stay.
func (d *dpor) rewinds() func() {
	steps, choices := len(d.nodes), len(d.choices)
	return func() { d.nodes, d.choices = d.nodes[:steps], d.choices[:choices] }
}

// nextChoice moves the last step to its next choice, if it has one. A node's choices come after it in the list.
func (d *dpor) nextChoice() bool {
	first := d.fixed
	if n := len(d.nodes); n > d.floor {
		first = d.nodes[n-1].choices
	}
	for len(d.choices) > first {
		c := &d.choices[len(d.choices)-1]
		if c.left != 0 {
			c.taken = c.left.first()
			c.left &^= 1 << c.taken
			d.fresh = max(len(d.nodes)-1, d.floor)
			d.again = len(d.nodes)
			return true
		}
		if n := len(d.nodes); n > d.floor && d.nodes[n-1].varies {
			d.nodes[n-1].step.flags |= dependsOnAll
		}
		d.choices = d.choices[:len(d.choices)-1]
	}
	return false
}

// nextTask puts the task just explored to sleep, at the last node, and moves on to another one that has to be explored.
func (r *route) nextTask(n *node) bool {
	n.tried++
	r.put(n, &n.step)
	return n.take()
}

// take makes a task take its step at the node that has to and has not yet, if there is one.
func (n *node) take() bool {
	todo := n.backtrack &^ n.sleep & n.enabled
	if todo == 0 {
		return false
	}
	n.task, n.varies = todo.first(), false
	return true
}

// require sees to it that a task of begin is explored at the node, and reports whether that is one more.
func (n *node) require(begin taskSet) bool {
	known := n.backtrack | n.sleep
	if begin&known != 0 {
		return false
	}
	if begin &= n.enabled; begin == 0 { // only a wait that has its turn by another way begins: try everything
		begin = n.enabled
	} else {
		begin = 1 << begin.first()
	}
	n.backtrack |= begin
	return begin&^known != 0
}

func (d *dpor) tracker() tracker { return d }

func (d *dpor) announced(s *state, i int) {
	e := s.pending[i].Event
	d.allowed[i] = 0
	if e == nil {
		return
	}
	d.foresee(s, i, e)
	// Only ksync.RCUWait forgets wake-ups, right before the exchange by which it announces itself.
	if e.Op == task.OpXchg && i == s.last {
		d.step.flags |= drains
	}
}

// foresee notes the most that the pending operation of a task can touch. It is written where it lies, as copying what has just been
// written field by field takes longer than all the rest.
func (d *dpor) foresee(s *state, i int, e *task.Event) {
	a := &d.pending[i]
	before := a.op // what the task did last
	*a = access{task: int8(i), wakes: -1, op: e.Op}
	if d.runs.has(i) {
		a.flags |= callbacks
	}
	switch e.Op {
	case task.OpMB, task.OpWMB, task.OpRMB:
		a.class = waits
		if s.agreed && e.Order() == task.Full {
			a.flags |= full
		}
		return
	case task.OpSectionBegin, task.OpSectionEnd:
		a.class, a.domain = section, sectionDomain(s.pending[i].who, e.Addr)
		return
	case task.OpSynchronize, task.OpCall, task.OpBarrier, task.OpStartPoll, task.OpPoll:
		a.class, a.domain = updates, updatedDomain(e.Addr)
		if s.agreed && e.Op != task.OpPoll {
			a.flags |= full
		}
		if e.Op == task.OpCall && !s.binds && !looks(e) {
			a.class = queues
		}
		return
	case task.OpGracePeriodWait:
		a.domain = updatedDomain(e.Addr)
		if s.agreed {
			a.flags |= full
		}
		if before == task.OpSynchronize {
			a.class = waits
			return
		}
		a.class = updates
		a.flags |= barrier | guarded
		return
	case task.OpWakeUp, task.OpSendSig:
		a.class = waits
		for j := range s.tasks {
			if e.Target == s.pending[j].who {
				a.wakes = int8(j)
			}
		}
		return
	case task.OpSchedule:
		a.class = waits
		return
	}
	slot := d.cells.at(e.Addr)
	a.cell, a.object = slot.number, slot.object
	if e.Size > 0 {
		a.flags |= bulk
		if a.object == 0 { // which cells it is about is not known
			a.flags |= dependsOnAll
		}
	}
	switch kind := e.Op.Info().Kind; {
	case s.agreed && kind == task.RMW && e.Order() == task.Full:
		a.class = writes
		a.flags |= full
	case kind == task.Wait && e.Enabled != nil && !e.Killable:
		a.class = waits
	case kind != task.Read && (kind != task.Wait || e.Enabled != nil):
		a.class = writes
	}
	if e.Enabled != nil && a.class != waits {
		a.flags |= guarded
	}
}

// performed narrows the access of a step to what it did.
func (d *dpor) performed(s *state, i int, e *task.Event) {
	a := &d.step
	switch {
	case conditional(e.Op) && e.Old == e.New:
		a.class = reads
		a.flags &^= full
	case e.Op.Info().Kind == task.Wait && e.Killable && e.Enabled != nil && !e.Interrupted:
		a.class, a.flags = waits, a.flags&^guarded
		if s.pending[i].who.Killed() { // it could have come before what it waited for
			a.class = reads
		}
	case e.Op == task.OpDownRead || e.Op == task.OpDownReadTrylock || e.Op == task.OpUpRead:
		if !s.weak && ksync.ReadersOnly(e.Old) { // otherwise the first hands on what it knows
			a.flags |= commutes
		}
	case e.Op == task.OpCall && looks(e) || e.Op == task.OpBarrier:
		d.runs |= 1 << i
		a.flags |= callbacks
	}
}

// sectionDomain and updatedDomain are [access].domain of a read section, and of what waits for such.
func sectionDomain(t *task.Task, section unsafe.Pointer) int8 {
	for i := range t.Sections {
		if unsafe.Pointer(&t.Sections[i]) == section {
			return int8(1 + i)
		}
	}
	return 0
}

// looks reports whether a call looks for the end of a grace period.
func looks(call *task.Event) bool { return (*ksync.Domain)(call.Addr).CallsLook() }

func updatedDomain(domain unsafe.Pointer) int8 { return int8(1 + (*ksync.Domain)(domain).Slot()) }

func (d *dpor) lived(_ *state, i int, base unsafe.Pointer, size uintptr) {
	known := len(d.cells.objects)
	n := d.cells.lived(base, size)
	switch {
	case i < 0: // before the first step
	case len(d.cells.objects) > known: // its first life: no other task can have come near it
	case n == 0, d.step.life != 0 && d.step.life != n: // a step has room for one
		d.step.flags |= dependsOnAll
	default:
		d.step.life = n
	}
}

func (d *dpor) pick(s *state) int {
	d.noteEnabled(s)
	n := s.steps
	if d.ceiling > 0 && n == d.ceiling {
		if d.arrive(s, n) {
			d.nodes = d.nodes[:n]
			d.emit(d)
		}
		return redundant
	}
	if n == len(d.nodes) && !d.arrive(s, n) {
		return redundant
	}
	i := d.nodes[n].task
	d.step = d.pending[i]
	return i
}

// noteEnabled notes which waits the last step allowed.
func (d *dpor) noteEnabled(s *state) {
	for woken := s.enabled &^ d.before; s.steps > 0 && woken != 0; woken &= woken - 1 {
		if i := woken.first(); i != s.last {
			d.allowed[i] = int32(s.steps)
		}
	}
	d.before = s.enabled
}

// arrive adds the node of a state that is new, and reports whether anything is left to be explored from there.
func (d *dpor) arrive(s *state, n int) bool {
	here := d.add()
	here.enabled, here.tried, here.choices, here.varies = s.enabled, 0, d.chosen, false
	if n > 0 {
		d.inherit(here, &d.nodes[n-1])
	}
	awake := s.enabled &^ here.sleep
	if awake == 0 {
		d.nodes = d.nodes[:n]
		return false
	}
	here.task = s.stay(awake)
	if n < len(d.given) {
		here.task = int(d.given[n])
	}
	here.backtrack = 1 << here.task
	if d.ceiling > 0 {
		here.backtrack = awake
	}
	return true
}

// inherit takes over the sleepers that the step from the node before leaves asleep.
func (r *route) inherit(n, from *node) {
	sleepers := r.sleepers(from)
	for i := range sleepers {
		if a := &sleepers[i]; int(a.task) != from.task && !dependent(a, &from.step) {
			r.put(n, a)
		}
	}
}

func (d *dpor) choose(_ *state, _, n int) int {
	if d.chosen == len(d.choices) {
		d.choices = append(d.choices, decision{0, 1<<n - 2, n})
	}
	d.chosen++
	return d.choices[d.chosen-1].taken
}

// stepped completes the step at the last node.
func (d *dpor) stepped(s *state, i int, broke bool) {
	n := s.steps - 1
	if broke {
		d.step.flags |= dependsOnAll
	}
	if n >= d.fresh {
		here := &d.nodes[n]
		here.varies = here.varies || d.again == n+1 && here.step != d.step
		here.step, here.bloom = d.step, d.step.bloom()
		here.clock = d.race(s, n, &d.step)
		here.clock[i] = int32(n + 1)
	}
	d.last[i] = int32(n + 1)
}

func (d *dpor) ended(s *state, how Ending) {
	if how == Redundant {
		return
	}
	if d.ceiling > 0 {
		d.emit(d)
	}
	// An operation that is still pending races, too, though it did not get its turn.
	for i := range s.tasks {
		if s.pending[i].Event != nil && !s.halted() {
			d.race(s, len(d.nodes), &d.pending[i])
		}
	}
}
