package program

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// TestRulesAreCompared: what a rule is said to change is what a comparison with and without it finds, in the test that shows the rule.
func TestRulesAreCompared(t *testing.T) {
	wanted := map[rules.Seen][]Change{
		rules.SeenVerdict: {ChangeNew, ChangeGone},
		rules.SeenReached: {ChangeOther},
		// The counts of executions are told, and not compared.
		rules.SeenExecutions: {ChangeNone},
		rules.SeenNothing:    {ChangeNone},
	}
	for _, r := range rules.All() {
		t.Run(r.String(), func(t *testing.T) {
			if testing.Short() && r == rules.BuildIDUnlocked {
				t.Skip("its search takes long")
			}
			t.Parallel()
			plain, switched := r.Demonstration()
			sc, err := workloads.LoadBuiltin(r.Info().Shows)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Compare(t.Context(), sc, Options{Setting: Setting{Rules: switched}}, plain)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(wanted[r.Info().Seen], p.Change) || p.Worse != (p.Change == ChangeNew) {
				t.Errorf("%s under %s against %s: %s, worse %v; the rule changes %s", sc.Name, switched, plain, p.Change, p.Worse, r.Info().Seen)
			}
			if p.Change == ChangeNew && (len(p.With.Broken()) == 0 || !slices.Equal(p.Broken.With, p.With.Broken()) || len(p.Broken.Against) > 0) {
				t.Errorf("only with it: %+v, of %v", p.Broken, p.With.Broken())
			}
		})
	}
}

// found is a result with these failures, one of each oracle.
func found(complete bool, oracles ...string) *Result {
	r := &Result{Scenario: "x", Search: explore.Report{Complete: complete}}
	for _, name := range oracles {
		r.Search.Violations = append(r.Search.Violations, explore.Found{Violations: []task.Violation{{Oracle: name}}})
	}
	return r
}

// TestChanges: what is told of two results, and which are worse.
func TestChanges(t *testing.T) {
	const finished, cutShort = true, false
	one, two := check.Oracles()[0].Name, check.Oracles()[1].Name
	interrupted := found(cutShort, one)
	interrupted.Interrupted = true
	ends := func(r *Result, text string) *Result {
		r.Outcomes = append(r.Outcomes, Outcome{Text: text, Executions: 1})
		return r
	}
	reaches := func(r *Result, reached, never string) *Result {
		r.Reached, r.NeverReached = []string{reached}, []string{never}
		return r
	}
	for _, c := range []struct {
		name          string
		with, against *Result
		want          Change
		worse         bool
	}{
		{"a violation", found(finished, one), found(finished), ChangeNew, true},
		{"a violation where the other search was cut short", found(cutShort, one), found(cutShort), ChangeNew, true},
		{"a violation no more", found(finished), found(finished, one), ChangeGone, false},
		{"a violation no more, as far as it is searched", found(cutShort), found(finished, one), ChangeOpen, false},
		{"the same violation", found(finished, one), found(finished, one), ChangeNone, false},
		{"the same violation, cut short", found(cutShort, one), found(finished, one), ChangeNone, false},
		{"one violation more", found(finished, one, two), found(finished, one), ChangeOther, true},
		{"one violation less", found(finished, one), found(finished, two, one), ChangeOther, false},
		{"another violation", found(finished, one), found(finished, two), ChangeOther, true},
		{"another violation, cut short", found(finished, one), found(cutShort, two), ChangeOpen, false},
		{"nothing", found(finished), found(finished), ChangeNone, false},
		{"nothing, cut short", found(cutShort), found(finished), ChangeOpen, false},
		{"nothing, where the other was cut short", found(finished), found(cutShort), ChangeOpen, false},
		{"another outcome", ends(found(finished), "ok"), ends(found(finished), "EAGAIN"), ChangeOther, false},
		{"the same outcome", ends(found(finished), "ok"), ends(found(finished), "ok"), ChangeNone, false},
		{"another outcome beside a violation", ends(found(finished, one), "ok"), found(finished, one), ChangeNone, false},
		{"something else reached", reaches(found(finished), "a", "b"), reaches(found(finished), "c", "b"), ChangeOther, false},
		{"something else never reached", reaches(found(finished), "a", "b"), reaches(found(finished), "a", "c"), ChangeOther, false},
		{"interrupted", interrupted, found(finished), ChangeOpen, false},
		{"interrupted before the other", nil, found(finished, one), ChangeOpen, false},
	} {
		p := newPair("x", c.with, c.against)
		if p.Change != c.want || p.Worse != c.worse {
			t.Errorf("%s: %s, worse %v; expected %s, %v", c.name, p.Change, p.Worse, c.want, c.worse)
		}
		if !slices.Contains(Changes(), p.Change) {
			t.Errorf("%s: %s is no change", c.name, p.Change)
		}
	}
}

// TestCompareBounds: a search ends with the first violation where that is all there is to know, and goes on where oracles are compared; its
// bounds are those of its caller.
func TestCompareBounds(t *testing.T) {
	o := Options{Setting: Setting{Rules: "linux-6.18,-detach-waits"}}
	p, err := Compare(t.Context(), parse(t, detachRace), o, rules.Default)
	if err != nil {
		t.Fatal(err)
	}
	if !p.With.Search.Enough || !p.Against.Search.Complete || p.Change != ChangeNew || len(p.With.Search.Violations) != 1 {
		t.Errorf("%s: enough %v, finished %v", p.Change, p.With.Search.Enough, p.Against.Search.Complete)
	}
	if p.With.Rules != "linux-6.18,-detach-waits" || p.Against.Rules != rules.Default {
		t.Errorf("under %s and %s", p.With.Rules, p.Against.Rules)
	}
	if p, err = Compare(t.Context(), parse(t, detachRace), o, "refcount-v6"); err != nil || !p.With.Search.Complete || !p.Against.Search.Complete || p.Change != ChangeOther {
		t.Errorf("%+v, %v: two that show violations, expected to be searched to the end", p, err)
	}
	o.Strategy = explore.Random
	o.Executions = 7
	if p, err = Compare(t.Context(), parse(t, detachRace), o, rules.Default); err != nil || p.Against.Search.Executions != 7 {
		t.Errorf("%d executions, %v", p.Against.Search.Executions, err)
	}
}

