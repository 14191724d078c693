package driver

import (
	"testing"
	"time"

	"vmasim/internal/task"
)

// TestSliceIsOfTime: a task publishes its counters, and lets others run, when its time slice is over, however many operations that is.
func TestSliceIsOfTime(t *testing.T) {
	w, _, end := loopWorker(t, "touch A write")
	defer end()
	w.publish()
	r, begun := w.run, w.counters()[task.PgFault]
	step := func(want uint64, why string) {
		t.Helper()
		w.Task.Counters[task.PgFault]++
		w.untilLook = 0
		w.look()
		if got := w.counters()[task.PgFault] - begun; got != want || w.untilLook != lookEvery {
			t.Errorf("%s: %d faults are published, expected %d; next look after %d", why, got, want, w.untilLook)
		}
	}
	w.sliceEnds = 0
	step(1, "a slice that is over")
	w.sliceEnds = r.now() + time.Hour
	step(1, "within the slice")
	w.sliceEnds = r.now()
	step(3, "the slice is over")
	if left := w.sliceEnds - r.now(); left <= 0 || left > slice {
		t.Errorf("%v of the next slice are left", left)
	}
}
