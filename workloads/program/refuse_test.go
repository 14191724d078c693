package program

import (
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// TestRefusalsNameNames: a schedule of other rules or another scenario is refused by their names.
func TestRefusalsNameNames(t *testing.T) {
	load := func(name string) *workloads.Scenario {
		sc, err := workloads.LoadBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		return sc
	}
	schedule := func(name, spec string) explore.Schedule {
		p, err := New(load(name), Setting{Rules: spec})
		if err != nil {
			t.Fatal(err)
		}
		s := explore.Schedule{Tasks: []uint8{0}}
		s.Scenario, s.Rules = p.Fingerprints()
		return s
	}
	unknown := schedule("detach-race", "")
	unknown.Scenario = "00000000"
	for _, c := range []struct {
		schedule explore.Schedule
		want     string
	}{
		{schedule("detach-race", "linux-6.18,-settle-before-put"), "belongs to rules linux-6.18,-settle-before-put, this is refcount-v6: expected --rules linux-6.18,-settle-before-put"},
		{schedule("detach-race", "linux-6.18"), "belongs to rules linux-6.18, this is refcount-v6"},
		{schedule("detach-race", "linux-6.18,-reader-limit,+hole-first"), "belongs to rules linux-6.18,-reader-limit,+hole-first, this"},
		{schedule("detach-race", "refcount-v6,+hole-first,+seq-counter,+detach-waits,+typesafe-slab,-reader-limit"), "belongs to other rules than refcount-v6: expected --rules"},
		{schedule("put-to-zero", "refcount-v6"), "belongs to scenario put-to-zero, this is detach-race"},
		{unknown, "belongs to another scenario than detach-race, or to detach-race before it was changed"},
	} {
		if _, err := ReplayScenario(load("detach-race"), Setting{}, c.schedule); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, expected %s", &c.schedule, err, c.want)
		}
	}
}

// TestRulesAreFound: the rules of every verdict, and of every generation with a rule switched, are known by their fingerprint.
func TestRulesAreFound(t *testing.T) {
	sc, err := workloads.Parse("x.vma", []byte("thread t\n\tyield\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.All() {
		set, err := rules.Parse(r.Home().Name + "," + r.Switched())
		if err != nil { // it is nothing without the rules of its demonstration
			_, both := r.Demonstration()
			if set, err = rules.Parse(both); err != nil {
				t.Fatal(err)
			}
		}
		if got := rulesOf(fingerprint(set.String()), sc); got != set.String() {
			t.Errorf("%s is taken for %q", set.String(), got)
		}
	}
	if got := rulesOf("no fingerprint", sc); got != "" {
		t.Error(got)
	}
}
