package task

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPointTableIsFull(t *testing.T) {
	seen := map[string]bool{}
	for p, info := range pointTable {
		if info.Name == "" || info.Doc == "" || seen[info.Name] {
			t.Errorf("point %d: %+v", p, info)
		}
		seen[info.Name] = true
	}
	if numPoints > 64 {
		t.Errorf("%d points do not fit a set", numPoints)
	}
}

// TestMissed: a group is missed if it was possible and none of its points was come to.
func TestMissed(t *testing.T) {
	for _, c := range []struct {
		points []Point
		others bool
		want   string
	}{
		{nil, true, ""},
		{[]Point{MergeTried}, true, "merge"},
		{[]Point{MergeTried, MergePartLeft}, true, ""},
		{[]Point{AllocFailed, Unmapped}, true, "downgrade rollback"},
		{[]Point{AllocFailed, RollbackHole, Downgrade, Unmapped}, true, ""},
		{[]Point{VMAWriteLocked}, true, "wait-readers"},
		{[]Point{VMAWriteLocked}, false, ""},
		{[]Point{SplitAbove, WaitMutex}, true, ""},
	} {
		tk := New(1, "", nil)
		for _, p := range c.points {
			tk.Reach(p)
		}
		if got := strings.Join(tk.Reached.Missed(c.others), " "); got != c.want {
			t.Errorf("%v: %q, expected %q", c.points, got, c.want)
		}
	}
}

// TestPointNames: what only makes others possible has no place in a report.
func TestPointNames(t *testing.T) {
	tk := New(1, "", nil)
	tk.Reach(MergeTried)
	tk.Reach(MergeNewBoth)
	if got := tk.Reached.Names(); !slices.Equal(got, []string{"merge-new-both"}) {
		t.Error(got)
	}
}

var rewrite = flag.Bool("rewrite", false, "write the table of points in docs/explore.md")

// TestPointManual checks the table in docs/explore.md. -rewrite updates it.
func TestPointManual(t *testing.T) {
	manual := filepath.Join("..", "..", "docs", "explore.md")
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- points -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(string(text), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part points", manual)
	}
	table := "| point | what came about |\n|---|---|\n"
	for _, p := range allPoints() {
		table += fmt.Sprintf("| `%s` | %s |\n", p.Info().Name, p.Info().Doc)
	}
	want := before + open + table + end + after
	if want == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the table says: go test ./internal/task -run Manual -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAllPoints: the set of all has each point, and no other.
func TestAllPoints(t *testing.T) {
	for p := range numPoints {
		if !AllPoints().Has(p) {
			t.Errorf("%s is missing", p.Info().Name)
		}
	}
	if AllPoints().Has(numPoints) {
		t.Error("there is one more")
	}
}
