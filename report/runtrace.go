package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vmasim/workloads/driver"
)

// Recording writes what runs do to a file, one run after the other.
type Recording interface {
	driver.Recorder
	// Start begins the recording of a run.
	Start(scenario string)
	// Finish ends it, and says in the file how much was recorded.
	Finish(r *driver.Result) error
}

// The events that are recorded in a second at most. Ten seconds of a trace are some 30 MB then, and of lines of JSON some 40 MB.
const (
	traceEvents = 60_000
	jsonEvents  = 25_000
)

// sampling says how much of a run was recorded.
func sampling(r *driver.Result) string {
	n := r.Recorded
	if n.LeftOut == 0 {
		return fmt.Sprintf("all of %s", plural(n.Statements, "statement"))
	}
	return fmt.Sprintf("%s of %s: the first of every 100 ms, and those in which a task slept", count(n.Statements), plural(n.Statements+n.LeftOut, "statement"))
}

// Sampling words how much of a run was recorded, in one line.
func Sampling(r *driver.Result) string {
	return fmt.Sprintf("%s: recorded %s", r.Scenario, sampling(r))
}

// NewTraceRecording returns a recording in Perfetto's format: each run is a process, each task a thread.
func NewTraceRecording(w io.Writer) Recording { return &traceRecording{p: newPerfetto(w, 1)} }

type traceRecording struct {
	p        *perfetto
	runs     uint64
	process  uint64
	threads  map[string]uint64
	counters map[string]uint64
	base     time.Duration // where the time of this run begins
	last     time.Duration
}

func (r *traceRecording) PerSecond() int { return traceEvents }

func (r *traceRecording) Start(scenario string) {
	r.runs++
	r.base = r.last
	r.process = r.p.process(r.runs, scenario)
	r.threads, r.counters = map[string]uint64{}, map[string]uint64{}
}

func (r *traceRecording) Record(events []driver.Event) error {
	for i := range events {
		e := &events[i]
		at := r.base + e.At
		r.last = max(r.last, at)
		if e.Kind == driver.Counted {
			track := r.counters[e.Name]
			if track == 0 {
				track = r.p.counter(r.process, e.Name)
				r.counters[e.Name] = track
			}
			r.p.count(uint64(at), track, e.Value)
			continue
		}
		track := r.threads[e.Task]
		if track == 0 {
			track = r.p.thread(r.runs, r.runs<<16|uint64(len(r.threads)+1), e.Task)
			r.threads[e.Task] = track
		}
		var args []argument
		for _, a := range e.Args {
			args = append(args, argument{a.Name, a.Value})
		}
		if e.Kind == driver.Begins {
			r.p.begin(uint64(at), track, spelled(e), args...)
		} else {
			r.p.end(uint64(at), track, args...)
		}
	}
	return r.p.err
}

// spelled names what begins.
func spelled(e *driver.Event) string {
	if e.What == "wait" {
		return "waits for " + e.Name
	}
	return e.Name
}

func (r *traceRecording) Finish(res *driver.Result) error {
	r.p.instant(uint64(r.base), r.process, "recorded "+sampling(res), argument{"rules", res.Rules})
	return r.p.err
}

// NewEventRecording returns a recording in lines of JSON.
func NewEventRecording(w io.Writer) Recording { return &eventRecording{to: encoderTo(w)} }

type eventRecording struct {
	to       *json.Encoder
	scenario string
}

// runEvent is a line of what a run does. docs/output.md tells what each key is.
type runEvent struct {
	Scenario string            `json:"scenario"`
	At       time.Duration     `json:"at_ns"`
	Event    string            `json:"event"`
	What     string            `json:"what"`
	Task     string            `json:"task,omitempty"`
	Name     string            `json:"name,omitempty"`
	Args     map[string]string `json:"args,omitempty"`
	Value    *float64          `json:"value,omitempty"`
}

var eventNames = [...]string{driver.Begins: "begin", driver.Ends: "end", driver.Counted: "count"}

func (r *eventRecording) PerSecond() int { return jsonEvents }

func (r *eventRecording) Start(scenario string) { r.scenario = scenario }

func (r *eventRecording) Record(events []driver.Event) error {
	for i := range events {
		e := &events[i]
		line := runEvent{Scenario: r.scenario, At: e.At, Event: eventNames[e.Kind], What: e.What, Task: e.Task, Name: e.Name}
		if e.Kind == driver.Counted {
			line.Value = &e.Value
		}
		for _, a := range e.Args {
			if line.Args == nil {
				line.Args = map[string]string{}
			}
			line.Args[a.Name] = a.Value
		}
		if err := r.to.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (r *eventRecording) Finish(res *driver.Result) error {
	return r.to.Encode(runEvent{Scenario: r.scenario, At: res.Elapsed, Event: "recorded", What: "statements", Name: sampling(res)})
}

// Recordings are several at once, of as many events as the one that wants least.
type Recordings []Recording

// PerSecond implements [driver.Recorder].
func (all Recordings) PerSecond() int {
	n := all[0].PerSecond()
	for _, r := range all[1:] {
		n = min(n, r.PerSecond())
	}
	return n
}

// Start implements [Recording].
func (all Recordings) Start(scenario string) {
	for _, r := range all {
		r.Start(scenario)
	}
}

// Record implements [driver.Recorder].
func (all Recordings) Record(events []driver.Event) error {
	var errs []error
	for _, r := range all {
		errs = append(errs, r.Record(events))
	}
	return errors.Join(errs...)
}

// Finish implements [Recording].
func (all Recordings) Finish(res *driver.Result) error {
	var errs []error
	for _, r := range all {
		errs = append(errs, r.Finish(res))
	}
	return errors.Join(errs...)
}
