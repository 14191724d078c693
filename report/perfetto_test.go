package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"vmasim/explore/trace"
	"vmasim/internal/task"
	"vmasim/workloads/driver"
	"vmasim/workloads/program"
)

// runEvents are what a task of a run does, and what was counted.
var runEvents = []driver.Event{
	{Kind: driver.Begins, At: 10, Task: "a/1", What: "statement", Name: "munmap A"},
	{Kind: driver.Begins, At: 11, Task: "a/1", What: "wait", Name: "mm_struct.mmap_lock, to write"},
	{Kind: driver.Ends, At: 20, Task: "a/1", What: "wait", Args: []driver.Arg{{Name: "held by", Value: "do_mmap"}}},
	{Kind: driver.Ends, At: 25, Task: "a/1", What: "statement", Args: []driver.Arg{{Name: "result", Value: "ok"}}},
	{Kind: driver.Counted, At: 15, What: "counter", Name: "map_count", Value: 3},
}

// TestTraceRecording: a run's trace is as Perfetto's schema has it, and says who held what was waited for; the second run comes behind the first.
func TestTraceRecording(t *testing.T) {
	var b bytes.Buffer
	r := NewTraceRecording(&b)
	for _, name := range []string{"one", "two"} {
		r.Start(name)
		if err := r.Record(runEvents); err != nil {
			t.Fatal(err)
		}
		if err := r.Finish(&driver.Result{Rules: "linux-6.18", Recorded: driver.Recorded{Statements: 1, LeftOut: 9}}); err != nil {
			t.Fatal(err)
		}
	}
	const want = `process one
thread a/1
thread a/1 10 munmap A
thread a/1 11 waits for mm_struct.mmap_lock, to write
thread a/1 20 end held by=do_mmap
thread a/1 25 end result=ok
counter map_count
counter map_count 15 3
process one 0 recorded 1 of 10 statements: the first of every 100 ms, and those in which a task slept rules=linux-6.18
process two
thread a/1
thread a/1 35 munmap A
`
	if got := strings.Join(picture(t, b.Bytes()), "\n"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

// TestEventRecording: the same as lines of JSON, of which the last says how much was recorded.
func TestEventRecording(t *testing.T) {
	var b bytes.Buffer
	r := NewEventRecording(&b)
	r.Start("one")
	if err := errors.Join(r.Record(runEvents), r.Finish(&driver.Result{Elapsed: time.Second, Recorded: driver.Recorded{Statements: 1}})); err != nil {
		t.Fatal(err)
	}
	const want = `{"scenario":"one","at_ns":10,"event":"begin","what":"statement","task":"a/1","name":"munmap A"}
{"scenario":"one","at_ns":11,"event":"begin","what":"wait","task":"a/1","name":"mm_struct.mmap_lock, to write"}
{"scenario":"one","at_ns":20,"event":"end","what":"wait","task":"a/1","args":{"held by":"do_mmap"}}
{"scenario":"one","at_ns":25,"event":"end","what":"statement","task":"a/1","args":{"result":"ok"}}
{"scenario":"one","at_ns":15,"event":"count","what":"counter","name":"map_count","value":3}
{"scenario":"one","at_ns":1000000000,"event":"recorded","what":"statements","name":"all of 1 statement"}
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

// TestRecordings: several recordings are one, which wants as little as the one that wants least, and tells what keeps one from being written.
func TestRecordings(t *testing.T) {
	var b bytes.Buffer
	all := Recordings{NewTraceRecording(&b), NewEventRecording(brokenPipe{})}
	all.Start("one")
	if all.PerSecond() != jsonEvents || !errors.Is(all.Record(runEvents), errBroken) || !errors.Is(all.Finish(&driver.Result{}), errBroken) {
		t.Error("a broken pipe is not told")
	}
	picture(t, b.Bytes())
}

// queueing is an execution in which b waits for a lock that a has, and c waits still where it ends.
func queueing() *trace.Trace {
	step := func(n int, who, statement string, stack ...string) trace.Step {
		return trace.Step{Record: trace.Record{Summary: trace.Summary{Number: n, Task: who, Statement: statement, Op: opOf(n), Cell: "mm#1.mmap_lock", Was: "free"}, Stack: append([]string{statement}, stack...)}}
	}
	return &trace.Trace{Origin: trace.Origin{Scenario: "x"}, Tasks: []string{"a", "b", "c"}, Ending: trace.Deadlock, Steps: []trace.Step{
		step(1, "a", "munmap A", "do_munmap", "mmap_write_lock_killable"),
		step(2, "b", "touch A", "do_user_addr_fault"),
		step(3, "a", "munmap A", "do_munmap", "vms_gather_munmap_vmas"),
		step(4, "c", "touch A", "do_user_addr_fault"),
		step(5, "a", "munmap B", "do_munmap"),
		step(6, "b", "touch A", "do_user_addr_fault"),
	},
		Holdings: []trace.Holding{{Task: "a", Held: trace.Held{Lock: "mm#1.mmap_lock", Mode: "write", Func: "do_munmap"}, From: 1, To: 5}, {Task: "b", Held: trace.Held{Lock: "mm#1.mmap_lock"}, From: 6}},
		Queued:   []trace.Queued{{Task: "b", Lock: "mm#1.mmap_lock", Mode: "read", From: 2, To: 6}, {Task: "c", Lock: "mm#1.mmap_lock", Mode: "read", From: 4}},
	}
}

// opOf is the operation of a step.
func opOf(n int) task.Op { return []task.Op{task.OpDownWrite, task.OpDownRead}[n%2] }

// TestTimelineOfExecutions: each execution is a process, whose time is the step: statements hold functions, and these steps and waits.
func TestTimelineOfExecutions(t *testing.T) {
	var b bytes.Buffer
	write := newTimeline(&b, Look{})
	for range 2 { // as several counterexamples are
		if err := write(queueing()); err != nil {
			t.Fatal(err)
		}
	}
	const want = `process x
process x 6000 deadlock
thread a
thread a 1000 munmap A
thread a 1000 do_munmap
thread a 1000 mmap_write_lock_killable
thread a 1000 down_read mm#1.mmap_lock step=1 cell=mm#1.mmap_lock old=free
thread a 2000 end
thread a 2000 end
thread a 3000 vms_gather_munmap_vmas
thread a 3000 down_read mm#1.mmap_lock step=3 cell=mm#1.mmap_lock old=free
thread a 4000 end
thread a 4000 end
thread a 4000 end
thread a 4000 end
thread a 5000 munmap B
thread a 5000 do_munmap
thread a 5000 down_read mm#1.mmap_lock step=5 cell=mm#1.mmap_lock old=free
thread a 6000 end
thread a 6000 end
thread a 6000 end
thread b
thread b 2000 touch A
thread b 2000 do_user_addr_fault
thread b 2000 down_write mm#1.mmap_lock step=2 cell=mm#1.mmap_lock old=free
thread b 3000 end
thread b 3000 waits for mm#1.mmap_lock read held by=a in do_munmap
thread b 6000 end
thread b 6000 down_write mm#1.mmap_lock step=6 cell=mm#1.mmap_lock old=free
thread b 7000 end
thread b 7000 end
thread b 7000 end
thread c
thread c 4000 touch A
thread c 4000 do_user_addr_fault
thread c 4000 down_write mm#1.mmap_lock step=4 cell=mm#1.mmap_lock old=free
thread c 5000 end
thread c 5000 waits for mm#1.mmap_lock read held by=a in do_munmap
thread c 7000 end
thread c 7000 end
thread c 7000 end
process x
`
	if got := strings.Join(picture(t, b.Bytes()), "\n"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s", got)
	}
}

// TestExploredTraces: what is found in a built-in scenario is a valid trace, each of whose steps is a slice.
func TestExploredTraces(t *testing.T) {
	var b bytes.Buffer
	write := newTimeline(&b, Look{})
	steps := 0
	for _, v := range exploreBuiltin(t, "detach-race", program.Setting{}).Violations {
		steps += len(v.Trace.Steps)
		if err := write(v.Trace); err != nil {
			t.Fatal(err)
		}
	}
	slices := 0
	for _, line := range picture(t, b.Bytes()) {
		if strings.Contains(line, " step=") {
			slices++
		}
	}
	if slices != steps || steps < 30 {
		t.Errorf("%d slices for %d steps", slices, steps)
	}
}
