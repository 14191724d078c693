package diff

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/host"
	"vmasim/mm"
	"vmasim/workloads"
)

var (
	randomOps  = flag.Int("diff-ops", 20_000, "operations that TestRandom compares")
	randomSeed = flag.Uint64("diff-seed", 1, "seed of TestRandom")
)

func TestMain(m *testing.M) {
	host.Main()
	flag.Parse()
	os.Exit(m.Run())
}

// newLab starts agents, or skips the test where no kernel can judge.
func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := NewLab()
	if err != nil {
		t.Skip("no agents here:", err)
	}
	t.Cleanup(l.Close)
	if err := l.Kernel().Judges(); err != nil {
		t.Skip("this kernel is no judge:", err)
	}
	return l
}

// TestRandom compares a bounded number of random operations: -diff-ops and -diff-seed make it long, or begin elsewhere.
func TestRandom(t *testing.T) {
	l := newLab(t)
	r, err := l.Random(context.Background(), Options{Operations: *randomOps, Seed: *randomSeed, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations in %d sequences, %v, seed %d: %v", r.Operations, r.Sequences, r.Elapsed, r.Seed, r.Coverage)
	if r.FirstDrift != nil {
		t.Errorf("drift: %v\n%s\n%s", r.FirstDrift, r.FirstDrift.Picture, r.Scenario)
	}
}

// TestDriftIsShrunk has a simulator that is wrong in one thing: it refuses what is larger than 7 pages. One call is left of
// the sequence that finds out, and the scenario that is written shows the same.
func TestDriftIsShrunk(t *testing.T) {
	l := newLab(t)
	l.tweak = func(c *mm.Config) { c.TotalRAM = 7 * mm.PageSize }
	r, err := l.Random(context.Background(), Options{Operations: 100_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Drifts != 1 || r.FirstDrift == nil {
		t.Fatalf("%d drifts in %d operations", r.Drifts, r.Operations)
	}
	sc, err := workloads.Parse("drift.vma", []byte(r.Scenario))
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Scenario)
	}
	body := slices.DeleteFunc(slices.Clone(sc.Init.Body), func(s *workloads.Stmt) bool { return s.Kind == workloads.KindHeap })
	if len(body) != 1 {
		t.Errorf("%d statements are left:\n%s", len(body), r.Scenario)
	}
	again, err := l.Scenario(context.Background(), sc, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.FirstDrift == nil || again.FirstDrift.What != r.FirstDrift.What {
		t.Errorf("the scenario shows %v, not %v", again.FirstDrift, r.FirstDrift)
	}
}

// TestScenario goes through what a scenario can hold: children, threads, a heap, pictures.
func TestScenario(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct{ src, want string }{
		"fork and threads": {`mm child
file F temp 16K pattern
init
    mmap A 64K rw private anon
    store A 1
    fork child
    store A 2
thread kid in child
    load A => 1
    repeat 3
        store A 3
thread parent * 2
    load A => 2
    touch A+$i*4K+4K write
    mmap 8K r shared file F +8K
finally
    in child
        load A => 3
    maps
        A..A.end rw private anon
    exit child
`, ""},
		"heap": {`init
    mmap A 64K rw private anon
    heap H 1M at A-1M
    brk H+64K => H+64K
    touch H write
    brk H+2M => H+64K
    mincore H 64K => 1
`, ""},
		"a result that neither gives":  {"init\n    mmap A 64K rw private anon => ENOMEM\n", "both sides say 0x20003fff0000, the scenario ENOMEM"},
		"a picture that neither shows": {"init\n    mmap A 64K rw private anon\n    maps\n        A..A.end r private anon\n", "the scenario pictures"},
	} {
		sc, err := workloads.Parse(name, []byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Scenario(context.Background(), sc, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch {
		case c.want == "" && r.FirstDrift != nil:
			t.Errorf("%s: %v\n%s", name, r.FirstDrift, r.FirstDrift.Picture)
		case c.want != "" && (r.FirstDrift == nil || !strings.Contains(r.FirstDrift.What, c.want)):
			t.Errorf("%s: %v, expected %q", name, r.FirstDrift, c.want)
		}
	}
}

// TestInterrupted checks that a search that is stopped tells what it has compared.
func TestInterrupted(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	r, err := l.Random(ctx, Options{Operations: 1 << 40, Seed: 1, Progress: func(p Progress) {
		if p.Operations > 0 {
			cancel()
		}
	}})
	if err != nil || !r.Interrupted || r.Operations == 0 {
		t.Errorf("%v, %+v", err, r)
	}
}
