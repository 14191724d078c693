package measure

import "time"

// Watch tells which part of the CPUs that it could have used this process got since the watch was started.
type Watch struct {
	machine *host
	start   usage
}

// usage is what the machine has counted so far.
type usage struct {
	at      time.Duration
	own     time.Duration // CPU time of this process
	others  time.Duration // CPU time of others on the CPUs of this process
	delayed time.Duration // that threads of this process were ready and had no CPU; negative: not known
}

// NewWatch starts a watch.
func NewWatch() *Watch {
	h := newHost()
	return &Watch{machine: h, start: h.usage()}
}

// Share returns how many CPUs so many tasks could use at once, and which part of them was there for them: 1 where the system does not tell.
func (w *Watch) Share(tasks int) (share float64, cpus int) {
	now := w.machine.usage()
	delayed := now.delayed - w.start.delayed
	if now.delayed < 0 || w.start.delayed < 0 {
		delayed = -1
	}
	cpus = min(tasks, w.machine.cpus())
	return shareOf(cpus, w.machine.cpus(), now.at-w.start.at, now.others-w.start.others, delayed), cpus
}

// Used returns the CPU time that this process has used since; 0 where the system does not tell.
func (w *Watch) Used() time.Duration { return w.machine.usage().own - w.start.own }

// shareOf is the part that threads got of the CPUs that they wanted, of so many. Of two bounds on what they have lost the smaller one counts.
// The CPU time of others may be time in which the threads slept, so less may be lost; and a thread that is ready and has no CPU may wait
// for one that wakes up, or for another of ours. A negative delay is not known.
func shareOf(wanted, cpus int, elapsed, others, delayed time.Duration) float64 {
	if elapsed <= 0 || wanted <= 0 {
		return 1
	}
	all := time.Duration(wanted) * elapsed
	lost := max(all+others-time.Duration(cpus)*elapsed, 0)
	if delayed >= 0 {
		lost = min(lost, delayed)
	}
	return 1 - float64(min(lost, all))/float64(all)
}
