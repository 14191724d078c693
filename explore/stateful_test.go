package explore

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// statesTell reports whether a state of the program tells all that it does: its worlds recur where nothing is taken from a slab, and
// no statement notes more than its operation tells.
func statesTell(p *generated) bool {
	return !slices.ContainsFunc([]string{"replace", "take", "look", "call", "barrier", "put", "copy frame"}, func(name string) bool {
		return strings.Contains(p.String(), name+" ")
	})
}

// TestStatefulMissesNothing is what the soundness of going on from no state twice rests on: on random programs it ends in the same ways
// as going through all schedules.
func TestStatefulMissesNothing(t *testing.T) {
	programs, limit := 1500, 2000
	if testing.Short() {
		programs, limit = 400, 1000
	}
	all, few, compared := 0, 0, 0
	kinds := map[string]bool{}
	for seed := range uint64(programs) {
		p := generate(50_000 + seed)
		if !statesTell(p) {
			continue
		}
		p.again = true
		a, b, k, ok := compare(t, seed, p, Options{Strategy: DFS}, Options{Strategy: Stateful}, limit)
		if t.Failed() {
			return
		}
		if ok {
			compared++
			all, few = all+a, few+b-sharingTrials
			maps.Copy(kinds, k)
		}
	}
	t.Logf("%d of %d programs compared: %d executions instead of %d", compared, programs, few, all)
	for _, kind := range []string{"finished", "violation", "deadlock", "lost"} {
		if !kinds[kind] {
			t.Errorf("no program ends in %q: the comparison shows less than it should", kind)
		}
	}
	if compared < programs/20 || few*2 > all {
		t.Errorf("%d programs, %d executions instead of %d: hardly a reduction", compared, few, all)
	}
}

// TestTailsMissNothing: so does one that keeps states together whatever the statements before them have come to, with far fewer states.
func TestTailsMissNothing(t *testing.T) {
	programs, limit := uint64(1500), 2000
	if testing.Short() {
		programs, limit = 300, 1000
	}
	if os.Getenv("VMASIM_LONG") != "" {
		programs = 20_000
	}
	compared, more := 0, 0
	few, many := 0, 0
	for seed := range programs {
		p := generate(80_000 + seed)
		if !statesTell(p) {
			continue
		}
		for i := range p.tasks { // a statement more, of which nothing comes that the others see
			p.tasks[i] = append(p.tasks[i], p.tasks[(i+1)%len(p.tasks)][0])
		}
		p.again = true
		apart, ok := statesOf(t, p, limit)
		p.sums = true
		_, _, _, all := compare(t, seed, p, Options{Strategy: DFS}, Options{Strategy: Stateful}, limit)
		if t.Failed() {
			return
		}
		if !all || !ok {
			continue
		}
		together, _ := statesOf(t, p, 4*limit)
		compared++
		few, many = few+together, many+apart
		if together > apart {
			more++
		}
	}
	t.Logf("%d of %d programs compared: %d states instead of %d; %d have more", compared, programs, few, many, more)
	if compared < int(programs/50) || few >= many {
		t.Errorf("%d programs, %d states instead of %d: nothing is kept together", compared, few, many)
	}
}

// TestPastTellsWhatWasPassedOver: in a state that an execution has reached behind a broken rule the outcomes of those that have broken none are still sought.
func TestPastTellsWhatWasPassedOver(t *testing.T) {
	turn := statement{name: "turn", do: func(w *genWorld, t *genTask, _ statement) {
		if w.words[0].Xchg(t.Task, uint64(t.ID)) == uint64(t.ID) {
			t.Violate("twice in succession", "")
		}
	}}
	for _, s := range []Strategy{States, Stateful} {
		p := &generated{tasks: [][]statement{slices.Repeat([]statement{turn}, 6), slices.Repeat([]statement{turn}, 6)}, sums: true, again: true}
		pass := func(string) bool { return true }
		want := explored(t, p, Options{Strategy: DFS, Pass: pass, KeepGoing: 8})
		got := explored(t, p, Options{Strategy: s, Pass: pass, KeepGoing: 8})
		if len(want.DistinctOutcomes) != 2 || !slices.Equal(slices.Sorted(maps.Keys(got.DistinctOutcomes)), slices.Sorted(maps.Keys(want.DistinctOutcomes))) || !got.Complete {
			t.Errorf("%s: outcomes %v (complete %t), by dfs %v", s, got.DistinctOutcomes, got.Complete, want.DistinctOutcomes)
		}
	}
}

// statesOf returns how many states a search of the program has, and whether it came to its end.
func statesOf(t *testing.T, p *generated, limit int) (states int, ok bool) {
	t.Helper()
	r, err := Search(t.Context(), p, Options{Strategy: Stateful, Executions: limit, KeepGoing: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return r.States, r.Complete
}

// TestStatefulMissesNoChoices compares with choices besides scheduling.
func TestStatefulMissesNoChoices(t *testing.T) {
	programs, compared := uint64(600), 0
	if testing.Short() {
		programs = 100
	}
	for seed := range programs {
		p := generate(60_000 + seed)
		if !statesTell(p) {
			continue
		}
		p.again = true
		o := Options{Strategy: DFS, Choices: []task.Choice{task.Steal, task.GraceDelayed}, MaxChosen: int(1 + seed%2)}
		by := o
		by.Strategy = Stateful
		if _, _, _, ok := compare(t, seed, p, o, by, 1500); ok {
			compared++
		}
		if t.Failed() {
			return
		}
	}
	if compared < int(programs/30) {
		t.Errorf("only %d programs compared", compared)
	}
}

// TestStatefulGoesOn: a search that goes on behind violations, after which the world lies elsewhere, finds all kinds that dfs finds.
func TestStatefulGoesOn(t *testing.T) {
	several := 0
	for seed := range uint64(150) {
		p := generate(70_000 + seed)
		if !statesTell(p) {
			continue
		}
		p.again = true
		want, _, ok := endings(t, p, Options{Strategy: DFS}, 1000)
		if !ok {
			continue
		}
		got, _, _ := endings(t, p, Options{Strategy: Stateful}, 4000)
		for name, schedule := range want {
			if _, ok := got[name]; !ok {
				t.Fatalf("seed %d: dfs finds %q by %s\n%s", seed, name, schedule, p)
			}
			if !strings.HasPrefix(name, "finished") {
				several++
			}
		}
	}
	if several < 5 {
		t.Errorf("only %d failures", several)
	}
}

// TestStatesAreLimited: a search that may remember so many states stops there, and says that there is more. One in which each execution leaves
// the world where it cannot be used again comes to an end, too.
func TestStatesAreLimited(t *testing.T) {
	limited := 0
	for seed := range uint64(40) {
		p := generate(70_000 + seed)
		if !statesTell(p) {
			continue
		}
		p.again = true
		for _, strategy := range []Strategy{States, Stateful} {
			r, err := Search(t.Context(), p, Options{Strategy: strategy, States: 20, KeepGoing: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if r.Stopped && r.States >= 20 {
				limited++
			}
			if r.Stopped && r.Complete || r.States > 20+r.Steps {
				t.Errorf("seed %d, %s: %d states, stopped %t, complete %t", seed, strategy, r.States, r.Stopped, r.Complete)
			}
		}
	}
	if limited == 0 {
		t.Error("no search was limited")
	}
}
