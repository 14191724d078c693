package driver

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// EventKind says what an [Event] is.
type EventKind uint8

// The kinds of event.
const (
	Begins  EventKind = iota // of a statement, a fault or a wait, by its Name
	Ends                     // of the one of the task that has begun last
	Counted                  // a counter has a Value
)

// Event is something that a task has begun or ended, or what a counter says.
type Event struct {
	Kind EventKind
	At   time.Duration // since the run began
	Task string        // of a counter: ""
	What string        // "statement", "fault", "wait", or "counter"
	Name string        // what is done, handled, waited for or counted
	Args []Arg         // of an end: the result, who had what was waited for
	// Value is what a counter says.
	Value float64

	holder *holder // of a wait's end
}

// Arg tells more of an event.
type Arg struct{ Name, Value string }

// The kinds of what is begun.
const (
	doneStatement = "statement"
	doneFault     = "fault"
	doneWait      = "wait"
	doneCount     = "counter"
)

// Recorder is given the events of a run. Those of one task come in their order, and each that begins also ends.
type Recorder interface {
	// Record takes events. One task calls it at a time.
	Record(events []Event) error
	// PerSecond is how many events a second are wanted at most.
	PerSecond() int
}

// recordPeriod is how long one share of the events has to last. Statements are recorded until it is used up.
const recordPeriod = 100 * time.Millisecond

// sleptShare is the part of the events, 1/n of them, that is kept for statements in which a task has slept, which are recorded when the rest is
// used up, too.
const sleptShare = 4

// flushAfter is how many events a task keeps before they are recorded. By then it is known who had what it has waited for.
const flushAfter = 512

// manyEvents is how many a statement may have before only a sample of its further faults is recorded.
const manyEvents = 2000

// recorder divides what may be recorded among the tasks of a run.
type recorder struct {
	to     Recorder
	meters *meters
	share  int64

	left, kept atomic.Int64 // events in this period: for all, and for statements with a wait
	recorded   atomic.Uint64
	leftOut    atomic.Uint64 // statements

	mu  sync.Mutex // guards what follows, and to
	err error
}

func newRecorder(to Recorder, ms *meters) *recorder {
	if to == nil {
		return nil
	}
	r := &recorder{to: to, meters: ms, share: int64(to.PerSecond()) * int64(recordPeriod) / int64(time.Second)}
	r.renew()
	return r
}

// renew begins a period. A statement is recorded as a whole, so the last one may have used up some of the new share.
func (r *recorder) renew() {
	r.left.Store(min(r.left.Load(), 0) + r.share - r.share/sleptShare)
	r.kept.Store(min(r.kept.Load(), 0) + r.share/sleptShare)
}

// take reports whether n events of a statement may be recorded.
func (r *recorder) take(n int64, slept bool) bool {
	if r.left.Load() > 0 {
		r.left.Add(-n)
		return true
	}
	if slept && r.kept.Load() > 0 {
		r.kept.Add(-n)
		return true
	}
	return false
}

