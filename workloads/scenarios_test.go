package workloads

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltin(t *testing.T) {
	var names []string
	for _, info := range Builtin() {
		names = append(names, info.Name)
		sc, err := LoadBuiltin(info.Name)
		if err != nil {
			t.Errorf("%s:\n%v", info.Name, err)
			continue
		}
		if sc.Name != info.Name || sc.Title != info.Title || sc.Title == "" || len(sc.Doc) < 80 {
			t.Errorf("%s has no description that teaches: %q %q", sc.Name, sc.Title, sc.Doc)
		}
		checkRoundTrip(t, info.Source)
	}
	want := []string{"fault-storm", "file-shared", "fork-cow", "mmap-churn", "mprotect-pingpong", "quickstart", "vma-per-thread"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// TestBuiltinReleasesMemory checks that what a loop of a built-in scenario
// maps or touches is given back inside it, so a run of any length fits.
func TestBuiltinReleasesMemory(t *testing.T) {
	for _, info := range Builtin() {
		sc, err := LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, th := range sc.Threads {
			for s := range Statements(th.Body) {
				if s.Kind == KindFor || s.Kind == KindForever {
					checkReleases(t, info.Name, s)
				}
			}
		}
	}
}

func checkReleases(t *testing.T, scenario string, loop *Stmt) {
	unreleased := map[string]bool{}
	for s := range Statements(loop.Body) {
		switch s.Kind {
		case KindMmap:
			unreleased[s.Region.Name] = true
		case KindFork:
			unreleased[s.MM.Name] = true
		case KindMunmap:
			if s.Size == nil {
				delete(unreleased, s.Addr.Region.Name)
			}
		case KindExit:
			delete(unreleased, s.MM.Name)
		}
	}
	if len(unreleased) > 0 {
		t.Errorf("%s: the loop at %v keeps %v", scenario, loop.Pos, unreleased)
	}
}
