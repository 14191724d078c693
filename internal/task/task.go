// Package task is the upper half of the seam through which every access to shared state passes.
//
// A [Task] is a simulated thread of control, the kernel's current. Every protocol function takes it first. State
// that tasks can share lives in the cells of package ksync; a cell announces each access to the task's [Observer], if it
// has one, and then performs it. Without an observer the announcement is one inlined nil check, so the same protocol
// code runs at full speed on goroutines and one step at a time under a scheduler.
//
// Blocking is written once: [Task.Await]. With a scheduling observer the task is disabled until the condition holds;
// without, it parks for real.
package task

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Slot indexes of the read-side sections a task can be inside of; see [Task.Section].
const (
	SlotRCU    = iota // rcu_read_lock
	SlotAccess        // a memory access through the page tables; the kernel's "interrupts off" of GUP-fast and the MMU
	NumSlots
)

// Section says that a task is inside a read-side section of one ksync.Domain. Only its task writes it; a grace period
// scans it. It has cache lines of its own, because a shared one costs ten times as much.
type Section struct {
	Epoch Word64 // 0: outside; else the domain's epoch when the section began
	Depth int    // nesting, private to the task
	_     [112]byte
}

// Task is a simulated thread of control. A Task is used by one goroutine at a time.
type Task struct {
	Observer Observer // announced accesses go here, and it decides what may fail; nil in a plain run
	Memory   Memory   // which values its loads see, if it has an observer; nil: the latest
	Mind     Mind     // follows what it remembers; nil: nothing does
	weakened Order    // of the next operation, in place of its own
	CPU      CPU      // what it runs on, where CPUs are few; nil: each task has one
	Name     string
	ID       int // dense within a machine, the index of per-task data

	// Processor is the index of the data of the CPU on which it runs, that of no other running task: smp_processor_id. It is the ID where each
	// task has a CPU; else it may be another after each sleep.
	Processor int

	Hint Hint // where its last walk of a tree of VMAs ended

	Counters Counters // this task's event counts, written by it alone
	Reached  Points   // where it has come to

	Meter      Meter  // measures what it waits for; nil: nothing does
	TimedFault uint64 // which fault, of those that the task has counted, its meter times next; 0: none

	pending  Event
	funcs    []string // the kernel functions it is in, kept only while observed
	onReport func(Violation)
	wake     chan struct{}
	killed   atomic.Bool
	prepared bool // see Prepared

	_        [64]byte
	Sections [NumSlots]Section
}

// Hint is where a task's last walk of a tree ended, for the next one, which is often near. A walk that is observed does without.
type Hint struct {
	Index  unsafe.Pointer // that was walked
	Holder unsafe.Pointer // what of it was found
	Entry  int            // in the holder's leaf
	Many   bool           // there are more leaves than a processor's own cache holds
	Walks  int            // of this index in a row
	Next   unsafe.Pointer // the VMA behind the one found, if walks among many go on in order; nil: none, or its lines have been fetched
}

// CPU is a processor that a task has while it runs, if there are fewer than tasks.
type CPU interface {
	Sleep(woken <-chan struct{}) // gives it up until woken holds something, which Sleep takes, and the task has one again
	Wake()                       // woken may hold something from now on
}

// New returns a task. ID must be dense and unique within a machine; report receives broken rules and may be nil.
func New(id int, name string, report func(Violation)) *Task {
	return &Task{ID: id, Processor: id, Name: name, onReport: report, wake: make(chan struct{}, 1)}
}

// Enter notes that the task runs the kernel function fn from here on; Leave ends it.
func (t *Task) Enter(fn string) {
	if t.Observer != nil {
		t.enter(fn)
	}
}

func (t *Task) enter(fn string) { t.funcs = append(t.funcs, fn) }

// Leave ends the function that Enter noted last.
func (t *Task) Leave() {
	if t.Observer != nil {
		t.leave()
	}
}

func (t *Task) leave() {
	if n := len(t.funcs); n > 0 {
		t.funcs = t.funcs[:n-1]
	}
}

// Func returns the kernel function the task is in, "" outside any. It is known only while the task is observed.
func (t *Task) Func() string {
	if n := len(t.funcs); n > 0 {
		return t.funcs[n-1]
	}
	return ""
}

// Stack returns the kernel functions the task is in, outermost first.
func (t *Task) Stack() []string { return t.funcs }

// Kill delivers a fatal signal: killable waits end with EINTR. by is the task that sends it; any goroutine may send it in
// the name of none, nil.
func (t *Task) Kill(by *Task) {
	if by != nil && by.Observer != nil {
		by.next(OpSendSig, unsafe.Pointer(&t.killed)).Target = t
		by.begin()
		t.die()
		by.End(0, 0)
		return
	}
	t.die()
}

