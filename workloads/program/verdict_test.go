package program

import (
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// CheckVerdict explores a scenario under the rules of one of its verdicts. Tests outside the package go on with the result. To
// shrink a failure takes as long as to find it: where time is short, only tests of shrinking do.
func CheckVerdict(t *testing.T, sc *workloads.Scenario, v *workloads.Verdict, workers int) *Result {
	t.Helper()
	return checkVerdict(t, sc, v, explore.Options{Workers: workers})
}

func checkVerdict(t *testing.T, sc *workloads.Scenario, v *workloads.Verdict, how explore.Options) *Result {
	t.Helper()
	o := Options{Setting: Setting{Rules: v.Rules}, Options: how, NoShrink: testing.Short()}
	r, err := Explore(t.Context(), sc, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || v.Verified() && r.Verdict() != Verified {
		t.Errorf("%s %v after %d executions, stated: %s", r.Verdict(), r.Broken(), r.Search.Executions, v)
		for _, found := range r.Violations {
			t.Log(found.Message())
		}
	}
	if !v.Verified() {
		shown := r.Broken() // a question without the answer that it hopes for: no execution violates anything
		if len(r.Violations) == 1 {
			shown = []string{r.Violations[0].Oracle()}
		}
		if len(shown) != 1 || shown[0] != v.Oracles[0] {
			t.Errorf("%s under %s shows %v, its verdict names %s first", sc.Name, v.Rules, shown, v.Oracles[0])
		}
	}
	for _, found := range r.Violations {
		replays(t, sc, Setting{Rules: v.Rules}, found)
		livesAgree(t, found.Trace)
		if how.Workers == 1 && !o.NoShrink {
			isSound(t, sc, found)
		}
	}
	return r
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
