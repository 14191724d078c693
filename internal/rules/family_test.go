package rules

import (
	"slices"
	"testing"
)

// TestFamilies: each rule has one row, in one family, and stands with the others of that family in declaration order.
func TestFamilies(t *testing.T) {
	of, order := map[Rule][]string{}, []Rule(nil)
	for _, f := range Families() {
		if found, err := FindFamily(f.Name); err != nil || found.Doc != f.Doc || f.Doc == "" {
			t.Errorf("family %q: found %v, %v", f.Name, found, err)
		}
		for r := range f.rows {
			of[r] = append(of[r], f.Name)
		}
		order = append(order, f.Rules()...)
	}
	for _, r := range All() {
		if len(of[r]) != 1 || r.Family().Name != of[r][0] {
			t.Errorf("rule %d %s is in the families %q, expected one", r, r, of[r])
		}
	}
	if !slices.Equal(order, All()) {
		t.Errorf("the constants do not stand in the order of the families: %v, expected %v", All(), order)
	}
	if len(of) != int(numRules) {
		t.Errorf("%d rules have rows, expected %d", len(of), numRules)
	}
}

func TestFindFamilyRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"merg": `unknown family "merg", did you mean "merge"?`,
		"vma":  `unknown family "vma", expected lock, detach, reuse, tree, order, fault, unmap, merge, split, move, fork, walk, account or call`,
	} {
		if f, err := FindFamily(name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v; expected %s", name, f, err, want)
		}
	}
}
