package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"vmasim/internal/task"
)

// shelf is a Store in memory. At a crash nothing more is saved.
type shelf struct {
	mu      sync.Mutex
	texts   map[string][]byte
	saves   int
	crashAt int    // the save after which the process is dead; 0: none
	crash   func() // ends the search
	crashed bool
}

func newShelf() *shelf { return &shelf{texts: map[string][]byte{}} }

func (s *shelf) Load(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text, ok := s.texts[name]; ok {
		return text, nil
	}
	return nil, fs.ErrNotExist
}

func (s *shelf) Save(name string, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crashed {
		return nil
	}
	s.texts[name] = text
	if s.saves++; s.saves == s.crashAt {
		s.crashed = true
		s.crash()
	}
	return nil
}

func (s *shelf) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.texts, name)
	return nil
}

// divided splits a search, and reads each part from its text, as another process does.
func divided(t *testing.T, p Program, o Options, n int) []*Part {
	t.Helper()
	parts, err := Split(t.Context(), p, o, n)
	if err != nil || len(parts) != n {
		t.Fatalf("%d parts, %v, expected %d", len(parts), err, n)
	}
	return reread(t, parts)
}

func reread(t *testing.T, parts []*Part) []*Part {
	t.Helper()
	for i, part := range parts {
		text, err := json.Marshal(part)
		if err == nil {
			parts[i], err = ParsePart(text)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return parts
}

// searchPart searches a part in runs of so many executions, 0: in one, each with a program of its own.
func searchPart(t *testing.T, program func() Program, o Options, part *Part, every int, store Store) *Report {
	t.Helper()
	o.Part, o.Store, o.Checkpoint, o.Executions = part, store, fmt.Sprint(part.Number), every
	for {
		if r := explored(t, program(), o); !r.Stopped {
			return r
		}
	}
}

// merged adds up what the shelf has of the parts.
func merged(t *testing.T, p Program, o Options, parts []*Part, store *shelf) *Report {
	t.Helper()
	states := make([][]byte, len(parts))
	for i, part := range parts {
		states[i] = store.texts[fmt.Sprint(part.Number)]
	}
	r, err := Merge(p, o, parts, states, true)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// atOnce searches a program as a search that can go on later does: by DPOR it is divided like parts.
func atOnce(t *testing.T, p Program, o Options) *Report {
	t.Helper()
	o.Checkpoint, o.Store = "whole", newShelf()
	return explored(t, p, o)
}

// findings is what of a report must not depend on how the search was divided.
func findings(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "complete %v, %d truncated, %d steps\n", r.Complete, r.Truncated, r.Steps)
	for _, o := range slices.Sorted(maps.Keys(r.DistinctOutcomes)) {
		fmt.Fprintf(&b, "%s\n", o)
	}
	var kinds []string
	for i := range r.Violations {
		kinds = append(kinds, r.Violations[i].Kind())
	}
	slices.Sort(kinds)
	fmt.Fprintln(&b, kinds)
	return b.String()
}

// TestPartsAreTheWhole: over random programs, however a search is divided, and in however many runs each part is searched, the parts
// together find what one search does, in as many executions.
func TestPartsAreTheWhole(t *testing.T) {
	seeds, compared, failing := uint64(40), 0, 0
	if testing.Short() {
		seeds = 8
	}
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	for seed := range seeds {
		program := func() Program { return apart{generate(30_000 + seed)} }
		for _, o := range []Options{
			{Strategy: DPOR}, {Strategy: DPOR, Choices: choices}, {Strategy: DPOR, Memory: MemoryModel{Views: true, Limit: 1}}, {Strategy: DFS}, {Strategy: Bounded}, {Strategy: Delays},
		} {
			o.KeepGoing, o.Workers, o.Executions, o.aloneFor = 1000, 2, 1500, 1+int(seed)%10
			whole := atOnce(t, program(), o)
			if whole.Stopped || whole.Executions < 5 {
				continue
			}
			compared++
			if alone := explored(t, program(), o); findings(alone) != findings(whole) || alone.Executions > whole.Executions+whole.Executions/10+2 {
				t.Fatalf("seed %d, %s %s: %d executions\n%s\nwith a checkpoint: %d executions\n%s", seed, o.Strategy, o.Memory, alone.Executions, findings(alone), whole.Executions, findings(whole))
			}
			if len(whole.Violations) > 0 {
				failing++
			}
			o.Executions = 0
			for _, n := range []int{1, 2, 7, 16} {
				parts, store := divided(t, program(), o, n), newShelf()
				for _, part := range parts {
					o.Workers = 1 + part.Number%2
					every := 0
					if n == 7 {
						every = 1 + whole.Executions/20
					}
					searchPart(t, program, o, part, every, store)
				}
				got := merged(t, program(), o, parts, store)
				if findings(got) != findings(whole) || o.Strategy.Counts() == "" && got.Executions != whole.Executions {
					t.Fatalf("seed %d, %s %s in %d parts: %d executions\n%s\nat once: %d executions\n%s", seed, o.Strategy, o.Memory, n,
						got.Executions, findings(got), whole.Executions, findings(whole))
				}
			}
		}
	}
	if t.Logf("%d searches divided, %d of them with failures", compared, failing); compared < int(seeds) || failing == 0 {
		t.Errorf("%d searches divided, %d of them with failures: too few", compared, failing)
	}
}

// TestRandomPartsAreTheWhole: the executions that are drawn are the same.
func TestRandomPartsAreTheWhole(t *testing.T) {
	for _, s := range []Strategy{Random, PCT, POS} {
		program := func() Program { return newDetachRace(t, 2, 1, 1, "linux-6.18,-detach-waits") }
		o := Options{Strategy: s, KeepGoing: 100, Seed: 3, Executions: 1100}
		whole := explored(t, program(), o)
		for _, n := range []int{1, 3, 16} {
			parts, store := divided(t, program(), o, n), newShelf()
			for _, part := range parts {
				searchPart(t, program, o, part, 1+part.Number%2*130, store)
			}
			got := merged(t, program(), o, parts, store)
			if findings(got) != findings(whole) || got.Executions != whole.Executions || !maps.Equal(got.DistinctOutcomes, whole.DistinctOutcomes) || got.Stopped {
				t.Errorf("%s in %d parts, stopped %v: %d executions\n%s\nat once: %d executions\n%s", s, n, got.Stopped, got.Executions, findings(got), whole.Executions, findings(whole))
			}
		}
	}
}

// TestPartsGoOnAfterCrashes: a process that ends at a random moment, with no chance to write anything, loses nothing but time.
func TestPartsGoOnAfterCrashes(t *testing.T) {
	program := func() Program { return newDetachRace(t, 2, 1, 1, "") }
	o := Options{Strategy: DPOR, Workers: 2, Every: 1, saveEvery: 1, aloneFor: 100}
	whole := atOnce(t, program(), o)
	parts, store, crashes := divided(t, program(), o, 3), newShelf(), 0
	r := rand.New(rand.NewPCG(7, 7))
	for _, part := range parts {
		for {
			ctx, cancel := context.WithCancel(t.Context())
			store.saves, store.crashAt, store.crash, store.crashed = 0, 1+r.IntN(80), cancel, false
			own := o
			own.Part, own.Store, own.Checkpoint = part, store, fmt.Sprint(part.Number)
			_, err := Search(ctx, program(), own)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if state, err := ParsePartState(store.texts[own.Checkpoint]); err != nil || state.Number != part.Number || state.Of != 3 {
				t.Fatalf("%+v, %v", state, err)
			} else if state.Ended {
				break
			}
			if crashes++; crashes > 1000 {
				t.Fatal("it does not end")
			}
		}
	}
	if got := merged(t, program(), o, parts, store); findings(got) != findings(whole) || got.Executions != whole.Executions {
		t.Errorf("%d crashes, %d executions\n%s\nat once: %d\n%s", crashes, got.Executions, findings(got), whole.Executions, findings(whole))
	}
	t.Logf("%d crashes", crashes)
}

// TestPartsThatLack: what was not searched in full makes nothing complete, and a part that has ended only tells what it found.
func TestPartsThatLack(t *testing.T) {
	program := func() Program { return newDetachRace(t, 2, 1, 1, "") }
	o := Options{Strategy: DPOR, aloneFor: 50}
	whole := atOnce(t, program(), o)
	parts, store := divided(t, program(), o, 4), newShelf()
	for _, part := range parts[:3] {
		searchPart(t, program, o, part, 0, store)
	}
	if r := merged(t, program(), o, parts, store); r.Complete || !r.Stopped || r.Executions >= whole.Executions {
		t.Errorf("one was not begun: complete %v, stopped %v", r.Complete, r.Stopped)
	}
	last := o
	last.Part, last.Store, last.Checkpoint, last.Executions = parts[3], store, "3", 1
	explored(t, program(), last)
	if r := merged(t, program(), o, parts, store); r.Complete || !r.Stopped {
		t.Errorf("one was not ended: complete %v, stopped %v", r.Complete, r.Stopped)
	}
	first, again := searchPart(t, program, o, parts[3], 0, store), searchPart(t, program, o, parts[3], 0, store)
	if again.Earlier != again.Executions || again.Executions != first.Executions || !again.Complete {
		t.Errorf("again: %d executions, %d of them earlier; at first %d", again.Executions, again.Earlier, first.Executions)
	}
	if r := merged(t, program(), o, parts, store); !r.Complete || r.Stopped || r.Executions != whole.Executions {
		t.Errorf("all were: complete %v, stopped %v, %d executions, expected %d", r.Complete, r.Stopped, r.Executions, whole.Executions)
	}
	states := [][]byte{store.texts["0"], store.texts["1"], store.texts["2"], store.texts["3"]}
	if r, err := Merge(program(), o, parts, states, false); err != nil || r.Complete {
		t.Errorf("there are others: complete %v, %v", r.Complete, err)
	}
	states[2] = states[1]
	if _, err := Merge(program(), o, parts, states, true); err == nil || !strings.Contains(err.Error(), "belongs to part") {
		t.Errorf("%v", err)
	}
	other := lostUpdate()
	other.finger = "s2"
	if _, err := Merge(other, o, parts, states, true); err == nil || !strings.Contains(err.Error(), "belongs to scenario , this is s2") {
		t.Errorf("%v", err)
	}
	deeper := o
	deeper.Depth, deeper.Part = 77, parts[0]
	if _, err := Search(t.Context(), program(), deeper); err == nil || !strings.Contains(err.Error(), "belongs to depth 0, this is 77") {
		t.Errorf("%v", err)
	}
	for _, o := range []Options{{Strategy: States}, {From: &Schedule{}}, {Strategy: "x"}} {
		if _, err := Split(t.Context(), program(), o, 2); err == nil {
			t.Errorf("%+v is divided", o)
		}
	}
	if _, err := Split(t.Context(), program(), o, 0); err == nil {
		t.Error("into no parts")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Split(ctx, program(), o, 2); err == nil {
		t.Error("divided after an interrupt")
	}
}

// TestManyParts: there may be more parts than branches, and each is a part.
func TestManyParts(t *testing.T) {
	program := func() Program { return lostUpdate() }
	o := Options{Strategy: DFS, KeepGoing: 9}
	whole := atOnce(t, program(), o)
	parts, store := divided(t, program(), o, 300), newShelf()
	for _, part := range parts {
		searchPart(t, program, o, part, 0, store)
	}
	if r := merged(t, program(), o, parts, store); findings(r) != findings(whole) || r.Executions != whole.Executions {
		t.Errorf("%d executions\n%s\nat once: %d\n%s", r.Executions, findings(r), whole.Executions, findings(whole))
	}
}

// FuzzParsePart: a part that is damaged is refused, and one that is not refused can be searched to an end or an error.
func FuzzParsePart(f *testing.F) {
	program := func() Program { return lostUpdate() }
	for _, s := range []Strategy{DPOR, DFS, Bounded, Delays, PCT} {
		parts, err := Split(f.Context(), program(), Options{Strategy: s, aloneFor: 1}, 2)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range parts {
			p.Shares = p.Shares[:min(len(p.Shares), 1)]
			text, err := json.Marshal(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		part, err := ParsePart(text)
		if err != nil {
			return
		}
		o := Options{Strategy: part.Search.Strategy, Part: part, Executions: 20, Seed: part.Search.Seed, Depth: part.Search.Depth}
		if _, err := Search(t.Context(), program(), o); err == nil && part.Search.Scenario != "" {
			t.Errorf("a part of %s was searched for another", part.Search.Scenario)
		}
	})
}

// TestRestIsWhatIsLeft: a part that is stopped anywhere and whose rest is divided, again and again, finds with the parts of its rest what it would
// have found.
func TestRestIsWhatIsLeft(t *testing.T) {
	seeds, compared, divisions := uint64(60), 0, 0
	if testing.Short() {
		seeds = 12
	}
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	for seed := range seeds {
		program := func() Program { return apart{generate(40_000 + seed)} }
		for _, o := range []Options{
			{Strategy: DPOR}, {Strategy: DPOR, Choices: choices}, {Strategy: DPOR, Memory: MemoryModel{Views: true, Limit: 1}},
			{Strategy: DFS}, {Strategy: DFS, Choices: choices}, {Strategy: Bounded}, {Strategy: Delays}, {Strategy: PCT, Seed: seed},
		} {
			o.KeepGoing, o.Executions, o.aloneFor = 1000, 1500, 1+int(seed)%10
			whole := atOnce(t, program(), o)
			if whole.Executions < 20 || whole.Stopped && o.Strategy != PCT {
				continue
			}
			compared++
			r := rand.New(rand.NewPCG(seed, 1))
			store, all := newShelf(), []*Part{}
			var add func(parts []*Part)
			add = func(parts []*Part) {
				for _, part := range parts {
					own, name := o, part.name()
					own.Part, own.Store, own.Checkpoint, own.Workers, own.Executions = part, store, name, 1+r.IntN(2), 1+r.IntN(1+whole.Executions/3)
					all = append(all, part)
					if rep := explored(t, program(), own); !rep.Stopped {
						continue
					}
					rest, ended, err := part.Rest(t.Context(), program(), o, store.texts[name], 1+r.IntN(4))
					if err != nil {
						t.Fatal(err)
					}
					if st, err := ParsePartState(ended); err != nil || !st.Ended || st.Rest != rest[0].Division || !rest[0].IsRestOf(part) {
						t.Fatalf("%+v, %v", st, err)
					}
					if _, _, err := part.Rest(t.Context(), program(), o, ended, 2); err == nil {
						t.Fatal("the rest of nothing")
					}
					store.texts[name] = ended
					divisions++
					add(reread(t, rest))
				}
			}
			add(divided(t, program(), o, 2))
			states := make([][]byte, len(all))
			for i, part := range all {
				states[i] = store.texts[part.name()]
			}
			got, err := Merge(program(), o, all, states, true)
			if err != nil {
				t.Fatal(err)
			}
			same := o.Strategy == DFS || o.Strategy == PCT
			if findings(got) != findings(whole) || same && got.Executions != whole.Executions || got.Stopped {
				t.Fatalf("seed %d, %s %s %v in %d parts: %d executions\n%s\nat once: %d executions\n%s", seed, o.Strategy, o.Memory, o.Choices, len(all),
					got.Executions, findings(got), whole.Executions, findings(whole))
			}
		}
	}
	if t.Logf("%d searches, %d divisions of what was left", compared, divisions); compared < int(seeds) || divisions < 4*compared {
		t.Errorf("%d searches, %d divisions of what was left: too few", compared, divisions)
	}
}
