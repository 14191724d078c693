package workloads

import (
	"strings"
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

// TestKnownWorkloads: a scenario that stands for what people know says for what, whence, and how large it is beside that; it may be asked for
// by its folder, and the folder means all of them.
func TestKnownWorkloads(t *testing.T) {
	for dir, c := range map[string]struct {
		infos []Info
		says  []string
	}{
		"wis":    {WillItScale(), []string{"# Source: github.com/antonblanchard/will-it-scale, tests/", "# Measures: ", "# Size: "}},
		"shapes": {Shapes(), []string{"# Stands for: ", "# Source: ", "# Size: "}},
	} {
		if len(c.infos) == 0 {
			t.Errorf("%s/ is empty", dir)
		}
		for _, info := range c.infos {
			sc, err := Load(dir+"/"+info.Name, nil)
			if err != nil || len(sc) != 1 || sc[0].Name != info.Name || sc[0].Title == "" {
				t.Errorf("%s/%s: %v, %v", dir, info.Name, sc, err)
				continue
			}
			checkRoundTrip(t, info.Source)
			for _, field := range c.says {
				if !strings.Contains(info.Source, "\n"+field) {
					t.Errorf("%s/%s does not say %q", dir, info.Name, field)
				}
			}
			if dir == "wis" && !strings.Contains(info.Source, "/"+strings.TrimSuffix(info.Name, "_processes")+".c\n") {
				t.Errorf("%s names no source of its own name", info.Name)
			}
			for _, th := range sc[0].Threads {
				for s := range Statements(th.Body) {
					if s.Kind == KindFor || s.Kind == KindForever {
						checkReleases(t, info.Name, s)
					}
				}
			}
		}
		if all, err := Load(dir+"/", nil); err != nil || len(all) != len(c.infos) {
			t.Errorf("%s/ means %d scenarios, expected %d: %v", dir, len(all), len(c.infos), err)
		}
	}
	if _, err := Load("wis/page_falt1", nil); err == nil || !strings.Contains(err.Error(), `did you mean "page_fault1"`) {
		t.Errorf("a name that is wrong: %v", err)
	}
	for _, info := range InFolders() {
		if _, err := Load(info.Name, nil); err != nil {
			t.Error(err)
		}
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
			if s.Region != nil {
				unreleased[s.Region.Name] = true
			}
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
