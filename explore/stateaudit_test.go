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
		name    string
		before  int
		then    []step
		learned uint32
		unlike  int
	}{
		{"the same, after more steps", 5, first, 0, 0},
		{"another task", 0, []step{{1, read(&x, 1)}, {1, read(&y, 2)}}, 0, 1},
		{"another cell", 0, []step{{0, read(&y, 1)}, {1, read(&y, 2)}}, 0, 1},
		{"another value", 0, []step{{0, read(&x, 3)}, {1, read(&y, 2)}}, 0, 1},
		{"another order", 0, []step{{1, read(&y, 2)}, {0, read(&x, 1)}}, 0, 1},
		{"another length", 0, first[:1], 0, 1},
		{"others, as more was learned", 0, first[:1], 1, 0},
	} {
		var a audit
		seen, key := map[stateHash]came{}, stateHash{1, 2}
		run := func(before int, steps []step, known uint32) {
			a.begin()
			for range before {
				a.step(0, read(&y, 7))
			}
			a.pass(key, seen[key], known)
			for _, s := range steps {
				a.step(s.task, s.e)
			}
			a.end(known, func(key stateHash, came came) { seen[key] = came })
		}
		run(2, first, 0)
		if run(c.before, c.then, c.learned); a.compare != 1-int(c.learned) || a.differ != c.unlike {
			t.Errorf("%s: %d compared, %d unlike, expected %d", c.name, a.compare, a.differ, c.unlike)
		}
	}
}
