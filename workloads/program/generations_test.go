package program

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/vma"
	"vmasim/workloads"
)

var rewriteGenerations = flag.Bool("rewrite-generations", false, "write the generated parts of docs/generations.md")

// departure says why litmus tests end otherwise under a generation than verified.
type departure struct {
	tests []string
	why   string
}

// departureTable has them all: what is not here must be verified, and what is here must not be.
var departureTable = map[string][]departure{
	"mmap-lock": {
		{[]string{"maple-split", "reader-overflow", "seq-wrap"}, "they ask for read locks of VMAs, and get none"},
	},
	"vma-rwsem": {
		{[]string{"reader-overflow"}, "a rwsem has no limit that the test could reach, so no reader is sent away"},
		{[]string{"seq-wrap"}, "`mm_lock_seq` is a plain counter, and comes by the old value: a false \"locked\", which is allowed"},
	},
	"vma-rwsem-seqcount": {
		{[]string{"reader-overflow"}, "a rwsem has no limit that the test could reach, so no reader is sent away"},
	},
	"spf-seq": {
		{[]string{"maple-split", "reader-overflow", "seq-wrap"}, "they ask for read locks of VMAs, and get none"},
	},
	"refcount": {
		{[]string{"foreign-put", "reuse-while-locking", "b27-foreign-wake"}, "a reader wakes the writer of an mm that is freed: nothing has pinned it"},
	},
	"linux-7": {
		{[]string{"anon-offsets", "early-map-count", "early-mergeable", "shared-zero"}, "they ask for what 7.3 does otherwise: two VMAs stay apart or become one, an mremap is refused, another object is mapped"},
		{[]string{"guard-split"}, "guard markers are installed under a VMA lock, and a split copies the VMA's flags before it waits for that"},
	},
	"free-at-zero": {
		{[]string{"detach-race", "downgrade-ends-locks", "foreign-put", "inc-from-zero", "kept-node", "last-put", "merge-removed", "put-to-zero", "reattach", "reuse-before-lock",
			"reuse-then-attach", "reuse-while-locking", "stale-walk", "struct-copy"},
			"the last put was a reader's, and has freed the VMA that the writer goes on using, attaches again or frees"},
		{[]string{"attach-release", "detached-flag", "downgrade-teardown", "late-lock", "lock-order", "maps-held", "maps-replaced", "maps-reused",
			"speculate-copy", "speculate-install", "speculate-table"}, lateLock},
	},
	"three-state": {
		{[]string{"attach-release", "detach-race", "detached-flag", "downgrade-teardown", "inc-from-zero", "kept-node", "late-lock", "lock-order", "maps-held", "maps-replaced", "maps-reused", "merge-removed", "put-to-zero", "reattach", "reuse-before-lock",
			"reuse-then-attach", "speculate-copy", "speculate-install", "speculate-table", "stale-walk", "struct-copy"}, lateLock},
		{[]string{"foreign-put", "reuse-while-locking"}, "a reader has a reference on a foreign VMA, for which the exit of its mm does not wait: the mm to pin is freed"},
		{[]string{"reader-overflow"}, "the test sets a limit of 2, which is the count of an attached VMA: no reader gets in"},
	},
}

// brokenGenerations are known to be wrong beside most writers. They are explored with what mends them alone.
var brokenGenerations = []string{"refcount-v6"}

// lateLock is what waiting in vma_mark_detached is for.
const lateLock = "a reader got its reference before the VMA was detached, and its read lock after the write section has ended"

// slow are litmus tests with more than a thousand executions.
var slow = []string{"downgrade-matrix", "fork-parent", "killed-writer", "lock-order"}

