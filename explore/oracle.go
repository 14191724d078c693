package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// Oracle watches the executions of one worker, one after the other, and reports broken rules to the function that
// [Options].Watch was given. An oracle of a few methods embeds [NoOracle].
type Oracle interface {
	// Before, After, Born and Died are those of [task.Observer], told in the order in which things happen and without the power
	// to delay them: Before comes when the operation is about to be performed, and nothing comes between it and After.
	Before(t *task.Task, e *task.Event)
	After(t *task.Task, e *task.Event)
	Born(t *task.Task, base unsafe.Pointer, layout *task.Layout)
	Died(t *task.Task, base unsafe.Pointer)

	// Tell gives what the oracle remembers of the execution, for the strategy States: with the state of the world it decides what the oracle
	// says of the steps to come. Oracles that judge by more than that see less with States.
	Tell(add func(uint64))

	// Reset forgets the last execution: another one begins.
	Reset()

	// Snapshot keeps what is known of the world that was just made, under a key, so that its making need not be watched again;
	// what was kept under other keys may be forgotten.
	Snapshot(key any)
	// Has reports whether Restore can return to what was kept under the key.
	Has(key any) bool
	// Restore returns to it: the world was made again, in the same way and at the same addresses.
	Restore(key any)
}

// NoOracle is an oracle that watches nothing.
type NoOracle struct{}

// Before implements [Oracle].
func (NoOracle) Before(*task.Task, *task.Event) {}

// After implements [Oracle].
func (NoOracle) After(*task.Task, *task.Event) {}

// Born implements [Oracle].
func (NoOracle) Born(*task.Task, unsafe.Pointer, *task.Layout) {}

// Died implements [Oracle].
func (NoOracle) Died(*task.Task, unsafe.Pointer) {}

// Tell implements [Oracle]: it remembers nothing.
func (NoOracle) Tell(func(uint64)) {}

// Reset implements [Oracle].
func (NoOracle) Reset() {}

// Snapshot implements [Oracle].
func (NoOracle) Snapshot(any) {}

// Has implements [Oracle]: every world is watched.
func (NoOracle) Has(any) bool { return false }

// Restore implements [Oracle].
func (NoOracle) Restore(any) {}
