package explore

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// TestAudit: what comes of a state is told from what came of it before by each step, its task, its cell and what it tells.
func TestAudit(t *testing.T) {
	var x, y uint64
	read := func(at *uint64, v uint64) *task.Event {
		return &task.Event{Op: task.OpReadOnce, Addr: unsafe.Pointer(at), Old: v, New: v}
	}
	type step struct {
		task int
		e    *task.Event
	}
	first := []step{{0, read(&x, 1)}, {1, read(&y, 2)}}
	for _, c := range []struct {
		name   string
		before int
		then   []step
		unlike int
	}{
		{"the same, after more steps", 5, first, 0},
		{"another task", 0, []step{{1, read(&x, 1)}, {1, read(&y, 2)}}, 1},
		{"another cell", 0, []step{{0, read(&y, 1)}, {1, read(&y, 2)}}, 1},
		{"another value", 0, []step{{0, read(&x, 3)}, {1, read(&y, 2)}}, 1},
		{"another order", 0, []step{{1, read(&y, 2)}, {0, read(&x, 1)}}, 1},
		{"another length", 0, first[:1], 1},
	} {
		var a audit
		seen, key := map[stateHash]uint32{}, stateHash{1, 2}
		run := func(before int, steps []step) {
			a.begin()
			for range before {
				a.step(0, read(&y, 7))
			}
			a.pass(key, seen[key])
			for _, s := range steps {
				a.step(s.task, s.e)
			}
			a.end(func(key stateHash, came uint32) { seen[key] = came })
		}
		run(2, first)
		if run(c.before, c.then); a.compare != 1 || a.differ != c.unlike {
			t.Errorf("%s: %d compared, %d unlike, expected %d", c.name, a.compare, a.differ, c.unlike)
		}
	}
}
