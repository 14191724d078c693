package program_test

import (
	"strings"
	"testing"

	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// TestLitmus explores every litmus scenario under every set of rules for which it states a verdict. A verdict of "verified"
// takes a search that has finished; what is violated is marked in the drawing.
func TestLitmus(t *testing.T) {
	for _, info := range workloads.Litmus() {
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(sc.Verdicts) == 0 {
			t.Errorf("%s states no verdict", info.Name)
		}
		for i, v := range sc.Verdicts {
			t.Run(info.Name+"/"+v.Rules, func(t *testing.T) {
				t.Parallel()
				for _, workers := range workerCounts(i == 0) {
					isMarked(t, program.CheckVerdict(t, sc, v, workers))
				}
			})
		}
	}
}

// workerCounts are the numbers of workers that a scenario is explored with. Two share the search out in parts, which is the same under all
// rules: they do so under the first that it states.
func workerCounts(first bool) []int {
	if testing.Short() || !first {
		return []int{1}
	}
	return []int{1, 2}
}

// isMarked checks that the drawing of each violation says where it is.
func isMarked(t *testing.T, r *program.Result) {
	t.Helper()
	format, err := report.FormatByName(report.ExploreFormats(), "text")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := format.New(&b, report.Look{})(r); err != nil {
		t.Fatal(err)
	}
	if marks := strings.Count(b.String(), "*** "); marks < len(r.Violations) {
		t.Errorf("%d violations, %d marks in\n%s", len(r.Violations), marks, &b)
	}
}