func (t *Task) die() {
	t.killed.Store(true)
	t.Unpark()
}

// Revive makes a task that has ended one that no signal has reached and that has walked through no tree, to be used again.
func (t *Task) Revive() {
	t.killed.Store(false)
	t.Hint = Hint{} // whose memory another tree may have
}

// Killed reports whether a fatal signal is pending.
func (t *Task) Killed() bool { return t.killed.Load() }

// PrepareToWait forgets the wake-ups of earlier waits. It comes before the task tells others that it is going to wait.
func (t *Task) PrepareToWait() {
	t.prepared = true
	select {
	case <-t.wake:
	default:
	}
}

// Prepared reports whether a wake-up may matter to the task. Before it prepares to wait again, it forgets one that comes now.
func (t *Task) Prepared() bool { return t.prepared }

// Unpark makes a parked task look at its condition again. Cells call it through ksync; it is not an announced event.
func (t *Task) Unpark() {
	select {
	case t.wake <- struct{}{}:
	default: // it has a wake-up to look at already
	}
	if t.CPU != nil {
		t.CPU.Wake()
	}
}

// Violation is a broken rule of the protocol, found while it ran.
type Violation struct {
	Oracle  string `json:"oracle"` // its stable name: "refcount-underflow"
	Message string `json:"message"`
	Task    string `json:"task"`
	Func    string `json:"func"`

	Where string `json:"where"` // of a panic: the functions of this program, innermost first, one a line

	Stmt string `json:"-"` // the statement of a scenario in which it was found; "" for none
	Seen string `json:"-"` // of a result that was not expected: which one came, and where; "" for other oracles
}

func (v Violation) String() string {
	where := v.Task
	if v.Func != "" {
		where += " in " + v.Func
	}
	return fmt.Sprintf("%s: %s (%s)", v.Oracle, v.Message, where)
}

// Violate reports a broken rule. The task goes on: a laboratory shows what happens next.
func (t *Task) Violate(oracle, format string, args ...any) {
	v := Violation{Oracle: oracle, Message: fmt.Sprintf(format, args...), Task: t.Name, Func: t.Func()}
	if t.onReport != nil {
		t.onReport(v)
		return
	}
	panic(v.String())
}

// Begin announces an operation that is about to be performed on the cell at addr. End must follow, with no other
// operation of the task in between.
func (t *Task) Begin(op Op, addr unsafe.Pointer) {
	t.next(op, addr)
	t.begin()
}

// Hush is Begin of an operation that does not tell the task what it sees.
func (t *Task) Hush(op Op, addr unsafe.Pointer) {
	t.next(op, addr).Quiet = true
	t.begin()
}

// BeginWhen announces an operation that can be performed only while enabled holds.
func (t *Task) BeginWhen(op Op, addr unsafe.Pointer, enabled func() bool) {
	t.next(op, addr).Enabled = enabled
	t.begin()
}

// BeginRange announces a bulk operation on the size bytes at addr.
func (t *Task) BeginRange(op Op, addr unsafe.Pointer, size uintptr) {
	t.next(op, addr).Size = size
	t.begin()
}

// next makes the pending event one of an operation, with nothing said about it. It lies in the task, so that announcing does not
// allocate, and is made where it lies: copying one costs more than all the rest of announcing.
func (t *Task) next(op Op, addr unsafe.Pointer) *Event {
	e := &t.pending
	e.Op, e.Addr, e.Size, e.Func = op, addr, 0, t.Func()
	e.Enabled, e.Killable, e.Target = nil, false, nil
	e.Weakened, t.weakened = t.weakened, Plain
	e.Old, e.New, e.OldPtr, e.NewPtr, e.Interrupted, e.Quiet = 0, 0, nil, nil, false, false
	return e
}

func (t *Task) begin() { t.Observer.Before(t, &t.pending) }

// End announces that the operation was performed and which values it saw and left.
func (t *Task) End(old, new uint64) {
	t.pending.Old, t.pending.New = old, new
	t.Observer.After(t, &t.pending)
}

// EndPointer is End for a cell that holds a pointer.
func (t *Task) EndPointer(old, new unsafe.Pointer) {
	t.pending.OldPtr, t.pending.NewPtr = old, new
	t.End(uint64(uintptr(old)), uint64(uintptr(new)))
}

// Waking announces that the task makes target look at its condition again, through the cell at addr.
func (t *Task) Waking(addr unsafe.Pointer, target *Task) {
	if t.Observer != nil {
		t.next(OpWakeUp, addr).Target = target
		t.begin()
		t.End(0, 0)
	}
}
