// Package task is the upper half of the seam through which every access to shared state passes.
//
// A [Task] is a simulated thread of control, the kernel's current. Every protocol function takes it first. What two
// tasks can share lives in the cells of package ksync; a cell announces each access to the task's [Observer], if it
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
	Epoch atomic.Uint64 // 0: outside; else the domain's epoch when the section began
	Depth int           // nesting, private to the task
	_     [112]byte
}

// Task is a simulated thread of control. A Task is used by one goroutine at a time.
type Task struct {
	Observer Observer // announced accesses go here; nil in a plain run
	Chooser  Chooser  // decides what may fail; nil: nothing fails
	Name     string
	ID       int // dense within a machine, the index of per-task data

	Counters Counters // this task's event counts, written by it alone

	pending  Event
	funcs    []string // the kernel functions it is in, kept only while observed
	onReport func(Violation)
	wake     chan struct{}
	killed   atomic.Bool

	_        [64]byte
	Sections [NumSlots]Section
}

// New returns a task. ID must be dense and unique within a machine; report receives broken rules and may be nil.
func New(id int, name string, report func(Violation)) *Task {
	return &Task{ID: id, Name: name, onReport: report, wake: make(chan struct{}, 1)}
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

// Kill delivers a fatal signal: killable waits end with EINTR. Any goroutine may call it.
func (t *Task) Kill() {
	t.killed.Store(true)
	t.Unpark()
}

// Killed reports whether a fatal signal is pending.
func (t *Task) Killed() bool { return t.killed.Load() }

// PrepareToWait forgets the wake-ups of earlier waits. It comes before the task tells others that it is going to wait.
func (t *Task) PrepareToWait() {
	select {
	case <-t.wake:
	default:
	}
}

// Unpark makes a parked task look at its condition again. Cells call it through ksync; it is not an announced event.
func (t *Task) Unpark() {
	select {
	case t.wake <- struct{}{}:
	default: // it has a wake-up to look at already
	}
}

// Choose asks the chooser to decide among n alternatives; 0 is what normally happens.
func (t *Task) Choose(what Choice, n int) int {
	if t.Chooser == nil {
		return 0
	}
	return t.Chooser.Choose(t, what, n)
}

// Choice names a decision that is not a scheduling decision.
type Choice string

// The choices the model offers.
const (
	AllocFails Choice = "alloc-fails" // 1: this allocation returns ENOMEM
	ReuseLater Choice = "reuse-later" // 1: this allocation takes fresh memory though freed memory is at hand
	GraceEnds  Choice = "grace-ends"  // 1: no grace period is looked for now
)

// Chooser decides choices. It must be safe for the tasks that share it.
type Chooser interface {
	Choose(t *Task, what Choice, n int) int
}

// Violation is a broken rule of the protocol, found while it ran.
type Violation struct {
	Oracle  string // its stable name: "refcount-underflow"
	Message string
	Task    string
	Func    string
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
	t.begin(Event{Op: op, Addr: addr})
}

// BeginWhen announces an operation that can be performed only while enabled holds.
func (t *Task) BeginWhen(op Op, addr unsafe.Pointer, enabled func() bool) {
	t.begin(Event{Op: op, Addr: addr, Enabled: enabled})
}

func (t *Task) begin(e Event) {
	e.Func = t.Func()
	t.pending = e // in the task, so that announcing does not allocate
	t.Observer.Before(t, &t.pending)
}

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
		t.begin(Event{Op: OpWakeUp, Addr: addr, Target: target})
		t.End(0, 0)
	}
}
