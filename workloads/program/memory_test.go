package program

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

const memoryManual = "../../docs/memory-model.md"

// ordered is a rule that meets a requirement, under a memory model.
type ordered struct {
	rule     rules.Rule
	model    string // that a search goes through in full
	shows    string // the oracle that the search without the rule goes on to; "": the first of the verdict
	x86      bool   // it matters on x86, too: there the same oracle speaks
	scenario string // "": that of the rule
}

var underViews = []ordered{
	{rule: rules.AttachRelease, model: "views:1", shows: "reader-and-writer"}, // its consequence takes two loads
	{rule: rules.RefAcquire, model: "views"},
	{rule: rules.RefAcquire, model: "views:3", shows: "wrong-vma", scenario: "reuse-then-attach"}, // the address that is left of the last life
	{rule: rules.SeqRelease, model: "views"}, {rule: rules.SeqAcquire, model: "views"}, {rule: rules.PutRelease, model: "views"},
	{rule: rules.WaitAcquire, model: "views:1"},
	{rule: rules.DropBeforeLook, model: "views"}, // on x86 the decrement before it is a barrier by itself
	{rule: rules.AnnounceBeforeLook, model: "views", x86: true},
	{rule: rules.OneStepReadLock, model: "views", x86: true}, // this and the next but one are no orders: one word, one step
	{rule: rules.SeqBeforeFlag, model: "views"}, {rule: rules.PublishNode, model: "views"},
	{rule: rules.DetachWaits, model: "views:1", x86: true}, {rule: rules.UnlessZero, model: "views:1", x86: true},
	{rule: rules.HintFirst, model: "views"},
}

// TestRequirementsUnderViews: each ordering requirement has a row.
func TestRequirementsUnderViews(t *testing.T) {
	for _, q := range rules.Requirements() {
		for _, r := range q.Rules() {
			if r != rules.AddressAfterRef && !slices.ContainsFunc(underViews, func(u ordered) bool { return u.rule == r }) {
				t.Errorf("%s: %s has no row", q.Name, r)
			}
		}
	}
}

func (u *ordered) shownBy() (name, link string) {
	if u.scenario != "" {
		return u.scenario, fmt.Sprintf("[`%s`](litmus.md#%[1]s)", u.scenario)
	}
	return u.rule.Info().Shows, shownBy(u.rule)
}

// TestOrdersUnderViews explores, for each order that a memory model takes away, the scenario of its rule without the rule and with it, and holds
// the table of docs/memory-model.md to what that took. -rewrite updates the table.
func TestOrdersUnderViews(t *testing.T) {
	if testing.Short() {
		t.Skip("60 searches of up to 80,000 executions: go test without -short, as the README has it, makes them")
	}
	t.Parallel()
	var made strings.Builder
	made.WriteString("| order | rule | scenario | memory model | without the rule | with it | `tso`: without it | with it |\n|---|---|---|---|---|---|---|---|\n")
	for _, u := range underViews {
		plain, switched := withAndWithout(u.rule)
		order := u.rule.Info().Order
		_, link := u.shownBy()
		fmt.Fprintf(&made, "| [%s](kernel.md#%[1]s) | `%s` | %s | `%s` | %s | %s | %s | %s |\n", order, u.rule, link, u.model,
			u.took(t, switched, u.model), u.took(t, plain, u.model), u.took(t, switched, "tso"), u.took(t, plain, "tso"))
	}
	holdsOrders(t, memoryManual, made.String())
}

// took says what the scenario of the rule comes to under a specification and a memory model: what its verdict states, unless it does not matter.
func (u *ordered) took(t *testing.T, spec, model string) string {
	name, _ := u.shownBy()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return v.Rules == spec })
	want, verified := u.shows, false
	switch {
	case i >= 0:
		verified = sc.Verdicts[i].Verified()
		if !verified {
			want = cmp.Or(want, sc.Verdicts[i].Oracles[0])
		}
	case u.scenario == "":
		t.Fatalf("%s has no verdict under %s", sc.Name, spec)
	}
	verified = verified || model == "tso" && !u.x86
	o := Options{Setting: Setting{Rules: spec, Model: model}, NoShrink: true}
	o.Workers = 1
	if !verified {
		o.Show = []string{want}
		o.Until = func(f *explore.Found) bool { return slices.Contains(brokenBy(f), want) }
	}
	r, err := Explore(t.Context(), sc, o)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Search.Executions
	switch {
	case !verified && !slices.Contains(r.Broken(), want):
		t.Errorf("%s under %s and %s is %s %v, expected %s", sc.Name, spec, model, r.Verdict(), r.Broken(), want)
	case verified && r.Verdict() != Verified:
		t.Errorf("%s under %s and %s is %s %v, expected verified", sc.Name, spec, model, r.Verdict(), r.Broken())
	case verified:
		return fmt.Sprintf("verified in %d, complete", n)
	}
	return fmt.Sprintf("`%s` after %d", want, n)
}

// TestMemoryModelOfScenario: a scenario states its memory model, a setting replaces it, and the line that replays a counterexample says so.
func TestMemoryModelOfScenario(t *testing.T) {
	sc, err := workloads.LoadBuiltin("look-before-drop")
	if err != nil {
		t.Fatal(err)
	}
	rules := "linux-6.18,-drop-before-look"
	for _, c := range []struct{ stated, asked, model, option string }{
		{"", "", "sc", ""}, {"views:1", "", "views:1", ""}, {"views:1", "views", "views", "--memory views "}, {"", "views:2", "views:2", "--memory views:2 "},
	} {
		own := *sc
		if own.Model = nil; c.stated != "" {
			own.Model = &workloads.MemoryModel{Name: c.stated}
		}
		r, err := Explore(t.Context(), &own, Options{Setting: Setting{Rules: rules, Model: c.asked}, NoShrink: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Violations) == 0 || r.memoryModel() != c.model {
			t.Errorf("%+v: memory model %s, %d violations", c, r.memoryModel(), len(r.Violations))
			continue
		}
		v := r.Violations[0]
		if line := r.ReplayCommand(&v.Schedule); c.option == "" && strings.Contains(line, "--memory") || !strings.Contains(line, c.option) {
			t.Errorf("%+v: %s", c, line)
		}
		replays(t, &own, Setting{Rules: rules, Model: c.asked}, v)
	}
	own := *sc
	own.Model = &workloads.MemoryModel{Name: "pso", Pos: workloads.Pos{File: "x.vma", Line: 3, Col: 14}}
	if _, err := New(&own, Setting{}); err == nil || !strings.Contains(err.Error(), "x.vma:3:14") {
		t.Errorf("a memory model that is none: %v", err)
	}
	if _, err := New(sc, Setting{Model: "pso"}); err == nil {
		t.Error("a setting with a memory model that is none is taken")
	}
}
