package program

import (
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// TestAdopt: of a schedule that is not the program's as many steps are there as can be run, and the misfit names the first that cannot.
func TestAdopt(t *testing.T) {
	load := func(name string) *workloads.Scenario {
		sc, err := workloads.LoadBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		return sc
	}
	sc := load("detach-race")
	own, err := New(sc, Setting{})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	of := func(tasks ...uint8) explore.Schedule {
		s := own.Begin()
		s.Tasks = tasks
		return s
	}
	cut := of(0, 0)
	cut.Scenario += ",-nobody"
	for _, c := range []struct {
		scenario string
		rules    string
		schedule explore.Schedule
		steps    int
		want     []string // nil: it fits
	}{
		{"detach-race", "", of(0, 1, 0), 3, nil},
		{"detach-race", "linux-6.18", of(0, 1, 0), 3, []string{"belongs to rules refcount-v6", "all its 3 steps are possible here, too"}},
		{"put-to-zero", "", of(0, 5, 0), 1, []string{"belongs to scenario detach-race, this is put-to-zero", "at step 2 it gives the turn to task F, which does not exist"}},
		{"detach-race", "", of(slices.Repeat([]uint8{0}, 99)...), 16, []string{"the schedule does not fit: at step 17", "; reader has ended"}},
		{"detach-race", "", cut, 2, []string{"the schedule leaves out -nobody, which the scenario does not have", "all its 2 steps"}},
	} {
		p, fit, misfit, err := Adopt(load(c.scenario), Setting{Rules: c.rules}, c.schedule)
		if err != nil {
			t.Fatal(err)
		}
		if len(fit.Tasks) != c.steps || (misfit == nil) != (c.want == nil) || fit.Belongs(p) != nil {
			t.Errorf("%s %s %v: %v, %v", c.scenario, c.rules, &c.schedule, &fit, misfit)
		}
		for _, want := range c.want {
			if misfit == nil || !strings.Contains(misfit.Error(), want) {
				t.Errorf("%v, expected %q", misfit, want)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := ReplayAdopted(sc, Setting{Rules: "linux-9"}, of(0)); err == nil {
		t.Error("rules that there are not")
	}
	tr, misfit, err := ReplayAdopted(load("put-to-zero"), Setting{}, of(0, 5))
	if err != nil || misfit == nil || tr.Diverged == nil || len(tr.Steps) != 1 {
		t.Errorf("%v %v %v", tr, misfit, err)
	}
}
