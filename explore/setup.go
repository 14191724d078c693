package explore

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// This file is what a program is told to tell while it makes a world: the executor passes it on to the oracle and to the
// strategy. It also remembers a world, so that one that is made again in the same way need not be told of.

// setup is what was told while a world was made.
type setup struct {
	key   any
	lives []lifetime
}

// lifetime is the beginning of an object's life, or, with size 0, its end.
type lifetime struct {
	base unsafe.Pointer
	size uintptr
}

// Before implements [task.Observer].
func (x *Executor) Before(t *task.Task, e *task.Event) {
	if x.oracle != nil {
		x.oracle.Before(t, e)
	}
}

// After implements [task.Observer].
func (x *Executor) After(t *task.Task, e *task.Event) {
	if x.oracle != nil {
		x.oracle.After(t, e)
	}
}

// Born implements [task.Observer].
func (x *Executor) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	x.lived(base, max(layout.Size, 1))
	if x.layouts != nil {
		x.layouts[base] = layout
	}
	if x.oracle != nil {
		x.oracle.Born(t, base, layout)
	}
}

// Died implements [task.Observer].
func (x *Executor) Died(t *task.Task, base unsafe.Pointer) {
	x.lived(base, 0)
	if x.oracle != nil {
		x.oracle.Died(t, base)
	}
}

// lived passes on a birth or a death, which belongs to the making of the world before the first step.
func (x *Executor) lived(base unsafe.Pointer, size uintptr) {
	if !x.running {
		x.lives = append(x.lives, lifetime{base, size})
	}
	if x.views != nil {
		x.views.cells.lived(base, size)
	}
	if x.tracker != nil {
		x.tracker.lived(&x.state, x.current(), base, size)
	}
}

// Snapshot keeps what was told of the world that was just made, under a key; what was kept under another is forgotten.
func (x *Executor) Snapshot(key any) {
	x.known = setup{key, slices.Clone(x.lives)}
	if x.oracle != nil {
		x.oracle.Snapshot(key)
	}
}

// Has reports whether what was told of the key's world is known, so that Restore stands for telling it again.
func (x *Executor) Has(key any) bool {
	return x.known.key == key && (x.oracle == nil || x.oracle.Has(key))
}

// Restore says that the key's world was made again, in the same way and at the same addresses.
func (x *Executor) Restore(key any) {
	for _, l := range x.known.lives {
		x.lived(l.base, l.size)
	}
	if x.oracle != nil {
		x.oracle.Restore(key)
	}
}

// Trail returns what was decided so far. It is valid until the execution ends, and must not be changed.
func (x *Executor) Trail() *Schedule { return &x.trail }
