package program

import (
	"slices"
	"testing"

	"vmasim/internal/task"
)

// TestStaleWalkUnderModels: a memory model decides what a walk reads, so that stale-walk is not offered beside it; and what its scenario asks of
// an oracle that is silent there is not answered.
func TestStaleWalkUnderModels(t *testing.T) {
	for _, c := range []struct {
		model     string
		questions int
	}{
		{"sc", 3},
		{"views:1", 2},
	} {
		r, err := Explore(t.Context(), builtin(t, "stale-hole")[0], Options{Setting: Setting{Rules: "linux-6.18", Model: c.model}})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(r.Choices, task.StaleWalk); got != (c.model == "sc") || len(r.Observations) != c.questions || r.Verdict() != Verified {
			t.Errorf("%s: stale-walk offered %v, %d questions answered, %s", c.model, got, len(r.Observations), r.Verdict())
		}
	}
}
