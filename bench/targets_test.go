package bench

import (
	"os"
	"strings"
	"testing"
)

func TestPrintedLinesAreParsed(t *testing.T) {
	r := known(2)
	f := report(r, Goal("B1").Over("vmasim", "kernel"), Goal("B3").Over("vmasim", "kernel"))
	Report(f, r, Goal("B1").Over("vmasim", "kernel").Beside(4000))
	Goal("B12").Report(f, "memory n=1000000", 436)
	want := []Line{
		{"B1", "fault n=1000", "vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500)", "0.057 (0.055-0.059)", "met", "", "dropped: 9 % of 22 samples"},
		{"B3", "fault n=1000", "vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500)", "0.057 (0.055-0.059)", "MISSED", "", "dropped: 9 % of 22 samples"},
		{"B1", "fault n=1000", "vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500)", "0.057 (0.055-0.059)", "no evidence",
			"a fault of the kernel takes 4000 ns", "dropped: 9 % of 22 samples"},
		{"B12", "memory n=1000000", "", "436 bytes", "MISSED", "", ""},
	}
	for i, text := range strings.Split(strings.TrimSpace(f.out.String()), "\n") {
		if got, ok := ParseLine("    " + text); !ok || got != want[i] {
			t.Errorf("%q\ngot  %#v\nwant %#v", text, got, want[i])
		}
	}
	if _, ok := ParseLine("kernel n=10: fault 1587 ns (1463-1716)"); ok {
		t.Error("a line without a bar was taken for one")
	}
}

func TestTargetsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, target := range Targets() {
		if seen[target.ID] {
			t.Errorf("two targets %s", target.ID)
		}
		seen[target.ID] = true
		if Goal(target.ID) != target {
			t.Errorf("Goal(%q) is another target", target.ID)
		}
	}
}

// The page must show the targets that are checked.
func TestDocumentListsTheTargets(t *testing.T) {
	page, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range Targets() {
		row := "| " + target.ID + " | " + target.What + " | " + target.limitText() + " |"
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/performance.md has no row beginning with\n%s", row)
		}
	}
}
