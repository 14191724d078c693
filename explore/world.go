// Package explore runs small programs of tasks over the real protocol code, one step at a time, and searches their
// schedules for one that breaks a rule. A step is one announced operation ([task.Event]) with everything the task does up
// to its next one. Executions share nothing, so several workers search at once.
package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// Program is what is explored. It is used by several workers at once.
type Program interface {
	// NewWorld makes the state in which one execution begins; what that takes runs unscheduled. watch is told of every object
	// that is born, and report of every broken rule, from now on.
	NewWorld(watch Watcher, report func(task.Violation)) (World, error)
}

// World is the state of one execution.
type World interface {
	// Tasks returns the tasks to be scheduled, always the same ones in the same order.
	Tasks() []Task
	// Finish runs, unscheduled, what comes after the tasks have ended: final checks, which report violations, and the
	// teardown. It returns what the execution ended in, for comparing and counting: equal strings are equal outcomes.
	Finish() (outcome string)
	// Abandon drops the world of an execution that did not end: tasks may stand anywhere, with locks held.
	Abandon()
}

// Task is one task of a world.
type Task struct {
	Name string
	Task *task.Task // its Observer is set by the explorer while it runs
	Body func()
}

// Watcher is told of every access in the order in which they happen; see [task.Observer], whose calls it gets without the
// power to delay them. Oracles are watchers.
type Watcher interface {
	Before(t *task.Task, e *task.Event) // the operation is about to be performed, nothing comes between
	After(t *task.Task, e *task.Event)
	Born(t *task.Task, base unsafe.Pointer, layout *task.Layout)
	Died(t *task.Task, base unsafe.Pointer)
}

// Recaller is a [Watcher] that need not watch the same world being made twice. The one that a program gets is one.
type Recaller interface {
	// Remember keeps what is known of the world that was just made, under a key; it may forget others.
	Remember(key any)
	// Knows reports whether the key is of a world that is remembered.
	Knows(key any) bool
	// Recall returns to what was known then: the world was made again, in the same way and at the same addresses.
	Recall(key any)
}
