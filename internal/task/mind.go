package task

import "unsafe"

// Mind follows what a task remembers, which its operations have told it. Code says where it has come to remember little: what goes on
// then depends on no more of what it was told.
type Mind interface {
	// Mark returns a mark of what the task remembers now.
	Mark(t *Task) (mark int)
	// Keep says that of all that the task was told since the mark it remembers what, and nothing else.
	Keep(t *Task, mark int, what uint64)
	// Forget says that what lies in memory is of no matter until it is written again.
	Forget(t *Task, base unsafe.Pointer, size uintptr)
}

// Forget is [Mind.Forget] of the task's mind.
func (t *Task) Forget(base unsafe.Pointer, size uintptr) {
	if t.Mind != nil {
		t.Mind.Forget(t, base, size)
	}
}

// Mark is [Mind.Mark] of the task's mind, if anything follows it. Only a task with an observer has one: hot paths ask for the observer before.
func (t *Task) Mark() (mark int) {
	if t.Mind != nil {
		mark = t.Mind.Mark(t)
	}
	return mark
}

// KeepError is Keep of whether there was an error.
func (t *Task) KeepError(mark int, err error) {
	what := uint64(0)
	if err != nil {
		what = 1
	}
	t.Keep(mark, what)
}

// Learn says that the task has read what no event tells.
func (t *Task) Learn(what uint64) {
	if t.Mind != nil {
		t.Mind.Keep(t, t.Mind.Mark(t), what)
	}
}

// Keep is [Mind.Keep] of the task's mind.
func (t *Task) Keep(mark int, what uint64) {
	if t.Mind != nil {
		t.Mind.Keep(t, mark, what)
	}
}