// record hands events on.
func (r *recorder) record(events []Event) {
	for i := range events {
		if e := &events[i]; e.holder != nil {
			if stack, kind := e.holder.known(); stack != noStack {
				e.Args = append(e.Args, Arg{"held by", r.meters.stacks.holding(stack)}, Arg{"holder's statement", kind.String()})
			}
			e.holder = nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && len(events) > 0 {
		r.err = r.to.Record(events)
	}
}

// recording is what one task records.
type recording struct {
	of     *recorder
	events []Event // of statements that are recorded, and of the one that the task is in
	begun  int     // where that begins in events
	slept  bool
	open   bool // the task is in a statement
	depth  int  // faults and waits in it that have begun
	stated map[*workloads.Stmt]string
}

// begin notes the beginning of a statement, and reports whether all of its faults are to be timed.
func (rec *recording) begin(at time.Duration, name string, s *workloads.Stmt) (faults bool) {
	text := rec.stated[s]
	if text == "" {
		if rec.stated == nil {
			rec.stated = map[*workloads.Stmt]string{}
		}
		text = interp.Stated(s)
		rec.stated[s] = text
	}
	rec.begun, rec.slept, rec.open, rec.depth = len(rec.events), false, true, 0
	rec.events = append(rec.events, Event{Kind: Begins, At: at, Task: name, What: doneStatement, Name: text})
	return rec.of.left.Load() > 0
}

// end notes the end of the statement, and forgets all of it if it is not to be recorded.
func (rec *recording) end(at time.Duration, name, result string, s *workloads.Stmt) {
	rec.open = false
	n := len(rec.events) - rec.begun + 1
	if !rec.of.take(int64(n), rec.slept) {
		rec.of.leftOut.Add(1)
		clear(rec.events[rec.begun:])
		rec.events = rec.events[:rec.begun]
		return
	}
	rec.of.recorded.Add(1)
	rec.events = append(rec.events, Event{Kind: Ends, At: at, Task: name, What: doneStatement, Args: []Arg{{"result", result}, {"at", fmt.Sprintf("%s:%d", s.Pos.File, s.Pos.Line)}}})
	if len(rec.events) >= flushAfter {
		rec.flush()
	}
}

// flush records what the task has kept. It is in no statement.
func (rec *recording) flush() {
	if rec == nil {
		return
	}
	if rec.open { // it was cut off
		rec.events = rec.events[:rec.begun]
	}
	rec.of.record(rec.events)
	rec.events, rec.begun = rec.events[:0], 0
}

// many reports whether the statement that the task is in has very many events.
func (rec *recording) many() bool { return rec != nil && len(rec.events)-rec.begun > manyEvents }

// note adds the beginning or the end of a fault or a wait to the statement that the task is in.
func (rec *recording) note(e Event) {
	if rec == nil || !rec.open {
		return
	}
	if e.Kind == Begins {
		rec.depth++
	} else if rec.depth--; rec.depth < 0 { // it began before the statement did
		rec.depth = 0
		return
	}
	rec.events = append(rec.events, e)
}

// sample samples the counters while workers run, until the function that it returns is called.
func (r *run) sample(workers []*worker) (stop func()) {
	if r.recorder == nil {
		return func() {}
	}
	r.recorded = append(r.recorded, workers...)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := r.machine.NewTask("counters")
		defer r.machine.EndTask(t)
		ticker := time.NewTicker(recordPeriod)
		defer ticker.Stop()
		for {
			r.counters(t)
			r.recorder.renew()
			select {
			case <-ticker.C:
			case <-done:
				r.counters(t)
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// counters records what the run has. The task is the sampler's.
func (r *run) counters(t *task.Task) {
	vmas, _, _ := r.machine.VMAs.Stats()
	var faults, fallen uint64
	for _, w := range r.recorded {
		c := w.counters()
		faults += c[task.PgFault]
		fallen += c[task.PgFaultMmapLock]
	}
	now := r.now()
	counts := []Event{{At: now, Name: "map_count", Value: float64(vmas)}, {At: now, Name: "frames", Value: float64(r.machine.Mem.InUse(t))}}
	if more := faults - r.seen[0]; more > 0 {
		counts = append(counts, Event{At: now, Name: "faults under mmap_lock, %", Value: 100 * float64(fallen-r.seen[1]) / float64(more)})
	}
	r.seen = [2]uint64{faults, fallen}
	for i := range counts {
		counts[i].Kind, counts[i].What = Counted, doneCount
	}
	r.recorder.record(counts)
}

// Recorded says how much of a run was recorded.
type Recorded struct {
	Statements, LeftOut uint64
}

// result says how much was recorded, and what kept it from being written.
func (r *recorder) result() (Recorded, error) {
	if r == nil {
		return Recorded{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Recorded{r.recorded.Load(), r.leftOut.Load()}, r.err
}
