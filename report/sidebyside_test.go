package report

import (
	"strings"
	"testing"

	"vmasim/classroom/compare"
	"vmasim/explore/trace"
	"vmasim/internal/wrap"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// TestSideBySideFits: no line is wider than it may be, whatever the width, and each side stays in its column.
func TestSideBySideFits(t *testing.T) {
	sc, err := workloads.LoadBuiltin("flag-and-count")
	if err != nil {
		t.Fatal(err)
	}
	r, err := program.Explore(t.Context(), sc, program.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compare.Under(sc, program.Setting{}, r.Violations[0].Found.Schedule, "linux-6.18", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, look := range []Look{{Width: MinWidth}, {Width: 80}, {Width: 100}, {Width: 140}, {Width: 80, Full: true}, {Width: 80, Color: true}} {
		text := sideBySide(p, look)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if n := wrap.Cells(line); n > look.Width {
				t.Errorf("%+v: a line of %d: %s", look, n, line)
			}
		}
		for _, want := range []string{"*** step ", "because of rule one-step-read-lock", "for the same reason", "finishes: "} {
			if look.Width >= 80 && !strings.Contains(text, want) { // else it goes over lines
				t.Errorf("%+v: there is no %q", look, want)
			}
		}
		if look.Full && strings.Contains(text, "  … ") {
			t.Error("something is left out of the whole")
		}
		if look.Color != strings.Contains(text, "\x1b[") {
			t.Errorf("%+v: the colours", look)
		}
	}
}

// TestSideBySideAlike: where both go the same way it is said, and what has two names.
func TestSideBySideAlike(t *testing.T) {
	one := trace.Trace{Tasks: []string{"a"}, Steps: []trace.Step{{Record: trace.Record{Summary: trace.Summary{Number: 1, Task: "a", Cell: "vma#1.x", Func: "f"}, Stack: []string{"s", "f"}}}}}
	p := &trace.Pair{Names: [2]string{"x", "y"}, With: &one, Against: &one, Rows: []trace.Row{{With: 1, Against: 1}}, Objects: [][2]string{{"vma#1", "vma#2"}}, Ends: [2]string{"finishes", "finishes"}}
	text := sideBySide(p, Look{})
	for _, want := range []string{"both go the same way\n", "vma#1 is vma#2\n", "… 1 step: f"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
