package workloads

import (
	"math/rand/v2"
	"slices"
	"testing"

	"vmasim/internal/rules"
)

// TestDrafts: a draft can be read, is the same for the same numbers, and written again it is itself.
func TestDrafts(t *testing.T) {
	drawn := map[Kind]int{}
	for _, f := range rules.Families() {
		d, err := NewDrafts(f.Calls, nil, f.May)
		if err != nil {
			t.Fatalf("family %s: %v", f.Name, err)
		}
		for seed := range uint64(50) {
			sc, err := d.Draw(rand.New(rand.NewPCG(seed, 0)))
			if err != nil {
				t.Fatalf("family %s, seed %d: %v", f.Name, seed, err)
			}
			again, err := d.Draw(rand.New(rand.NewPCG(seed, 0)))
			if err != nil || again.String() != sc.String() {
				t.Fatalf("family %s, seed %d: not the same again, %v", f.Name, seed, err)
			}
			checkRoundTrip(t, sc.String())
			for _, th := range sc.Threads {
				for s := range Statements(th.Body) {
					if drawn[s.Kind]++; s.Kind != KindMmap && !slices.Contains(f.Calls, s.Kind.String()) {
						t.Errorf("family %s, seed %d: %s is drawn", f.Name, seed, s.Kind)
					}
				}
			}
		}
	}
	for _, f := range rules.Families() {
		for _, call := range f.Calls {
			if k := specByName(call).Kind; drawn[k] == 0 {
				t.Errorf("family %s: %s is never drawn", f.Name, call)
			}
		}
	}
}

// TestDraftsOfEachRule: programs over the calls of any rule can be drawn.
func TestDraftsOfEachRule(t *testing.T) {
	for _, r := range rules.All() {
		d, err := NewDrafts(slices.Concat(r.Family().Calls, r.Info().Also), r.Info().Also, r.Family().May)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		for seed := range uint64(30) {
			if _, err := d.Draw(rand.New(rand.NewPCG(seed, 0))); err != nil {
				t.Errorf("%s, seed %d: %v", r, seed, err)
			}
		}
	}
}

func TestDraftsRefuse(t *testing.T) {
	for want, calls := range map[string][]string{
		`"mmapp" is no statement`:                              {"mmapp"},
		`barrier cannot be drawn`:                              {"mmap", "barrier"},
		`no statement that changes a layout among store, load`: {"store", "load"},
	} {
		if _, err := NewDrafts(calls, nil, nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", calls, err, want)
		}
	}
}

// TestFamiliesHaveTheCallsOfTheirTests: what the litmus test of a rule does and lets happen is among what its family declares, so that
// drawn programs can come upon the same.
func TestFamiliesHaveTheCallsOfTheirTests(t *testing.T) {
	for _, r := range rules.All() {
		f := r.Family()
		sc, err := LoadBuiltin(r.Info().Shows)
		if err != nil {
			t.Fatal(err)
		}
		for _, th := range sc.Threads {
			for s := range Statements(th.Body) {
				if !slices.Contains(slices.Concat(f.Calls, r.Info().Also), s.Kind.String()) {
					t.Errorf("%s: %s performs %s, which is none of the calls of family %s, and none that it names itself", r, sc.Name, s.Kind, f.Name)
				}
			}
		}
		for _, c := range sc.May {
			if !slices.Contains(f.May, c.Name) {
				t.Errorf("%s: %s may %s, which family %s may not", r, sc.Name, c.Name, f.Name)
			}
		}
	}
}
