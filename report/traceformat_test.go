package report

import (
	"slices"
	"strings"
	"testing"

	"vmasim/explore/trace"
	"vmasim/workloads/program"
)

// formatNames returns the names of formats.
func formatNames[T any](all []Format[T]) (names []string) {
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// TestFormatsAgree: search and replay have the same formats, and among them every way to draw an execution.
func TestFormatsAgree(t *testing.T) {
	search, replay := formatNames(ExploreFormats()), formatNames(ReplayFormats())
	if !slices.Equal(search, replay) {
		t.Errorf("formats of a search %v, of a replay %v", search, replay)
	}
	for _, name := range formatNames(TraceFormats()) {
		if !slices.Contains(search, name) {
			t.Errorf("a search lacks %s", name)
		}
	}
}

// drawnAs draws executions in a format.
func drawnAs(t *testing.T, f TraceFormat, look Look, all ...*trace.Trace) string {
	t.Helper()
	var b strings.Builder
	draw := f.New(&b, look)
	for _, one := range all {
		if err := draw(one); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// looks are ways to show something.
var looks = []Look{{}, {Full: true}, {Width: MinWidth, Color: true}}

// TestDrawAgain: a trace that was written and read is drawn as the one that was recorded, by every renderer.
func TestDrawAgain(t *testing.T) {
	all := []*trace.Trace{handMade()}
	for _, name := range []string{"detach-race", "put-to-zero", "lock-order"} {
		all = append(all, exploreBuiltin(t, name, program.Setting{}).Violations[0].Trace)
	}
	data, err := FormatByName(TraceFormats(), "trace")
	if err != nil {
		t.Fatal(err)
	}
	read, err := trace.Read(strings.NewReader(drawnAs(t, data, Look{}, all...)))
	if err != nil || len(read) != len(all) {
		t.Fatalf("%d of %d traces are read: %v", len(read), len(all), err)
	}
	for _, f := range TraceFormats() {
		for _, look := range looks {
			if got, want := drawnAs(t, f, look, read...), drawnAs(t, f, look, all...); got != want {
				t.Errorf("%s: read\n%s\nrecorded\n%s", f.Name, got, want)
			}
		}
	}
}

// FuzzDraw: whatever is read as a trace is drawn by every renderer.
func FuzzDraw(f *testing.F) {
	var b strings.Builder
	if err := data(&b, handMade(), Look{}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(`{"version":2,"tasks":["a",""],"steps":[{"step":1,"task":"","target":"c"}],"blocked":[{"task":"a","spins":true}]}`)
	f.Add(`{"version":2,"finally":[{"statement":"load A","violations":["leak"]}],"start":["leak"],"before":[{"name":"mm"}],"passed":[{"step":-1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := trace.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, f := range TraceFormats() {
			for _, look := range looks {
				drawnAs(t, f, look, all...)
			}
		}
	})
}
