// Package check holds the oracles: watchers that decide, while an execution of a few tasks runs one step at a time, whether
// it breaks a rule of the protocol. [Oracles] lists them.
//
// A [Checker] is one watcher for all oracles that it was made with: they share one look-up of the cell that an event is about,
// one table of objects and one of locks held. Most of what it knows it derives from the events; what a VMA or an mm holds at
// the moment it reads, because nothing runs beside it.
//
// Facts that the stream lacks, and how the checker makes do:
//
//   - The birth of an mm_struct: it is adopted when a VMA comes to point to it or its mm_lock_seq first moves. Locks taken
//     before that have no class.
//   - Locks in objects whose birth was not told: they have no class, so they are in no lock order; an unknown spinlock held passes
//     for page_table_lock.
//   - When an object comes into the sight of others: it is its maker's alone until another task has touched it.
//   - The mm and the address that lock_vma_under_rcu was asked for: see [Checker.Target]. Without it the mm is the one whose
//     mm_lock_seq vma_start_read has looked at.
package check

import (
	"fmt"
	"strings"
	"unsafe"

	"vmasim/internal/lockorder"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Checker watches the executions of one worker, one after the other. It is used by one goroutine at a time.
type Checker struct {
	task.NoObserver // of what oracles have no use for

	// Name returns what the reader calls an address space, "" if that is not known: then its number among them is its name. nil: never known.
	Name func(base unsafe.Pointer) string

	// Target returns what the task is accessing: the mm, nil if that is not known, and the address. nil: never known.
	Target func(t *task.Task) (mm *vma.MMLock, addr uint64, known bool)

	on     set
	report func(task.Violation)
	ops    [task.NumOps]opClass
	tso    bool

	wanted  [len(oracleTable)]bool
	tasks   []*taskState // by task ID
	cells   cellTable
	objects []object
	shapes  []*shape
	locks   []lockState
	plains  []plainWord
	relied  []reliance
	ordered bool  // an oracle that is on asks what orders steps
	init    clock // what every task has seen when it begins
	grace   clock // what those have seen that asked for a grace period
	order   *lockOrder
	from    *Snapshot // that the execution began from; nil: from nothing
}

// opClass is what the checker needs to know of an operation.
type opClass struct {
	kind  task.Kind
	order task.Order
}

// taskState is what the checker knows about one task.
type taskState struct {
	task  *task.Task
	index int32

	held       []held      // locks, in the order taken
	waiting    held        // the lock that it queued for, until it gets it
	refs       []vmaRef    // on VMAs, in the order taken
	unreturned int         // refs whose taker has not returned them yet
	released   []unlocked  // VMAs that it has unlocked and not found again
	lookupMM   *vma.MMLock // whose mm_lock_seq it read last in vma_start_read
	detaching  int32       // the VMA that it is detaching, -1: none
	left       int32       // the vm_refcnt that its last step on that left behind
	confirming int32       // the VMA on which its reference has just become a read lock, -1: none
	table      int32       // the page table that it made last, whose lock comes next, -1: none
	locking    []vmaLife   // VMAs that it has write-locked in this write section
	walking    bool        // it has read the root of a tree since it last held nothing that keeps nodes from being freed
	excluding  int32       // VMAs whose readers it keeps out

	now      clock                // what it has seen
	later    clock                // what control dependencies order its stores after
	woken    clock                // what those have seen that woke it
	sections [task.NumSlots]clock // what it had seen when it ended its last one
	inside   [task.NumSlots]bool  // it is in one

	ended         clock                 // what those had seen whose sections had ended when it last dealt with grace periods
	graced        clock                 // what the grace period that it has begun orders before its end
	synchronizing bool                  // it has begun one and waits
	awaitedBy     [task.NumSlots]uint64 // the tasks, by index, whose grace periods wait for its section
}

// vmaLife is a VMA in one of its lives.
type vmaLife struct {
	object int32
	life   uint32
}

// unlocked is a VMA that a task has unlocked.
type unlocked struct {
	vmaLife
	mm *vma.MMLock // that it belonged to
}

// New returns a checker with the named oracles. Names of oracles that only others report are allowed and change nothing; see
// [Checker.Wants]. Without names it watches nothing.
func New(report func(task.Violation), names ...string) (*Checker, error) {
	c := &Checker{report: report, cells: newCellTable(), order: newLockOrder(lockorder.Declared())}
	for _, name := range names {
		i, err := find(name)
		if err != nil {
			return nil, err
		}
		c.wanted[i] = true
		if i < int(numWatched) {
			c.on |= 1 << i
		}
	}
	c.ordered = c.on.anyOf(DataRace, ReaderAndWriter, TwoWriters, LockRule, LockOrder, StaleNode)
	for op := range task.NumOps {
		info := op.Info()
		c.ops[op] = opClass{info.Kind, info.Order}
	}
	return c, nil
}

// TSO has marked accesses order as x86 orders them, whatever they ask for: loads acquire, stores release, and a read-modify-write does both.
func (c *Checker) TSO() {
	c.tso = true
	for op := range c.ops {
		if o := &c.ops[op]; o.order == task.Relaxed {
			o.order = map[task.Kind]task.Order{task.Read: task.Acquire, task.Write: task.Release, task.RMW: task.Full}[o.kind]
		}
	}
}

// Wants reports whether the checker was made with the named oracle, so that what others report under it counts.
func (c *Checker) Wants(name string) bool {
	i, err := find(name)
	return err == nil && c.wanted[i]
}

// Report replaces the function that receives what the oracles find.
func (c *Checker) Report(report func(task.Violation)) { c.report = report }

// Reset forgets the execution, for the next one.
func (c *Checker) Reset() {
	for _, ts := range c.tasks {
		ts.reset()
	}
	c.cells.truncate(0)
	c.forget()
}

// forget is Reset but for tasks and cells.
func (c *Checker) forget() {
	c.from = nil
	clear(c.objects)
	c.objects = c.objects[:0]
	for _, s := range c.shapes {
		s.births = 0
	}
	c.locks = c.locks[:0]
	c.plains = c.plains[:0]
	c.relied = c.relied[:0]
	c.init, c.grace = c.init[:0], c.grace[:0]
	c.order.reported = c.order.reported[:0]
}

func (ts *taskState) reset() {
	clear(ts.held)
	*ts = taskState{
		index: ts.index, held: ts.held[:0], refs: ts.refs[:0], released: ts.released[:0], locking: ts.locking[:0],
		detaching: -1, confirming: -1, table: -1,
		now: ts.now[:0], later: ts.later[:0], woken: ts.woken[:0], ended: ts.ended[:0], graced: ts.graced[:0],
		sections: [task.NumSlots]clock{ts.sections[0][:0], ts.sections[1][:0]},
	}
}

// Start says that what was watched so far set the world up: all of it comes before every task's first step. It is needed only
// where plain words are set without the locks that protect them.
func (c *Checker) Start() {
	for _, ts := range c.tasks {
		c.init.join(ts.now)
	}
	for _, ts := range c.tasks {
		ts.now.join(c.init)
		ts.now.tick(ts.index)
	}
}

// Finish checks what must hold when all tasks have ended. Steps that one task makes afterwards come after all others.
func (c *Checker) Finish() {
	for _, ts := range c.tasks {
		if ts.task != nil {
			c.taskEnds(ts)
		}
	}
	for n := range c.objects {
		if o := &c.objects[n]; o.alive && o.isVMA() && c.on.has(StrayFlag) && o.refcnt()&vma.VMALockOffset != 0 {
			c.failAt(StrayFlag, "", "", "%s is left with vm_refcnt %#x", o, o.refcnt())
		}
	}
	c.Start()
}

func (c *Checker) taskEnds(ts *taskState) {
	if ts.unreturned > 0 || ts.detaching >= 0 {
		c.progress(ts, "")
	}
	for i := range ts.refs {
		if r := &ts.refs[i]; c.on.has(ReaderLeft) {
			c.failAt(ReaderLeft, ts.task.Name, r.fn, "%s ends with a reference on %s, taken in %s", ts.task.Name, &c.objects[r.object], r.fn)
		}
	}
	for i := range ts.held {
		if h := &ts.held[i]; c.on.has(LockLeftHeld) {
			c.failAt(LockLeftHeld, ts.task.Name, h.stack.inner(), "%s ends with %s held, taken in %s", ts.task.Name, c.lockName(h), h.stack.inner())
		}
	}
}

// taskOf returns the state of a task.
func (c *Checker) taskOf(t *task.Task) *taskState {
	if t.ID < len(c.tasks) {
		if ts := c.tasks[t.ID]; ts.task == t {
			return ts
		}
	}
	return c.addTask(t)
}

func (c *Checker) addTask(t *task.Task) *taskState {
	for len(c.tasks) <= t.ID {
		c.tasks = append(c.tasks, &taskState{index: int32(len(c.tasks)), detaching: -1, confirming: -1, table: -1})
	}
	ts := c.tasks[t.ID]
	if ts.task != nil { // otherwise it is as reset has left it
		ts.reset()
	}
	ts.task = t
	ts.now.set(c.init)
	ts.now.tick(ts.index)
	return ts
}

// Before implements [task.Observer]: an operation is about to be performed. The task's earlier ones have returned.
func (c *Checker) Before(t *task.Task, e *task.Event) {
	if ts := c.taskOf(t); ts.unreturned > 0 || ts.detaching >= 0 {
		c.progress(ts, e.Func)
	}
}

// After implements [task.Observer]: an operation was performed.
func (c *Checker) After(t *task.Task, e *task.Event) {
	ts := c.taskOf(t)
	op := c.ops[e.Op]
	if e.Weakened != task.Plain && !c.tso {
		op.order = e.Weakened
	}
	switch e.Op {
	case task.OpSectionBegin:
		c.sectionBegins(ts, e)
		return
	case task.OpSectionEnd:
		c.sectionEnds(ts, e)
		return
	case task.OpSchedule:
		ts.now.join(ts.woken)
		return
	case task.OpWakeUp:
		if e.Target != nil {
			c.wakes(ts, e.Target)
		}
		return
	case task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpStartPoll, task.OpPoll:
		c.graceEvent(ts, e)
	case task.OpSeqBegin:
		c.adopt(ts.index, mmOfSeq(e.Addr))
	case task.OpDownRead, task.OpDownReadTrylock, task.OpDownWrite, task.OpDownWriteTrylock:
		if strings.HasPrefix(e.Func, "mmap_") { // mmap_read_lock and its like, whose lock is the first field
			c.adopt(ts.index, (*vma.MMLock)(e.Addr))
		}
	}
	if e.Size > 0 {
		c.bulkEvent(ts, e, op)
		return
	}
	n, known := c.cellOf(e.Addr, op)
	if !known {
		c.wordEvent(ts, e, op)
		return
	}
	k := &c.cells.cells[n]
	if k.object < 0 || k.frame >= 0 {
		c.place(k)
	}
	if k.object >= 0 {
		c.objectEvent(ts, e, k, op)
		k = &c.cells.cells[n] // adopting may have moved it
		if k.frame >= 0 {
			c.frameAccess(ts, e, k.frame, op)
		}
	}
	switch {
	case op.kind == task.Lock || op.kind == task.Try || op.kind == task.Unlock || op.kind == task.Wait:
		c.lockEvent(ts, e, n, op)
		if k = &c.cells.cells[n]; k.role == vmaLockRole {
			c.vmaLockTaken(ts, e, k.object)
		}
	case op.order == task.Plain:
		if c.on.has(DataRace) {
			c.plainEvent(ts, e, k)
		}
	case !c.ordered:
	default:
		c.orderEvent(ts, e, k, op)
	}
	if ts.confirming >= 0 { // only now is it known what the step has shown the task
		c.confirm(ts, &ts.refs[ts.refOn(ts.confirming)])
		ts.confirming = -1
	}
}

// cellOf returns the index of the cell at addr. A relaxed access to a cell that has seen only such accesses says nothing, and
// makes it no known cell: a program's memory would become as many.
func (c *Checker) cellOf(addr unsafe.Pointer, op opClass) (int32, bool) {
	if op.order == task.Relaxed && op.kind != task.RMW {
		n := c.cells.find(addr)
		return n, n >= 0
	}
	return c.cells.get(addr), true
}

// objectEvent checks an access to an object against the object's state.
func (c *Checker) objectEvent(ts *taskState, e *task.Event, k *cell, op opClass) {
	o := &c.objects[k.object]
	c.touches(ts, o)
	write := op.kind == task.Write || op.kind == task.RMW && e.Old != e.New
	// An access is reported once, by the oracle that knows best.
	wrong := !o.alive && c.deadAccess(ts, e, k, write || op.kind > task.RMW)
	if len(ts.released) > 0 && o.isVMA() {
		wrong = c.afterUnlock(ts, e, k.object, wrong) || wrong
	}
	switch o.shape.kind {
	case vmaKind:
		c.vmaEvent(ts, e, k.object, k.role, write && e.Op != task.OpSetBit) // which changes nothing that a reader relies on
	case mmKind:
		c.mmEvent(ts, e, k.object, k.role, op)
	case treeKind:
		c.treeEvent(ts, k, op)
	case inodeKind:
		c.inodeEvent(ts, e, k.object, k.role, op)
	case vmaLockKind:
		c.vmaLockGiven(ts, e, k.object)
	}
	ruled := k.writeRuled
	if !write {
		ruled = k.readRuled && !(k.rcuReads && op.kind == task.Read && ts.inRCU()) // as most look-ups read
	}
	if ruled && !wrong && op.kind <= task.RMW && c.on.has(LockRule) {
		c.ruleEvent(ts, e, k, write)
	}
}

func (c *Checker) fail(o Oracle, t *task.Task, format string, args ...any) {
	c.failAt(o, t.Name, t.Func(), format, args...)
}

// failAt reports what an oracle has found, in a task and function that may be "".
func (c *Checker) failAt(o Oracle, who, fn, format string, args ...any) {
	c.report(task.Violation{Oracle: o.String(), Message: fmt.Sprintf(format, args...), Task: who, Func: fn})
}
