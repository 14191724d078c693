package driver

import "time"

// slice is how long a task runs before it lets others run. Go's own slice is 10 ms, and at its end Go preempts a goroutine anywhere, in what it
// does under a lock, too; a task that lets others run by itself, between two statements, holds nothing. A slice of so many statements would give
// a task that has long ones more of the CPUs.
const slice = 250 * time.Microsecond

// lookEvery is how many operations a task runs between two looks at the clock; where tasks share CPUs, they are its time slice.
const lookEvery = 64

// look is called between two operations: if the task's time slice is over, it publishes its counters and lets others run. If it has woken another
// it lets that one run, for which a kernel preempts it: the other may have been given what more tasks wait for. Go has a goroutine run next that
// was woken last.
func (w *worker) look() {
	woke := w.Task.Woke
	w.Task.Woke = false
	if w.untilLook > 0 && (w.cpu == nil || !w.cpu.slept) {
		if woke && w.cpu == nil {
			away := w.run.now()
			w.Yield()
			w.sliceEnds += w.run.now() - away
		}
		return
	}
	w.untilLook = lookEvery
	if w.cpu == nil && w.run.now() < w.sliceEnds {
		return
	}
	w.publish()
	w.Yield()
	w.sliceEnds = w.run.now() + slice
}
