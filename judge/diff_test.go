package judge

import (
	"context"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/judge/host"
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
	set, err := rules.Parse(rules.Default)
	if err != nil {
		t.Fatal(err)
	}
	l := newLabOn(host.StartFor(t, host.Judge), set)
	t.Cleanup(l.Close)
	return l
}

// operations returns how many random operations a test compares.
func operations() int {
	if testing.Short() {
		return *randomOps / 4
	}
	return *randomOps
}

// TestRandom compares a bounded number of random operations: -diff-ops and -diff-seed make it long, or begin elsewhere.
func TestRandom(t *testing.T) {
	l := newLab(t)
	r, err := l.Random(context.Background(), Options{Operations: operations(), Seed: *randomSeed, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations in %d sequences, %v, seed %d: %v", r.Operations, r.Sequences, r.Elapsed, r.Seed, r.Coverage)
	if r.FirstDrift != nil {
		t.Errorf("drift: %v\n%s\n%s", r.FirstDrift, r.FirstDrift.Picture, r.FirstDrift.Scenario)
	}
}

// TestDriftIsShrunk has a simulator that is wrong in one thing: it refuses what is larger than 7 pages. One call is left of
// the sequence that finds out, and the scenario that is written shows the same.
func TestDriftIsShrunk(t *testing.T) {
	l := newLab(t)
	l.tweak = func(c *mm.Config) { c.RAM = 7 * linux.PageSize }
	r, err := l.Random(context.Background(), Options{Operations: 100_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Drifts != 1 || r.FirstDrift == nil {
		t.Fatalf("%d drifts in %d operations", r.Drifts, r.Operations)
	}
	sc, err := workloads.Parse("drift.vma", []byte(r.FirstDrift.Scenario))
	if err != nil {
		t.Fatalf("%v\n%s", err, r.FirstDrift.Scenario)
	}
	body := slices.DeleteFunc(slices.Clone(sc.Init.Body), func(s *workloads.Stmt) bool { return s.Kind == workloads.KindHeap })
	if len(body) != 1 {
		t.Errorf("%d statements are left:\n%s", len(body), r.FirstDrift.Scenario)
	}
	again, err := l.Scenario(context.Background(), sc, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.FirstDrift == nil || again.FirstDrift.What != r.FirstDrift.What {
		t.Errorf("the scenario shows %v, not %v", again.FirstDrift, r.FirstDrift)
	}
	if !strings.HasPrefix(sc.Title, "A drift") {
		t.Errorf("the scenario is called %q", sc.Title)
	}
	l.kernel.Release = "7.3.4" // which is no judge
	if r, err = l.Random(context.Background(), Options{Operations: 100_000, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.FirstDrift.Scenario, "drift") || !strings.Contains(r.FirstDrift.Scenario, "another kernel, Linux 7.3.4") {
		t.Errorf("another kernel's difference is written as\n%s", r.FirstDrift.Scenario)
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
		"a result that neither gives":  {"init\n    mmap A 64K rw private anon => ENOMEM\n", "both sides say 0x7ffff7fef000, the scenario ENOMEM"},
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
		case r.FirstDrift != nil:
			t.Errorf("%s: %v\n%s", name, r.FirstDrift, r.FirstDrift.Picture)
		case c.want == "" && r.Unexpected != nil || c.want != "" && (r.Unexpected == nil || !strings.Contains(r.Unexpected.What, c.want)):
			t.Errorf("%s: %v, expected %q", name, r.Unexpected, c.want)
		}
	}
}

// TestWindows: a scenario is compared wherever processes have room, what does not fit is refused with its place, and neither is a
// drift.
func TestWindows(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct{ src, refused, unexpected string }{
		"large":       {"init\n    mmap A 2G none private anon\n    mmap B 20T none private anon\n", "", ""},
		"hint":        {"init\n    mmap A 4K rw private anon at 0x20000000 noreplace\n    store 0x20000000 1\n", "", ""},
		"high hint":   {"init\n    mmap A 4K rw private anon at 0x7ff000000000 => 0x7ff000000000\n    mmap B 4K rw private anon\n", "", ""},
		"below 4 GiB": {"window 1M at 0x10000000\ninit\n    mmap A 4K rw private anon => 0x100ff000\n", "", ""},
		"the lowest":  {"window 1M at 0x20000\ninit\n    mmap A 4K rw private anon at 0x20000 fixed\n    mmap B 4K rw private anon\n", "", ""},
		"to the top": {"window 1G at 0x7fffbffff000\ninit\n    mmap A 64K rw private anon\n    mmap B 4M rw private anon\n" +
			"    mmap 4K rw private anon at 0x7fffffffe000 fixed\n    mmap C 512M rw private anon\n    munmap B\n", "", ""},
		"64 TiB":             {"window 64T at 0x10000000\ninit\n    mmap A 63T none private anon\n    mmap B 4K rw private anon\n", "", ""},
		"full":               {"window 1M\ninit\n    mmap A 2M none private anon\n", "", "both sides say ENOMEM, the scenario ok"},
		"full as stated":     {"window 1M\ninit\n    mmap A 2M none private anon => ENOMEM\n", "", ""},
		"more than there is": {"init\n    mmap A 200T none private anon\n", ":2:5: 0xc80000000000 bytes do not fit, expected", ""},
		"hints far apart": {"init\n    mmap A 4K rw private anon at 0x7f0000000000 noreplace\n    mmap B 4K rw private anon at 0x20000000\n",
			"", ""},
		"load outside": {"init\n    load 0x10000 => SEGV_MAPERR\n", ":2:5: 0x10000 is outside, expected", ""},
		"heap outside": {"window 1M\ninit\n    heap H 64K at 0x10000000\n    brk H+4K\n", ":3:5: the heap is at 0x10000000, expected it in", ""},
		"window taken": {"window 1M at 0x8000000\ninit\n    mmap A 4K rw private anon\n", ":1:1: ", ""},
		"no room":      {"limit max_map_count 1000000\ninit\n    mmap A 4K rw private anon\n", ":1:1: ", ""},
	} {
		sc, err := workloads.Parse(name, []byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Scenario(t.Context(), sc, 1)
		_, refusal := errors.AsType[*Refused](err)
		switch {
		case c.refused != "":
			if !refusal || !strings.HasPrefix(err.Error(), name+c.refused) {
				t.Errorf("%s: %v, expected it to be refused at %q", name, err, c.refused)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case r.FirstDrift != nil:
			t.Errorf("%s: %v\n%s", name, r.FirstDrift, r.FirstDrift.Picture)
		case c.unexpected == "" && r.Unexpected != nil || c.unexpected != "" && (r.Unexpected == nil || r.Unexpected.What != c.unexpected):
			t.Errorf("%s: %v, expected %q", name, r.Unexpected, c.unexpected)
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

// TestRandomInShards: shards have no sequence in common, together they have as many as make the operations, and the first drift of all is that of
// the first sequence that has one.
func TestRandomInShards(t *testing.T) {
	l := newLab(t)
	var shards []*Result
	for n := range 3 {
		r, err := l.Random(t.Context(), Options{Operations: 900, Length: 100, Seed: 3, Workers: 1 + n%2, Shard: n + 1, Shards: 3})
		if err != nil {
			t.Fatal(err)
		}
		if r.Sequences != 3 || r.Interrupted || r.FirstDrift != nil {
			t.Errorf("shard %d: %d sequences, interrupted %v, %v", n+1, r.Sequences, r.Interrupted, r.FirstDrift)
		}
		shards = append(shards, r)
	}
	all, err := l.Random(t.Context(), Options{Operations: 900, Length: 100, Seed: 3, Shard: 1, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	if sum := Merge(shards); sum.Sequences != all.Sequences || sum.Operations != all.Operations || !reflect.DeepEqual(sum.Coverage, all.Coverage) {
		t.Errorf("%d sequences, %d operations, expected %d and %d", sum.Sequences, sum.Operations, all.Sequences, all.Operations)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := l.Random(ctx, Options{Operations: 900, Seed: 3, Shard: 1, Shards: 3}); err != nil || !r.Interrupted {
		t.Errorf("%v: not interrupted", err)
	}
	shards[0].FirstDrift, shards[0].DriftIn, shards[0].Drifts = &Drift{What: "later"}, 4, 1
	shards[2].FirstDrift, shards[2].DriftIn, shards[2].Drifts = &Drift{What: "sooner"}, 3, 1
	if sum := Merge(shards); sum.Drifts != 2 || sum.FirstDrift.What != "sooner" {
		t.Errorf("%d drifts, the first %v", sum.Drifts, sum.FirstDrift)
	}
}
