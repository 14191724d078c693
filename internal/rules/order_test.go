package rules

import (
	"slices"
	"strconv"
	"testing"
)

// TestRequirements: each has a number of its own, in order, and says what it asks for; a rule meets one that there is. Only the order of
// the tree's stores has no rule.
func TestRequirements(t *testing.T) {
	var names, without []string
	for i, q := range Requirements() {
		if q.Name != "O"+strconv.Itoa(i+1) || q.Between == "" || q.Needs == "" {
			t.Errorf("%d: %+v", i, q)
		}
		names = append(names, q.Name)
		if len(q.Rules()) == 0 {
			without = append(without, q.Name)
		}
	}
	for _, r := range All() {
		if o := r.Info().Order; o != "" && !slices.Contains(names, o) {
			t.Errorf("%s meets %s, which is no requirement", r, o)
		}
	}
	if len(without) > 1 || len(without) == 1 && without[0] != "O10" {
		t.Errorf("no rule meets %v", without)
	}
}
