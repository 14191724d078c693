package driver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// eventLog is a recorder that keeps what it is given.
type eventLog struct {
	mu     sync.Mutex
	events []Event
	rate   int
	err    error
	first  func() // called when there is a statement among them
}

func (l *eventLog) PerSecond() int { return l.rate }

func (l *eventLog) Record(events []Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first != nil && events[0].What == "statement" {
		l.first()
		l.first = nil
	}
	l.events = append(l.events, events...)
	return l.err
}

// nest checks that the events of each task are in order and in pairs, and counts what begins.
func (l *eventLog) nest(t *testing.T) (begun map[string]int) {
	t.Helper()
	begun = map[string]int{}
	open, last := map[string][]string{}, map[string]time.Duration{}
	for _, e := range l.events {
		if e.Kind == Counted {
			begun[e.Name]++
			continue
		}
		if e.At < last[e.Task] {
			t.Fatalf("%+v comes after %v", e, last[e.Task])
		}
		last[e.Task] = e.At
		stack := open[e.Task]
		switch {
		case e.Kind == Begins:
			if (len(stack) == 0) != (e.What == "statement") {
				t.Fatalf("%+v begins in %v", e, stack)
			}
			begun[e.What]++
			open[e.Task] = append(stack, e.What)
		case len(stack) == 0 || stack[len(stack)-1] != e.What:
			t.Fatalf("%+v ends in %v", e, stack)
		default:
			open[e.Task] = stack[:len(stack)-1]
		}
	}
	for task, stack := range open {
		if len(stack) > 0 {
			t.Errorf("%s: %v do not end", task, stack)
		}
	}
	return begun
}

const recordedRun = `
init
	mmap A 256K rw private anon
thread churner * 2
	for 300ms
		mmap B 64K rw private anon
		touch B 64K write
		munmap B
thread reader * 2
	for 300ms
		touch A 256K write
		madvise A 256K dontneed
`

// TestRecordedRun: what is recorded nests, is all where there is room, and no more than is wanted where there is none.
func TestRecordedRun(t *testing.T) {
	small := `
thread one
	repeat 3
		mmap B 64K rw private anon
		touch B 64K write
		munmap B
`
	log := &eventLog{rate: 1_000_000}
	r := mustPass(t, small, Options{Recorder: log})
	if begun := log.nest(t); begun["statement"] != 9 || begun["fault"] != 48 || begun["map_count"] < 2 || begun["frames"] < 2 || r.Recorded != (Recorded{Statements: 9}) {
		t.Errorf("of 9 statements and 48 faults %v, %+v", begun, r.Recorded)
	}
	log = &eventLog{rate: 1_000_000}
	mustPass(t, "thread one\n\tmmap B 32M rw private anon\n\ttouch B 32M write\n", Options{Recorder: log})
	if begun := log.nest(t); begun["fault"] < manyEvents/2-1 || begun["fault"] > manyEvents/2+8192/32 {
		t.Errorf("of a statement with 8192 faults %d are recorded", begun["fault"])
	}
	log = &eventLog{rate: 2000}
	r = mustPass(t, recordedRun, Options{Recorder: log})
	begun := log.nest(t)
	// A statement is recorded as a whole, so each task may exceed a period's share by one.
	most := int(r.Elapsed/recordPeriod+3)*(log.rate/10+4*150) + begun["map_count"]*3
	if len(log.events) > most || r.Recorded.Statements > 3000 || uint64(begun["statement"]) != r.Recorded.Statements {
		t.Errorf("%d events of at most %d, %v, %+v", len(log.events), most, begun, r.Recorded)
	}
	for _, e := range log.events {
		if e.Kind == Ends && e.What == "statement" && (len(e.Args) != 2 || !strings.HasPrefix(e.Args[1].Value, "x.vma:")) {
			t.Fatalf("%+v", e)
		}
	}
}

// TestRecordingIsCutOff: what was recorded until an interrupt nests, too.
func TestRecordingIsCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := &eventLog{rate: 100_000, first: cancel}
	r, err := Run(ctx, parse(t, strings.ReplaceAll(recordedRun, "300ms", "60s")), Options{Recorder: log})
	if err != nil || !r.Interrupted {
		t.Fatal(err, r)
	}
	if begun := log.nest(t); begun["statement"] == 0 || uint64(begun["statement"]) != r.Recorded.Statements {
		t.Errorf("%v, %+v", begun, r.Recorded)
	}
}

// TestRecordingFails: the run tells what keeps its recording from being written.
func TestRecordingFails(t *testing.T) {
	full := errors.New("disk full")
	_, err := Run(t.Context(), parse(t, "init\n\tmmap A 4K rw private anon\n"), Options{Recorder: &eventLog{rate: 1000, err: full}})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

// TestSleepersAreKept: when a period's share is used up, only statements in which a task has slept are recorded, until theirs is, too.
func TestSleepersAreKept(t *testing.T) {
	r := newRecorder(&eventLog{rate: 400}, nil) // 40 events in each period, 10 of them for sleepers
	for _, c := range []struct {
		events int64
		slept  bool
		want   bool
	}{{30, false, true}, {1, false, false}, {8, true, true}, {8, true, true}, {1, true, false}} {
		if got := r.take(c.events, c.slept); got != c.want {
			t.Errorf("%+v", c)
		}
	}
	r.renew()
	if !r.take(1, false) || r.kept.Load() != 4 {
		t.Errorf("a new period has %d events for all, %d for those that slept", r.left.Load(), r.kept.Load())
	}
}