// TestLitmusUnderEveryGeneration explores each litmus test and each bug of the museum, without what it says of rules, under each generation
// but the default, for which it states its verdict itself: verified, with every interleaving covered, or it departs for a reason that is
// told. Of a bug that the default has as well nothing is said. Bugs are explored with what mends the proposals; those whose searches take
// long are left to VMASIM_LONG, which make long sets: the default, and refcount-v6 in .ci/run, cover them each time.
func TestLitmusUnderEveryGeneration(t *testing.T) {
	for _, sc := range stories(t) {
		right := slices.ContainsFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return v.Rules == rules.Default && v.Verified() })
		for _, g := range rules.Generations() {
			if !right || g.Name == rules.Default || testing.Short() && slices.Contains(slow, sc.Name) {
				continue
			}
			spec := g.Name
			if isBug(sc) || slices.Contains(brokenGenerations, g.Name) {
				spec = g.Sound()
			}
			t.Run(spec+"/"+sc.Name, func(t *testing.T) {
				t.Parallel()
				r, err := Explore(t.Context(), sc, Options{Setting: Setting{Rules: spec}, NoShrink: true, Options: explore.Options{Workers: 1}})
				if err != nil {
					t.Fatal(err)
				}
				departs := slices.ContainsFunc(departureTable[g.Name], func(d departure) bool { return slices.Contains(d.tests, sc.Name) })
				if verified := r.Verdict() == Verified && r.Search.Complete; verified == departs {
					t.Errorf("%s after %d executions (complete: %v), said to depart: %v", r.Verdict(), r.Search.Executions, r.Search.Complete, departs)
					for _, found := range r.Violations {
						t.Log(found.Message())
					}
				}
			})
		}
	}
}

// isBug reports whether the scenario is a bug of the museum.
func isBug(sc *workloads.Scenario) bool {
	return slices.ContainsFunc(workloads.Bugs(), func(b workloads.Bug) bool { return b.Name == sc.Name })
}

