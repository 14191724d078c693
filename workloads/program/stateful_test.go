package program

import (
	"os"
	"slices"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// TestStatefulFinishes searches two first faults beside munmap to their end, which no other strategy does, and in short one of the faults.
func TestStatefulFinishes(t *testing.T) {
	text, err := os.ReadFile("testdata/two-faults-munmap.vma")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := workloads.Parse("two-faults-munmap.vma", text)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := 4
	if os.Getenv("VMASIM_LONG") == "" {
		sc.Threads = slices.Delete(sc.Threads, 1, 2)
		outcomes = 2
	}
	p, err := New(sc, Setting{Rules: "linux-6.18"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := explore.Search(t.Context(), p, explore.Options{Strategy: explore.Stateful, Watch: p.Watch})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || len(r.Violations) > 0 || len(r.DistinctOutcomes) != outcomes || r.Unlike > 0 || r.Compared < 100 {
		t.Errorf("complete %v, %v, outcomes %v, %d of %d unlike", r.Complete, kinds(r), r.DistinctOutcomes, r.Unlike, r.Compared)
	}
	t.Logf("%d executions, %d states, %v", r.Executions, r.States, r.Elapsed)
}

// TestStatefulReversesWaits: that a spinlock was given back does not order what its holder did before the next one takes it. A search by states
// in which it did missed a walk of a freed table.
func TestStatefulReversesWaits(t *testing.T) {
	p, err := New(builtin(t, "speculate-table")[0], Setting{Rules: "spf-seq,-check-before-table"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := explore.Search(t.Context(), p, explore.Options{Strategy: explore.Stateful, Watch: p.Watch, Choices: p.choices(), MaxChosen: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) != 1 || r.Violations[0].Kind() != "use-after-free" {
		t.Errorf("%v after %d executions, expected use-after-free", kinds(r), r.Executions)
	}
}
