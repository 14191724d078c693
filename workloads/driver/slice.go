package driver

import "time"

// slice is how long a task runs before it lets others run. Go's own slice is 10 ms, and at its end Go preempts a goroutine anywhere, in what it
// does under a lock, too; a task that lets others run by itself, between two statements, holds nothing. A slice of so many statements would give
// a task that has long ones more of the CPUs.
const slice = time.Millisecond

// lookEvery is how many operations a task runs between two looks at the clock.
const lookEvery = 64

// look is called between two operations, after lookEvery of them or when the task is to see whether another should run. When its time slice is
// over, it publishes its counters, too.
func (w *worker) look() {
	if w.untilLook == 0 {
		w.untilLook = lookEvery
		if w.run.now() < w.sliceEnds {
			return
		}
		w.publish()
	}
	w.Yield()
	w.sliceEnds = w.run.now() + slice
}
