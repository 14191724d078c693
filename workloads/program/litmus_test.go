package program

import (
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// TestLitmus explores every litmus scenario under every set of rules for which it states a verdict. A verdict of "verified"
// takes a search that has finished.
func TestLitmus(t *testing.T) {
	for _, info := range workloads.Litmus() {
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(sc.Verdicts) == 0 {
			t.Errorf("%s states no verdict", info.Name)
		}
		for _, v := range sc.Verdicts {
			t.Run(info.Name+"/"+v.Rules, func(t *testing.T) {
				t.Parallel()
				for _, workers := range workerCounts() {
					checkVerdict(t, sc, v, workers)
				}
			})
		}
	}
}

// workerCounts are the numbers of workers that a scenario is explored with: two share the search out in parts.
func workerCounts() []int {
	if testing.Short() {
		return []int{1}
	}
	return []int{1, 2}
}

// checkVerdict explores a scenario under the rules of one of its verdicts.
func checkVerdict(t *testing.T, sc *workloads.Scenario, v *workloads.Verdict, workers int) {
	t.Helper()
	r, err := Explore(t.Context(), sc, Options{Setting: Setting{Rules: v.Rules}, Options: explore.Options{Workers: workers}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || v.Verified() && r.Verdict() != Verified {
		t.Errorf("%s %v after %d executions, stated: %s", r.Verdict(), r.Broken(), r.Search.Executions, v)
		for _, found := range r.Violations {
			t.Log(found.Message())
		}
	}
	if !v.Verified() && (len(r.Violations) != 1 || r.Violations[0].Oracle() != v.Oracles[0]) {
		t.Errorf("%s under %s shows %v, is about %s", sc.Name, v.Rules, r.Broken(), v.Oracles[0])
	}
	for _, found := range r.Violations {
		replays(t, sc, Setting{Rules: v.Rules}, found)
		if workers == 1 {
			isSound(t, sc, found)
		}
	}
}

// replays checks that a failing schedule fails in the same way again.
func replays(t *testing.T, sc *workloads.Scenario, s Setting, v *Violation) {
	if v.Unstable {
		t.Errorf("%s does not fail a second time", &v.Schedule)
	}
	again, err := ReplayScenario(sc, s, v.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	if again.Ending != v.Ending {
		t.Errorf("replayed, %s ends in %s, found was %s", &v.Schedule, again.Ending, v.Ending)
	}
}
