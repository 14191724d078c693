package program

import (
	"math/rand/v2"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestDrawnPrograms: no interleaving of a drawn program breaks a rule, whichever rule the program is about, under the rules of the default
// and of two generations that free VMAs after a grace period.
func TestDrawnPrograms(t *testing.T) {
	for spec, programs := range map[string]int{rules.Default: 5, "vma-rwsem": 2, "spf-seq": 2} {
		if testing.Short() {
			programs = 1
		}
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			testDrawnPrograms(t, spec, programs)
		})
	}
}

func testDrawnPrograms(t *testing.T, spec string, programs int) {
	for _, rule := range rules.All() {
		plain, switched := rule.Demonstration()
		calls, about, may := concerned(t, plain, switched)
		drafts, err := workloads.NewDrafts(calls, about, may)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(programs) {
			sc, err := drafts.Draw(rand.New(rand.NewPCG(seed, uint64(rule))))
			if err != nil {
				t.Fatal(err)
			}
			for _, strategy := range generatedStrategies() {
				r, err := Survey(t.Context(), sc, Options{Setting: Setting{Rules: spec}, Options: explore.Options{Strategy: strategy, Executions: 50, Seed: seed}})
				if err != nil {
					t.Fatal(err)
				}
				for i := range r.Search.Violations {
					t.Errorf("rule %s, seed %d: %s\n%s", rule, seed, r.Search.Violations[i].String(), sc)
				}
			}
		}
	}
}

// concerned returns what rules.Concerned does of two specifications.
func concerned(t *testing.T, with, against string) (calls, about, may []string) {
	t.Helper()
	a, err := rules.Parse(with)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rules.Parse(against)
	if err != nil {
		t.Fatal(err)
	}
	return rules.Concerned(&a, &b)
}

// foundBroken are drawn programs, made smaller, that were violated under the kernel's rules when they were found.
var foundBroken = map[string]string{
	"a move of several VMAs that fails at the second gives back what the first was charged": `may alloc-fails
init
    mmap A 16K rw private anon at 0x200000000000 fixed
    mprotect A+8K 8K r
thread mover
    mremap A 12K to 12K at A+12K maymove fixed dontunmap => any
`,
	"an exit of what is being forked lets another task fork it, too": `mm child
thread one
    exit child => any
thread two
    fork child => any
thread three
    fork child => any
`,
	"ksm comes by an address space that is still being forked": `mm child
thread forker
    fork child
thread scanner
    ksm => any
`,
	"a uprobe reads the flags of a VMA while mprotect changes them": `file F memory 4K
init
    mmap A 4K r private file F
thread prober
    uprobe A 204
thread protector
    mprotect A 4K rw
`,
	"khugepaged reads the flags of a VMA while mprotect changes them": `file F memory 4K
init
    mmap A 2M r shared file F at 0x200000000000 fixed
thread khugepaged
    collapse A => any
thread protector
    mprotect A 2M none
`,
}

// TestFoundBroken: what drawn programs have shown to be wrong is right now.
func TestFoundBroken(t *testing.T) {
	for name, text := range foundBroken {
		t.Run(name, func(t *testing.T) {
			r := exploreSource(t, text, Options{Options: explore.Options{Executions: 20_000}})
			if r.Verdict() != Verified {
				t.Errorf("%s after %d executions", r.Verdict(), r.Search.Executions)
				for i := range r.Search.Violations {
					t.Log(r.Search.Violations[i].String())
				}
			}
		})
	}
}
