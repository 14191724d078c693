package program

import (
	"math/rand/v2"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestDrawnPrograms: no interleaving of a drawn program breaks a rule, whichever family its calls are of, under the rules of the default and of
// two generations that free VMAs after a grace period.
func TestDrawnPrograms(t *testing.T) {
	for spec, programs := range map[string]int{rules.Default: 40, "vma-rwsem": 10, "spf-seq": 10} {
		if testing.Short() {
			programs = 3
		}
		t.Run(spec, func(t *testing.T) { testDrawnPrograms(t, spec, programs) })
	}
}

func testDrawnPrograms(t *testing.T, spec string, programs int) {
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
			r, err := Survey(t.Context(), sc, Options{Setting: Setting{Rules: spec}, Options: explore.Options{Strategy: explore.POS, Executions: 100, Seed: seed}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Search.Violations {
				t.Errorf("family %s, seed %d: %s\n%s", f.Name, seed, r.Search.Violations[i].String(), sc)
			}
		}
	}
}
