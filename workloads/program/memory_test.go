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

// ordered is a rule whose order a memory model takes away.
type ordered struct {
	rule  rules.Rule
	model string // that a search goes through in full
	shows string // the oracle that the search without the rule goes on to; "": the first of the verdict
	x86   bool   // it matters on x86, too: there the same oracle speaks
}

var underViews = []ordered{
	{rules.AttachRelease, "views:1", "reader-and-writer", false}, // its consequence takes two loads
	{rules.RefAcquire, "views", "", false}, {rules.SeqRelease, "views", "", false}, {rules.SeqAcquire, "views", "", false},
	{rules.PutRelease, "views", "", false}, {rules.WaitAcquire, "views:1", "", false},
	{rules.DropBeforeLook, "views", "", false}, // on x86 the decrement before it is a barrier by itself
	{rules.AnnounceBeforeLook, "views", "", true}, {rules.SeqBeforeFlag, "views", "", false}, {rules.PublishNode, "views", "", false},
}

// TestOrdersUnderViews explores, for each order that a memory model takes away, the scenario of its rule without the rule and with it, and holds
// the table of docs/memory-model.md to what that took. -rewrite updates the table.
func TestOrdersUnderViews(t *testing.T) {
	if testing.Short() {
		t.Skip("40 searches of up to 40,000 executions: go test without -short, as the README has it, makes them")
	}
	t.Parallel()
	var made strings.Builder
	made.WriteString("| order | rule | scenario | memory model | without the rule | with it | `tso`: without it | with it |\n|---|---|---|---|---|---|---|---|\n")
	for _, u := range underViews {
		plain, switched := withAndWithout(u.rule)
		order := u.rule.Info().Order
		fmt.Fprintf(&made, "| [%s](kernel.md#%[1]s) | `%s` | %s | `%s` | %s | %s | %s | %s |\n", order, u.rule, shownBy(u.rule), u.model,
			u.took(t, switched, u.model), u.took(t, plain, u.model), u.took(t, switched, "tso"), u.took(t, plain, "tso"))
	}
	holdsOrders(t, memoryManual, made.String())
}

// took says what the scenario of the rule comes to under a specification and a memory model: what its verdict states, unless it does not matter.
func (u *ordered) took(t *testing.T, spec, model string) string {
	sc, err := workloads.LoadBuiltin(u.rule.Info().Shows)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return v.Rules == spec })
	if i < 0 {
		t.Fatalf("%s has no verdict under %s", sc.Name, spec)
	}
	v := sc.Verdicts[i]
	o := Options{Setting: Setting{Rules: spec, Model: model}, NoShrink: true}
	o.Workers = 1
	want, verified := "", v.Verified() || model == "tso" && !u.x86
	if !verified {
		want = cmp.Or(u.shows, v.Oracles[0])
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