// TestCompareFirst: what speaks first is compared, though the scenario shows what comes later; the options may say otherwise.
func TestCompareFirst(t *testing.T) {
	sc, err := workloads.LoadBuiltin("put-to-zero")
	if err != nil {
		t.Fatal(err)
	}
	const spec, later = "linux-6.18,-detach-waits", "detached-in-tree"
	p, err := Compare(t.Context(), sc, Options{Setting: Setting{Rules: spec}}, rules.Default)
	if err != nil || !slices.Equal(p.With.Broken(), []string{"reader-left"}) {
		t.Fatalf("%v, %v", p.With.Broken(), err)
	}
	if line := p.With.ExploreCommand(); line != "vmasim explore --rules "+spec+" put-to-zero" {
		t.Error(line)
	}
	p, err = Compare(t.Context(), sc, Options{Setting: Setting{Rules: spec, Show: []string{later}}}, rules.Default)
	if err != nil || !slices.Contains(p.With.Broken(), later) || !strings.Contains(p.With.ExploreCommand(), " --until "+later+" ") {
		t.Errorf("%v, %v", p.With.Broken(), err)
	}
}

// TestCompareInterrupted: a comparison that is interrupted has what is known until then.
func TestCompareInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, err := Compare(ctx, parse(t, detachRace), Options{}, "refcount-v6")
	if err != nil || p.With != nil || p.Change != ChangeOpen {
		t.Fatalf("%+v, %v", p, err)
	}
	c := NewComparison("-detach-waits", "refcount-v6,+detach-waits", 3)
	c.Add(p)
	if !c.Interrupted || c.Rules != "linux-6.18,-detach-waits" || c.Count(ChangeOpen) != 1 || c.Worse() != nil {
		t.Errorf("%+v", c)
	}
}

// TestCompareRefuses: what cannot be explored is refused, and what cannot be explored under the other rules.
func TestCompareRefuses(t *testing.T) {
	for _, specs := range [][2]string{{"linux-6.17", rules.Default}, {rules.Default, "linux-6.17"}} {
		if _, err := Compare(t.Context(), parse(t, detachRace), Options{Setting: Setting{Rules: specs[0]}}, specs[1]); err == nil {
			t.Errorf("%s against %s: no error", specs[0], specs[1])
		}
	}
	if _, err := Survey(t.Context(), parse(t, detachRace), Options{Setting: Setting{Without: []string{"nothing"}}}); err == nil {
		t.Error("a survey without an oracle that does not exist: no error")
	}
}

// TestCompareInit: a scenario whose init fails under some rules is compared all the same.
func TestCompareInit(t *testing.T) {
	sc := parse(t, "init\n\tmmap A 4K rw private anon => ENOMEM\nthread one\n\tload A\n")
	r, err := Survey(t.Context(), sc, Options{})
	if err != nil || r.Verdict() != Violated || !slices.Equal(r.Broken(), []string{resultOracle}) || !r.Unmade() {
		t.Fatalf("%+v, %v", r, err)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"oracle":"unexpected-result","message":"init: x.vma:2:5: mmap A 4K rw private anon: got 0x7ffff7ffe000, expected ENOMEM","schedule":""`) {
		t.Errorf("%s, %v", text, err)
	}
	if p := newPair("x", r, found(true)); p.Change != ChangeNew || !p.Worse {
		t.Errorf("%s", p.Change)
	}
	if _, err := Explore(t.Context(), sc, Options{}); err == nil {
		t.Error("it is explored")
	}
}

// TestComparisonJSON: the schedule of a violation of which no counterexample was made replays to it, and no list is null.
func TestComparisonJSON(t *testing.T) {
	const spec = "linux-6.18,-detach-waits"
	sc := parse(t, detachRace)
	p, err := Compare(t.Context(), sc, Options{Setting: Setting{Rules: spec}}, rules.Default)
	if err != nil {
		t.Fatal(err)
	}
	c := NewComparison(spec, rules.Default, 1)
	if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"compared":[]`) {
		t.Errorf("%s, %v", text, err)
	}
	c.Add(p)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.NewReplacer(`"shrunk":null`, "", `"stated":null`, "", `"advice":null`, "", `"parts":null`, "").Replace(string(text)); strings.Contains(got, "null") {
		t.Errorf("a list is null: %s", text)
	}
	var out struct {
		Counts   map[Change]int
		Compared []struct {
			Rules struct{ Oracle, Schedule string }
			Only  struct{ Broken Sides }
		}
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	with := out.Compared[0].Rules
	schedule, err := explore.ParseSchedule(with.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReplayScenario(sc, Setting{Rules: spec}, schedule)
	if err != nil || again.Found.Kind() != with.Oracle || with.Oracle == "" {
		t.Errorf("%q replays to %v, %v", with.Oracle, again, err)
	}
	if out.Counts[ChangeNew] != 1 || len(out.Counts) != len(Changes()) || !slices.Equal(out.Compared[0].Only.Broken.With, p.With.Broken()) {
		t.Errorf("%+v", out)
	}
}
