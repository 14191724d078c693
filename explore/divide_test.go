package explore

import (
	"maps"
	"testing"

	"vmasim/internal/task"
)

// TestWorkersDoNotCount: a search is the same however many workers make it, though it is divided, and finds the outcomes of one that is not.
func TestWorkersDoNotCount(t *testing.T) {
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	divided, seeds := 0, uint64(200)
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		whole := explored(t, apart{generate(seed)}, Options{Choices: choices, KeepGoing: 8})
		for _, alone := range []int{1, 2, 7, 20} {
			var reports []*Report
			for _, workers := range []int{1, 2, 3} {
				o := Options{Choices: choices, KeepGoing: 8, Workers: workers, aloneFor: alone}
				reports = append(reports, explored(t, apart{generate(seed)}, o))
			}
			for _, r := range reports[1:] {
				if essence(r) != essence(reports[0]) {
					t.Fatalf("seed %d, alone for %d:\n%s\none worker:\n%s", seed, alone, essence(r), essence(reports[0]))
				}
			}
			if got, want := keysOf(reports[0]), keysOf(whole); !maps.Equal(got, want) {
				t.Fatalf("seed %d, alone for %d: %v, in one piece %v", seed, alone, got, want)
			}
			if whole.Executions > alone {
				divided++
			}
		}
	}
	t.Logf("%d searches divided", divided)
	if divided < int(seeds) {
		t.Errorf("only %d searches divided", divided)
	}
}

// TestDivideGivesUp: what would be divided into too many shards is left in one piece, and nothing is missed.
func TestDivideGivesUp(t *testing.T) {
	for _, runs := range []int{1, 20, divideRuns} {
		x := newExecutor(newDetachRace(t, 2, 1, 1, ""), &Options{})
		defer x.close()
		first := &dpor{limit: 3}
		x.use(first)
		for first.next() {
			if _, err := x.run(); err != nil {
				t.Fatal(err)
			}
		}
		left := runs
		parts, err := piecesOf(x, first.copy())
		if err == nil {
			parts, err = finer(x, parts, &left)
		}
		if err != nil {
			t.Fatal(err)
		}
		if left < 0 || (len(parts) == 1) != (runs < divideRuns) {
			t.Errorf("%d shards and %d runs left of %d", len(parts), left, runs)
		}
	}
}

// keysOf returns what a search has found: outcomes and kinds of failures.
func keysOf(r *Report) map[string]bool {
	found := map[string]bool{}
	for outcome := range r.DistinctOutcomes {
		found[outcome] = true
	}
	for i := range r.Violations {
		found[r.Violations[i].Kind()] = true
	}
	return found
}
