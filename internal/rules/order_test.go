package rules

import (
	"slices"
	"strconv"
	"testing"
)

// TestRequirements: each has a number of its own, in order, says what it asks for, and has a rule that meets it; a rule meets one that there is.
func TestRequirements(t *testing.T) {
	var names []string
	for i, q := range Requirements() {
		if q.Name != "O"+strconv.Itoa(i+1) || q.Between == "" || q.Needs == "" {
			t.Errorf("%d: %+v", i, q)
		}
		names = append(names, q.Name)
		if len(q.Rules()) == 0 {
			t.Errorf("no rule meets %s", q.Name)
		}
	}
	for _, r := range All() {
		if o := r.Info().Order; o != "" && !slices.Contains(names, o) {
			t.Errorf("%s meets %s, which is no requirement", r, o)
		}
	}
}

// TestGivesWay: a rule that is nothing without another says so, and goes with it.
func TestGivesWay(t *testing.T) {
	for _, c := range contradictionTable {
		if whys := c.b.rule.GivesWay(); !slices.Contains(whys, c.a.String()+" takes "+c.b.String()+" back: "+c.why) {
			t.Errorf("%s: %q", c.b, whys)
		}
	}
	kept, err := Parse("linux-6.18,-drop-rcu")
	if err != nil || kept.Has(WalkAnew) || len(WalkAnew.GivesWay()) != 1 {
		t.Errorf("%s: walk-anew %v, %v", kept.String(), kept.Has(WalkAnew), err)
	}
	if whys := DetachWaits.GivesWay(); whys != nil {
		t.Errorf("detach-waits: %q", whys)
	}
}