// stories returns the litmus tests, and the bugs of the museum that are explored until every interleaving is covered.
func stories(t *testing.T) (all []*workloads.Scenario) {
	for _, info := range workloads.Litmus() {
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	text, err := os.ReadFile(museumManual)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- museum -->\n")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	took := rowsOf(table)
	for _, bug := range workloads.Bugs() {
		if bug.Bound > 0 || testing.Short() || executions(took[bug.Name]) > quick && os.Getenv("VMASIM_LONG") == "" { // too large to be covered, or not now
			continue
		}
		sc, err := workloads.LoadBuiltin(bug.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	return all
}

// besides are operations of a writer, beside which a fault is explored.
var besides = map[string]string{
	"munmap":    "munmap A",
	"hole":      "munmap A+4K 4K",
	"mprotect":  "mprotect A+4K 4K r",
	"MAP_FIXED": "mmap 8K rw private anon at A+4K fixed",
	"mremap":    "mremap A 12K to 12K at B fixed maymove",
	"madvise":   "madvise A dontneed",
	"mlock":     "mlock A+4K 4K",
	"fork":      "fork child",
}

// TestFaultsBesideWriters explores a fault beside each kind of writer, under each generation: verified, with every interleaving
// covered, and handled as the generation handles faults.
func TestFaultsBesideWriters(t *testing.T) {
	for _, g := range rules.Generations() {
		for name, op := range besides {
			spec := g.Sound()
			t.Run(spec+"/"+name, func(t *testing.T) {
				t.Parallel()
				src := fmt.Sprintf("mm child\ninit\n    mmap A 12K rw private anon\n    mmap B 12K none private anon\n    store A 7\n"+
					"thread faulter\n    store A+4K 8 => any\nthread writer\n    %s => any\n", op)
				r := exploreSource(t, src, Options{Setting: Setting{Rules: spec}, Options: explore.Options{Workers: 1}})
				if r.Verdict() != Verified || !r.Search.Complete {
					t.Errorf("%s after %d executions", r.Verdict(), r.Search.Executions)
				}
				never := r.NeverReached
				counters := []string{"vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss"}
				if g.Lock == rules.MmapLock {
					if !slices.Equal(intersection(never, counters), counters) {
						t.Errorf("a counter of VMA locks has moved: never reached %v", never)
					}
				} else if slices.Contains(never, "vma_lock_abort") && slices.Contains(never, "vma_lock_success") {
					t.Errorf("no fault tried a VMA lock: never reached %v", never)
				}
			})
		}
	}
}

// intersection returns what is in both, in the order of the second.
func intersection(a, b []string) (both []string) {
	for _, s := range b {
		if slices.Contains(a, s) {
			both = append(both, s)
		}
	}
	return both
}

const generationsManual = "../../docs/generations.md"

// TestGenerationsManual checks the tables of docs/generations.md. -rewrite-generations updates them.
func TestGenerationsManual(t *testing.T) {
	text, err := os.ReadFile(generationsManual)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, part := range map[string]string{"locks": lockTable(), "memory": memoryTable(), "litmus": litmusTable()} {
		open, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(got, open)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no part %s", generationsManual, name)
		}
		got = before + open + part + end + after
	}
	if got == string(text) {
		return
	}
	if !*rewriteGenerations {
		t.Fatalf("%s is not what the tables say: go test ./workloads/program -run TestGenerationsManual -rewrite-generations", generationsManual)
	}
	if err := os.WriteFile(generationsManual, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

func lockTable() string {
	var b strings.Builder
	b.WriteString("| generation | kernels | readers hold | writers take | all write locks end | detached |\n|---|---|---|---|---|---|\n")
	for _, g := range rules.Generations() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", g.Name, g.Kernels, g.Readers, g.Writers, g.Unlock, g.Detached)
	}
	return b.String()
}

func memoryTable() string {
	var b strings.Builder
	b.WriteString("| generation | memory of a freed VMA is used again | a fault goes on under `mmap_lock` | bytes of a VMA in Linux | here |\n|---|---|---|---|---|\n")
	for _, g := range rules.Generations() {
		here := fmt.Sprint(unsafe.Sizeof(vma.VMA{}))
		if g.Lock == rules.RWSemLock {
			here += fmt.Sprintf(", and %d for the rwsem", vma.LockLayout().Size)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", g.Name, g.Memory, g.Falls, g.Bytes, here)
	}
	return b.String()
}

func litmusTable() string {
	var b strings.Builder
	b.WriteString("| generation | verified |\n|---|---|\n")
	for _, g := range rules.Generations() {
		verified := "all"
		var but []string
		for _, d := range departureTable[g.Name] {
			but = append(but, strings.Join(d.tests, ", ")+": "+d.why)
		}
		switch {
		case g.Name == rules.Default:
			verified = "as each test states of it"
		case slices.Contains(brokenGenerations, g.Name):
			verified = "all with `" + strings.TrimPrefix(g.Sound(), g.Name+",") + "`; as it is, a writer that detaches a VMA waits for no reader (B20, detach-race), and " +
				"a reader that has given its lock back reads `vm_mm` to wake the writer that waits (B21): use-after-unlock, in every test in which a writer waits"
		case but != nil:
			verified = "all but " + strings.Join(but, "; ")
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", g.Name, verified)
	}
	return b.String()
}

// TestReductionUnderEveryGeneration: whatever oracle speaks in some execution that another strategy tries, the search with partial-order
// reduction finds, too, under the locks that are not counts, as they are and without a rule.
func TestReductionUnderEveryGeneration(t *testing.T) {
	programs := uint64(6)
	if testing.Short() {
		programs = 3
	}
	for _, spec := range []string{"mmap-lock", "vma-rwsem", "vma-rwsem,-check-detached", "vma-rwsem,-address-after-ref", "vma-rwsem-seqcount,-lock-new-vma", "spf-seq", "spf-seq,-check-under-lock"} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			compared, spoke := 0, map[string]bool{}
			for seed := range programs {
				_, body, _ := strings.Cut(randomProgram(seed), "init\n")
				text := "rules " + spec + "\ninit\n" + body
				got, complete := oraclesOf(t, text, explore.Options{Strategy: explore.DPOR, Executions: 8_000})
				if !complete { // it is too large
					continue
				}
				compared++
				for _, name := range got {
					spoke[name] = true
				}
				for _, o := range []explore.Options{
					{Strategy: explore.Bounded, Preemptions: 2, Executions: 3_000},
					{Strategy: explore.PCT, Executions: 300, Seed: seed},
					{Strategy: explore.POS, Executions: 300, Seed: seed},
				} {
					want, _ := oraclesOf(t, text, o)
					for _, name := range want {
						if !slices.Contains(got, name) {
							t.Fatalf("seed %d: %s finds %s, dpor finds only %v\n%s", seed, o.Strategy, name, got, text)
						}
					}
				}
			}
			if compared < 2 {
				t.Errorf("only %d programs were small enough", compared)
			}
			if whole := !strings.Contains(spec, ","); whole && len(spoke) > 0 {
				t.Errorf("broken: %v", spoke)
			}
			t.Logf("%d programs, broken: %v", compared, spoke)
		})
	}
}
