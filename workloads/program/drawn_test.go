package program

import (
	"math/rand/v2"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestDrawnPrograms: under the kernel's rules no interleaving of a drawn program breaks a rule, whichever family its calls are of.
func TestDrawnPrograms(t *testing.T) {
	programs := 40
	if testing.Short() {
		programs = 3
	}
	for _, f := range rules.Families() {
		drafts, err := workloads.NewDrafts(f.Calls, f.May)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(programs) {
			sc, err := drafts.Draw(rand.New(rand.NewPCG(seed, 3)))
			if err != nil {
				t.Fatal(err)
			}
			r, err := Survey(t.Context(), sc, Options{Options: explore.Options{Strategy: explore.POS, Executions: 100, Seed: seed}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Search.Violations {
				t.Errorf("family %s, seed %d: %s\n%s", f.Name, seed, r.Search.Violations[i].String(), sc)
			}
		}
	}
}
