package program

import (
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/task"
)

// solo is the observer of a task that runs while no other does: it passes on what the task does, and gives up where the task
// would wait for ever.
type solo struct {
	task.NoObserver
	watch *explore.Executor // is told what the task does; nil: it is told nothing
}

// stuckError says that a task waits though no other runs.
type stuckError struct{ what string }

func (e stuckError) Error() string { return "nobody is left who could end the wait in " + e.what }

// Before implements [task.Observer].
func (o *solo) Before(t *task.Task, e *task.Event) {
	if e.Enabled != nil && !e.Enabled() {
		where := e.Op.String()
		if e.Func != "" {
			where += " (" + e.Func + ")"
		}
		panic(stuckError{where})
	}
	if o.watch != nil {
		o.watch.Before(t, e)
	}
}

// After implements [task.Observer].
func (o *solo) After(t *task.Task, e *task.Event) {
	if o.watch != nil {
		o.watch.After(t, e)
	}
}

// Born implements [task.Observer].
func (o *solo) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	if o.watch != nil {
		o.watch.Born(t, base, layout)
	}
}

// Died implements [task.Observer].
func (o *solo) Died(t *task.Task, base unsafe.Pointer) {
	if o.watch != nil {
		o.watch.Died(t, base)
	}
}
