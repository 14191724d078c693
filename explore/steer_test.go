package explore

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"vmasim/internal/task"
)

// TestSteer: the steps are those decided, and the tasks offered those that can go on.
func TestSteer(t *testing.T) {
	lock := func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.x.ReadOnce(t); w.a.Unlock(t) }
	var offered [][]int
	tr, err := Steer(program(lock, lock), func(enabled []int) int {
		offered = append(offered, enabled)
		return enabled[len(enabled)-1]
	}, Options{})
	if err != nil || tr.Found.Ending != Finished || !slices.Equal(tr.Found.Schedule.Tasks, []uint8{1, 1, 1, 0, 0, 0}) {
		t.Errorf("%v, %v", tr, err)
	}
	if !slices.EqualFunc(offered[:4], [][]int{{0, 1}, {1}, {1}, {0}}, slices.Equal) {
		t.Errorf("offered %v", offered)
	}
	if _, err := Steer(program(lock, lock), func([]int) int { return 0 }, Options{}); !errors.Is(err, errNondeterministic) {
		t.Errorf("a turn to a task that has ended: %v", err)
	}
}

// TestSteerIsPatient: a task that goes round for long is not held back, but for a search.
func TestSteerIsPatient(t *testing.T) {
	p := program(func(w *scriptWorld, t *task.Task) {
		for range 2 * spinSteps {
			w.x.ReadOnce(t)
		}
	})
	tr, err := Steer(p, func([]int) int { return 0 }, Options{})
	if err != nil || tr.Found.Ending != Finished {
		t.Errorf("%v, %v", tr, err)
	}
	if f := first(t, p, Options{}); f.Ending != Livelock {
		t.Errorf("a search: %v", f.Ending)
	}
}

// TestGoexit: a task that ends its goroutine ends the caller, and the others run their defers.
func TestGoexit(t *testing.T) {
	unwound, came := 0, false
	wait := func(w *scriptWorld, t *task.Task) {
		defer func() { unwound++ }()
		defer w.x.ReadOnce(t) // an operation while it is unwound
		for {
			w.x.WriteOnce(t, 1)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		steps := 0
		_, _ = Steer(program(wait, func(w *scriptWorld, t *task.Task) { w.x.ReadOnce(t); runtime.Goexit() }, wait), func([]int) int {
			steps++
			return []int{0, 2, 0, 1}[min(steps, 4)-1]
		}, Options{})
		came = true
	}()
	<-done
	if unwound != 2 || came {
		t.Errorf("%d tasks were unwound, the caller went on: %v", unwound, came)
	}
}
