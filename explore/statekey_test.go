package explore

import (
	"testing"

	"vmasim/internal/task"
)

// TestTells: an operation tells its task what the kernel's code asks of it, and no more.
func TestTells(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b task.Event
		same bool
	}{
		{"a store tells nothing", task.Event{Op: task.OpWriteOnce, Old: 1, New: 2}, task.Event{Op: task.OpWriteOnce, Old: 3, New: 2}, true},
		{"a load tells the value", task.Event{Op: task.OpReadOnce, Old: 1}, task.Event{Op: task.OpReadOnce, Old: 2}, false},
		{"other readers", task.Event{Op: task.OpDownRead, Old: 0, New: 1}, task.Event{Op: task.OpDownRead, Old: 1, New: 2}, true},
		{"a wait", task.Event{Op: task.OpDownRead, Old: 0, New: 1}, task.Event{Op: task.OpDownRead, Old: 1 << 32, New: 3 << 32}, true},
		{"a count that leaves some", task.Event{Op: task.OpRefDecAndTest, Old: 3, New: 2}, task.Event{Op: task.OpRefDecAndTest, Old: 2, New: 1}, true},
		{"the last reference", task.Event{Op: task.OpRefDecAndTest, Old: 2, New: 1}, task.Event{Op: task.OpRefDecAndTest, Old: 1, New: 0}, false},
		{"a writer that waits", task.Event{Op: task.OpRefDecAndTest, Old: 2 | 1<<30, New: 1 | 1<<30}, task.Event{Op: task.OpRefDecAndTest, Old: 3 | 1<<30, New: 2 | 1<<30}, false},
		{"no reference", task.Event{Op: task.OpRefIncNotZero, Old: 0, New: 0}, task.Event{Op: task.OpRefIncNotZero, Old: 1, New: 2}, false},
		{"a sum", task.Event{Op: task.OpFetchAdd, Old: 1, New: 2}, task.Event{Op: task.OpFetchAdd, Old: 2, New: 3}, false},
		{"a sum that is not asked for", task.Event{Op: task.OpFetchAdd, Quiet: true, Old: 1, New: 2}, task.Event{Op: task.OpFetchAdd, Quiet: true, Old: 2, New: 3}, true},
	} {
		if same := tells(&c.a) == tells(&c.b); same != c.same {
			t.Errorf("%s: told the same: %v", c.name, same)
		}
	}
}

// TestMarks: what was told since a mark is forgotten but for what is kept.
func TestMarks(t *testing.T) {
	told := func(values []uint64, keep uint64) stateHash {
		var k stateKey
		k.begin()
		k.local[0].see(5)
		m := k.mark(0)
		for _, v := range values {
			k.local[0].see(v)
		}
		k.keep(0, m, keep)
		return k.local[0].saw
	}
	if told([]uint64{1, 2}, 9) != told([]uint64{3}, 9) {
		t.Error("what was told before counts though it is forgotten")
	}
	if told([]uint64{1}, 9) == told([]uint64{1}, 8) {
		t.Error("what is kept does not count")
	}
	inner := func(both bool) stateHash {
		var k stateKey
		k.begin()
		outer := k.mark(0)
		k.keep(0, k.mark(0), 9)
		if both {
			k.keep(0, outer, 9)
		}
		return k.local[0].saw
	}
	if inner(false) == inner(true) {
		t.Error("a task inside what it will forget is as one behind it")
	}
}
