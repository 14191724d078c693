package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// TestRecordedRunIsATrace: what a run with several tasks records is a valid trace, whose slices nest, and the same lines of JSON; both end with how
// much was recorded.
func TestRecordedRunIsATrace(t *testing.T) {
	sc, err := workloads.Parse("x.vma", []byte(`
init
    mmap A 64K rw private anon
thread writer * 2
    repeat 200
        mmap B 16K rw private anon
        touch B 16K write
        munmap B
thread reader * 2
    repeat 200
        touch A 64K write
        madvise A 64K dontneed
`))
	if err != nil {
		t.Fatal(err)
	}
	var pftrace, lines bytes.Buffer
	all := Recordings{NewTraceRecording(&pftrace), NewEventRecording(&lines)}
	all.Start("x")
	r, err := driver.Run(t.Context(), sc, driver.Options{Recorder: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Finish(r); err != nil {
		t.Fatal(err)
	}
	statements := 0
	for _, line := range picture(t, pftrace.Bytes()) {
		if strings.Contains(line, " end") && strings.Contains(line, " at=x.vma:") {
			statements++
		}
	}
	if uint64(statements) != r.Recorded.Statements || statements < 100 {
		t.Errorf("%d statements in the trace, %d recorded", statements, r.Recorded.Statements)
	}
	counters := 0
	for _, line := range picture(t, pftrace.Bytes()) {
		if strings.HasPrefix(line, "counter ") && strings.Count(line, " ") > 1 {
			counters++
		}
	}
	if counters < 3 {
		t.Errorf("%d values of counters", counters)
	}
	events := 0
	var last runEvent
	for line := range strings.Lines(lines.String()) {
		last = runEvent{}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatal(err)
		}
		if last.Event == "begin" && last.What == "statement" {
			events++
		}
	}
	if events != statements || last.Event != "recorded" {
		t.Errorf("%d statements in lines of JSON, %d in the trace; the last line is %+v", events, statements, last)
	}
}

// TestTracesStaySmall: ten seconds of a run that has more to say than is recorded stay below 50 MB, as a trace and as lines of JSON.
func TestTracesStaySmall(t *testing.T) {
	sc, err := workloads.LoadBuiltin("mmap-churn")
	if err != nil {
		t.Fatal(err)
	}
	const ran = 300 * time.Millisecond
	for name, begin := range map[string]func(w *bytes.Buffer) Recording{
		"trace":  func(w *bytes.Buffer) Recording { return NewTraceRecording(w) },
		"events": func(w *bytes.Buffer) Recording { return NewEventRecording(w) },
	} {
		var b bytes.Buffer
		r := begin(&b)
		r.Start("mmap-churn")
		result, err := driver.Run(t.Context(), sc, driver.Options{Recorder: r, Duration: ran})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Finish(result); err != nil {
			t.Fatal(err)
		}
		if name == "trace" {
			picture(t, b.Bytes())
		}
		most := 5e6 * result.Elapsed.Seconds()
		t.Logf("%s: %d bytes in %v, %d of %d statements", name, b.Len(), result.Elapsed, result.Recorded.Statements, result.Recorded.Statements+result.Recorded.LeftOut)
		if float64(b.Len()) > most {
			t.Errorf("%s: %d bytes in %v, expected %.0f at most", name, b.Len(), result.Elapsed, most)
		}
	}
}
