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
		"vma":  `unknown family "vma", expected lock, detach, reuse, tree, order, fault, speculate, unmap, merge, split, move, fork, walk, account or call`,
	} {
		if f, err := FindFamily(name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v; expected %s", name, f, err, want)
		}
	}
}

// TestConcerned: rules that differ are told by the calls of their families, each once.
func TestConcerned(t *testing.T) {
	parse := func(spec string) *Set {
		s, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		return &s
	}
	split, err := FindFamily("split")
	if err != nil {
		t.Fatal(err)
	}
	calls, about, may := Concerned(parse("linux-6.18,-split-locks-old"), parse("linux-6.18"))
	slices.Sort(split.Calls)
	if !slices.Equal(calls, split.Calls) || len(about) > 0 || !slices.Equal(may, split.May) {
		t.Errorf("split-locks-old: %q, %q, %q", calls, about, may)
	}
	calls, about, _ = Concerned(parse("linux-6.18,-walk-holes-alone"), parse("linux-6.18"))
	if !slices.Equal(about, []string{"in", "munmap", "ptdump"}) || !slices.Contains(calls, "ptdump") || !slices.Contains(calls, "munmap") {
		t.Errorf("walk-holes-alone: %q, %q", calls, about)
	}
	both, _, _ := Concerned(parse("linux-6.18,-split-locks-old"), parse("linux-6.18,-fork-locks-parent"))
	for _, want := range []string{"mremap", "exit"} {
		if !slices.Contains(both, want) {
			t.Errorf("rules about splitting and about forking: no %s in %q", want, both)
		}
	}
	if !slices.IsSorted(both) || len(slices.Compact(slices.Clone(both))) != len(both) {
		t.Errorf("not each once: %q", both)
	}
	if calls, about, may := Concerned(parse("linux-6.18"), parse("linux-6.18")); calls != nil || about != nil || may != nil {
		t.Errorf("the same rules: %q, %q, %q", calls, about, may)
	}
}
