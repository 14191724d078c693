package program

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
)

// TestAfter: no interleaving has a statement come before the one that it waits for, and those that wait for each other are a deadlock.
func TestAfter(t *testing.T) {
	const src = `
init
	mmap A 4K rw private anon
thread a * 2
	store A+$i*8 1
thread b
	%s
	walk A => 1
`
	if r := exploreSource(t, fmt.Sprintf(src, "after a.1"), Options{}); len(r.Violations) > 0 || !r.Search.Complete {
		t.Errorf("complete %v, %v", r.Search.Complete, r.Violations)
	}
	if r := exploreSource(t, fmt.Sprintf(src, "yield"), Options{NoShrink: true}); len(r.Violations) == 0 {
		t.Error("without a wait every interleaving has both stores before the loads")
	}
	r := exploreSource(t, "thread a\n\tafter b.2\n\tyield\nthread b\n\tafter a.2\n\tyield\n", Options{})
	if len(r.Violations) == 0 || len(r.Violations[0].Trace.Blocked) != 2 || r.Violations[0].Trace.Blocked[0].Cell != "b.2" {
		t.Errorf("%v, expected a deadlock at b.2 and a.2", r.Violations)
	}
}

// TestAfterMissesNothing: the reductions find for programs that wait, drawn at random, the outcomes that going through all interleavings
// finds.
func TestAfterMissesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	compared, waits, programs := 0, 0, 300
	if testing.Short() {
		programs = 80
	}
	for n := range programs {
		src := waiting(rng)
		all := ends(t, src, explore.DFS)
		if all == nil {
			continue
		}
		compared++
		waits += strings.Count(src, "after")
		for _, s := range []explore.Strategy{explore.DPOR, explore.States} {
			if got := ends(t, src, s); got != nil && !slices.Equal(got, all) { // after a deadlock states lie elsewhere, and may be too many
				t.Fatalf("program %d, strategy %v:\n%s\nfound %q\nof %q", n, s, src, got, all)
			}
		}
	}
	t.Logf("%d programs with %d waits", compared, waits)
	if compared < programs/2 || waits < programs/2 {
		t.Error("too few to tell")
	}
}

// waiting draws a program whose threads wait for each other, rarely in a circle.
func waiting(rng *rand.Rand) string {
	var b strings.Builder
	b.WriteString("init\n\tmmap A 4K rw private anon\n\tstore A 9\n")
	names := []string{"a", "b", "c"}[:2+rng.IntN(2)]
	for i, name := range names {
		fmt.Fprintf(&b, "thread %s\n", name)
		for range 2 {
			other := rng.IntN(len(names))
			switch k := rng.IntN(6); {
			case k < 3 && other != i && (other < i || rng.IntN(3) == 0):
				fmt.Fprintf(&b, "\tafter %s.%d\n", names[other], 1+rng.IntN(2))
			case k < 5:
				b.WriteString("\tyield\n")
			default:
				b.WriteString("\twalk A => any\n")
			}
		}
	}
	return b.String()
}

// ends returns the outcomes of all interleavings, with deadlocks as one; nil if they are too many.
func ends(t *testing.T, src string, s explore.Strategy) (all []string) {
	t.Helper()
	p, err := New(parse(t, src), Setting{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := searched(t, p, explore.Options{Strategy: s, Executions: 5000, KeepGoing: 5000})
	if !r.Complete {
		return nil
	}
	all = slices.Collect(maps.Keys(r.DistinctOutcomes))
	if len(r.Violations) > 0 {
		all = append(all, "deadlock")
	}
	slices.Sort(all)
	return all
}

// TestReducedAfter: a smaller program waits for what is left, and is written with the numbers that this has then.
func TestReducedAfter(t *testing.T) {
	const src = `
init
	mmap A 4K rw private anon
thread a
	touch A read
	store A 1
	load A
thread b
	after a.2
	after a.3
	load A
`
	sc := parse(t, src)
	for cuts, want := range map[string]string{
		",-a.1": "after a.1 after a.2",
		",-a.2": "after a.2",
		",-a":   "",
	} {
		parts, err := parseCuts(cuts)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := reduced(sc, numbered(sc), parts)
		if err != nil {
			t.Errorf("%s: %v", cuts, err)
			continue
		}
		var got []string
		for line := range strings.Lines(bareText(out)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "after") {
				got = append(got, line)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, expected %q", cuts, got, want)
		}
	}
	p := newProgram(t, src, Setting{})
	for smaller := range p.Smaller() {
		q := smaller.(*Program)
		if r := searched(t, q, explore.Options{Executions: 500}); len(r.Violations) > 0 {
			t.Errorf("%v", r.Violations[0].String())
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}
