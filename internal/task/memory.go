package task

import "unsafe"

// Memory is a memory model: it decides which of the values that a cell has held a load sees. A task that has none sees the latest.
type Memory interface {
	// See returns an older value that the load of the cell which is being performed sees in place of latest, if it does; may, if it is not
	// nil, says which values it could be. It is called between Before and After of the load.
	See(t *Task, cell unsafe.Pointer, latest uint64, may func(old uint64) bool) (old uint64, oldPtr unsafe.Pointer, stale bool)
	// Overtaken reports whether the store to the cell that is being performed takes its place before stores that were performed already: the
	// cell keeps latest.
	Overtaken(t *Task, cell unsafe.Pointer, latest uint64) bool
}

// Latest is the memory model of a task that is alone: it sees the latest. A missing order then changes nothing, nor the steps.
type Latest struct{}

// See implements [Memory].
func (Latest) See(*Task, unsafe.Pointer, uint64, func(uint64) bool) (uint64, unsafe.Pointer, bool) {
	return 0, nil, false
}

// Overtaken implements [Memory].
func (Latest) Overtaken(*Task, unsafe.Pointer, uint64) bool { return false }

// Reorders reports whether a memory model does what a missing order allows. Where none does, code performs its steps in an order that a processor
// may choose.
func (t *Task) Reorders() bool { return t.Memory != nil }

// Weaken has the task's next operation performed with a weaker memory order than its own, where a memory model reorders.
func (t *Task) Weaken(to Order) {
	if t.Memory != nil {
		t.weakened = to
	}
}

// Unordered is Weaken to nothing: the rule that asks for the order is missing.
func (t *Task) Unordered() { t.Weaken(Relaxed) }

// See is [Memory.See] of the task's memory model.
func (t *Task) See(cell unsafe.Pointer, latest uint64, may func(old uint64) bool) (old uint64, oldPtr unsafe.Pointer, stale bool) {
	if t.Memory == nil {
		return 0, nil, false
	}
	return t.Memory.See(t, cell, latest, may)
}

// Overtaken is [Memory.Overtaken] of the task's memory model.
func (t *Task) Overtaken(cell unsafe.Pointer, latest uint64) bool {
	return t.Memory != nil && t.Memory.Overtaken(t, cell, latest)
}

// Fence announces a barrier, where there is a memory model to which it matters.
func (t *Task) Fence(op Op) {
	if t.Memory != nil && t.Observer != nil {
		t.Begin(op, nil)
		t.End(0, 0)
	}
}

// overlooks reports whether a condition on the reference count at addr, which holds, does not hold for the task, because it sees an older
// count. No other task runs meanwhile.
func (t *Task) overlooks(addr unsafe.Pointer, cond func() bool) bool {
	if t.Memory == nil {
		return false
	}
	word := (*int32)(addr)
	now := *word
	defer func() { *word = now }()
	_, _, stale := t.See(addr, uint64(now), func(old uint64) bool {
		*word = int32(old)
		return !cond()
	})
	return stale
}
