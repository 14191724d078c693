package program

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// byStates is what searches with and without states come to.
type byStates struct {
	compared, broken, states, few, many int
	unlike                              []string // the scenarios in which a state was found to be several
}

// compare searches a scenario with states and with partial-order reduction, and holds what both find against each other. Oracles that judge
// by the way to a step are switched off.
func (b *byStates) compare(t *testing.T, sc *workloads.Scenario, spec string, limit int) {
	t.Helper()
	var without []string
	for _, info := range check.Oracles() {
		if info.ByWay() {
			without = append(without, info.Name)
		}
	}
	search := func(s explore.Strategy) *explore.Report {
		p, err := New(sc, Setting{Rules: spec, Without: without, Show: []string{Any}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		r, err := explore.Search(t.Context(), p, explore.Options{Strategy: s, Executions: limit, Watch: p.Watch, Choices: p.choices(), MaxChosen: 2})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	few := search(explore.DPOR)
	if !few.Complete && len(few.Violations) == 0 {
		return
	}
	for _, s := range []explore.Strategy{explore.States, explore.Stateful} {
		b.hold(t, sc, spec, few, search(s))
	}
}

// hold holds what a search with states has come to against one without.
func (b *byStates) hold(t *testing.T, sc *workloads.Scenario, spec string, few, r *explore.Report) {
	t.Helper()
	if r.Unlike > 0 {
		b.unlike = append(b.unlike, sc.Name)
		if r.Complete {
			t.Errorf("%s, %s: of %d states compared %d are several, and the search is complete", sc.Name, spec, r.Compared, r.Unlike)
		}
		return
	}
	if !r.Complete && len(r.Violations) == 0 {
		if r.Compared == 0 {
			t.Errorf("%s, %s, %s: in %d executions no state was met again", sc.Name, spec, r.Strategy, r.Executions)
		}
		return
	}
	b.compared++
	b.states, b.few, b.many = b.states+r.States, b.few+few.Executions, b.many+r.Executions
	if (len(r.Violations) > 0) != (len(few.Violations) > 0) {
		t.Errorf("%s, %s: %s %v, dpor %v\n%s", sc.Name, spec, r.Strategy, kinds(r), kinds(few), sc)
		return
	}
	if len(r.Violations) > 0 {
		b.broken++
		return
	}
	got, want := slices.Sorted(maps.Keys(r.DistinctOutcomes)), slices.Sorted(maps.Keys(few.DistinctOutcomes))
	if !slices.Equal(got, want) {
		t.Errorf("%s, %s: with %s\n%s\nwith dpor\n%s\n%s", sc.Name, spec, r.Strategy, strings.Join(got, "\n"), strings.Join(want, "\n"), sc)
	}
}

func kinds(r *explore.Report) (all []string) {
	for i := range r.Violations {
		all = append(all, r.Violations[i].Kind())
	}
	return all
}

// TestStatesMissNothing: with states the same comes of the built-in scenarios and of random ones as with partial-order reduction.
func TestStatesMissNothing(t *testing.T) {
	t.Parallel()
	limit, larger, programs := 300, 1500, uint64(24)
	if os.Getenv("VMASIM_LONG") != "" {
		limit, larger, programs = 8000, 8000, 1000
	}
	var built, random, files byStates
	for _, name := range names() {
		for _, sc := range builtin(t, name) {
			if sc.Model != nil || slices.ContainsFunc(sc.May, func(c *workloads.Choice) bool { return task.Choice(c.Name) == task.StaleWalk }) {
				continue
			}
			specs := map[string]bool{}
			for _, v := range sc.Verdicts {
				if !specs[v.Rules] {
					specs[v.Rules] = true
					built.compare(t, sc, v.Rules, limit)
				}
			}
		}
	}
	t.Logf("built-in: %+v", built)
	for seed := range programs {
		rng := rand.New(rand.NewPCG(seed, 77))
		text := randomProgram(rng.Uint64())
		sc, err := workloads.Parse("random.vma", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		random.compare(t, sc, "", larger)
	}
	for seed := range programs {
		rng := rand.New(rand.NewPCG(seed, 78))
		sc, err := workloads.Parse("random.vma", []byte(withFile(randomProgram(rng.Uint64()), rng)))
		if err != nil {
			t.Fatal(err)
		}
		files.compare(t, sc, "", larger)
	}
	t.Logf("random: %+v, with a file: %+v", random, files)
	for _, name := range slices.Concat(built.unlike, random.unlike, files.unlike) { // there something is read that neither an event tells nor the world
		t.Errorf("%s: a state stands for several", name)
	}
	if built.compared < 10 || random.compared < 5 || files.compared < 5 || built.broken == 0 {
		t.Error("too little was compared")
	}
}

// withFile lets a program's first mapping be one of a file, which its writer also changes by other ways than that mapping.
func withFile(text string, rng *rand.Rand) string {
	head, rest, _ := strings.Cut(text, "init\n")
	rest = strings.Replace(rest, "private anon", []string{"shared file F", "private file F"}[rng.IntN(2)], 1)
	more := []string{"msync A => any", "madvise A 4K remove => any", "mmap 4K rw shared file F+4K at A fixed => any", "mmap 4K rw shared anon => any"}[rng.IntN(4)]
	return head + "file F memory 8K\ninit\n" + strings.TrimSuffix(rest, "\n") + "\n    " + more + "\n"
}

// TestStatesOfSeveralStatements: so it does with several statements in each of two threads or three, whose results a search by states keeps apart only in the end.
func TestStatesOfSeveralStatements(t *testing.T) {
	t.Parallel()
	limit, programs := 1000, uint64(12)
	if os.Getenv("VMASIM_LONG") != "" {
		limit, programs = 20_000, 600
	}
	var b byStates
	for seed := range programs {
		text := severalStatements(rand.New(rand.NewPCG(seed, 78)))
		sc, err := workloads.Parse("several.vma", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		b.compare(t, sc, "", limit)
	}
	t.Logf("%+v", b)
	if b.compared < int(programs/4) {
		t.Errorf("of %d programs only %d searches were compared", programs, b.compared)
	}
}

// severalStatements returns a program of two readers or one, beside a writer.
func severalStatements(rng *rand.Rand) string {
	reads := []string{"lock A", "load A", "walk A", "load A+4K", "walk A+4K", "touch A read"}
	writes := []string{"mprotect A r", "mprotect A 4K rw", "munmap A", "munmap A+4K 4K", "store A+4K 7", "touch A write", "lock A"}
	var b strings.Builder
	b.WriteString("init\n    mmap A 8K rw private anon\n    store A 5\n    store A+4K 6\n")
	thread := func(name string, of []string, most int) {
		fmt.Fprintf(&b, "thread %s\n", name)
		for range 1 + rng.IntN(most) {
			fmt.Fprintf(&b, "    %s => any\n", of[rng.IntN(len(of))])
		}
	}
	thread("one", reads, 3)
	if rng.IntN(3) == 0 {
		thread("two", reads, 2)
	}
	thread("writer", writes, 2)
	if rng.IntN(4) == 0 {
		b.WriteString("finally\n    load A => any\n")
	}
	return b.String()
}

// TestStatesOfForks: a fork lies at the same addresses in all executions, so that its states are known when they are come to again; and what came of
// them is compared only as long as nothing was learned by which the order of steps is chosen.
func TestStatesOfForks(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		limit      int
	}{
		{"b29-killed-writer", "linux-6.18,+killable-fork-lock", 4000},
		{"fork-snapshot", "linux-6.18", 4000},
	} {
		for _, s := range []explore.Strategy{explore.States, explore.Stateful} {
			p, err := New(builtin(t, c.name)[0], Setting{Rules: c.spec})
			if err != nil {
				t.Fatal(err)
			}
			r, err := explore.Search(t.Context(), p, explore.Options{Strategy: s, Executions: c.limit, Watch: p.Watch, Choices: p.choices()})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Complete || r.Compared < 10 || r.Unlike > 0 || len(r.Violations) > 0 {
				t.Errorf("%s, %s, %s: complete %v after %d, of %d states compared %d are several, %v", c.name, c.spec, s, r.Complete, r.Executions, r.Compared, r.Unlike, kinds(r))
			}
			p.Close()
		}
	}
}

func names() (names []string) {
	for _, l := range workloads.Litmus() {
		names = append(names, l.Name)
	}
	for _, b := range workloads.Bugs() {
		names = append(names, b.Name)
	}
	return names
}
