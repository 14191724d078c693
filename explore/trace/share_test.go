package trace

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// TestShareOfBulkAccesses: a step on a whole page is shared with tasks that access a word of it, and with no other.
func TestShareOfBulkAccesses(t *testing.T) {
	memory := new([128]uint64)
	step := func(who string, op task.Op, word int, size uintptr) Step {
		return Step{Size: size, Record: Record{Addr: Address(unsafe.Pointer(&memory[word])), Summary: Summary{Task: who, Op: op}}}
	}
	steps := []Step{
		step("a", task.OpClearPage, 0, 512),
		step("a", task.OpClearPage, 64, 512),
		step("b", task.OpWriteOnce, 3, 0),
		step("b", task.OpReadOnce, 3, 0),
		step("a", task.OpCopyFrom, 0, 512),
		step("a", task.OpReadOnce, 64, 0),
	}
	share(steps)
	for i, want := range []bool{true, false, true, false, false, false} {
		if steps[i].Shared != want {
			t.Errorf("step %d: shared %v", i, steps[i].Shared)
		}
	}
}
