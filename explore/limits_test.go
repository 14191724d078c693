package explore

import (
	"context"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// TestManyTasks: a program has as many tasks as the explorer has room for, or is refused before its first step.
func TestManyTasks(t *testing.T) {
	of := func(tasks int) *scripted {
		p := program()
		for range tasks {
			p.bodies = append(p.bodies, func(w *scriptWorld, t *task.Task) { w.x.Add(t, 1) })
		}
		return p
	}
	for _, s := range Strategies() {
		o := Options{Strategy: s.Name, Executions: 3}
		if r := explored(t, of(maxTasks), o); r.Executions == 0 || r.Steps != maxTasks {
			t.Errorf("%s: %d executions of %d steps", s.Name, r.Executions, r.Steps)
		}
		if _, err := Search(context.Background(), of(maxTasks+1), o); err == nil || !strings.Contains(err.Error(), "17 tasks, at most 16") {
			t.Errorf("%s: one task too many: %v", s.Name, err)
		}
	}
}

// TestManyValues: a load is offered no more old values than a choice has room for, and the newest of them.
func TestManyValues(t *testing.T) {
	var cell unsafe.Pointer
	var values [2 * maxValues]int
	m := &memory{}
	m.reset()
	writer := task.New(0, "writer", nil)
	for i := 1; i < len(values); i++ {
		m.performed(0, writer, &task.Event{Op: task.OpStoreRelease, Addr: unsafe.Pointer(&cell),
			OldPtr: unsafe.Pointer(&values[i-1]), NewPtr: unsafe.Pointer(&values[i])})
	}
	older := m.overwritten(1, unsafe.Pointer(&cell))
	if len(older) != maxValues-1 || older[0] != unsafe.Pointer(&values[len(values)-2]) {
		t.Errorf("%d values", len(older))
	}
}
