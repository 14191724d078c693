package rules

import (
	"slices"
	"strings"
	"testing"
)

// TestTable: every rule and generation says all that is asked of it, and no generation contradicts itself.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		info := r.Info()
		if info.Name == "" || info.Does == "" || info.Since == "" || info.Shows == "" || info.Seen == "" ||
			(info.Breaks == "") == (info.Effect == "") || seen[info.Name] {
			t.Errorf("rule %d is declared twice or lacks something: %+v", r, info)
		}
		seen[info.Name] = true
		for _, text := range []string{info.Breaks, info.Effect} {
			if strings.HasPrefix(text, "nothing") {
				t.Errorf("%s: %q is no effect", info.Name, text)
			}
		}
		plain, switched := r.Demonstration()
		a, errA := Parse(plain)
		b, errB := Parse(switched)
		if errA != nil || errB != nil || a.Has(r) == b.Has(r) {
			t.Errorf("%s: %s and %s do not switch it: %v, %v", r, plain, switched, errA, errB)
		}
		if found, err := Find(info.Name); err != nil || found != r {
			t.Errorf("%s: found %v, %v", info.Name, found, err)
		}
	}
	for _, g := range Generations() {
		s, err := Parse(g.Name)
		if err != nil || s.bits != g.set || s.String() != g.Name || g.Doc == "" {
			t.Errorf("%s: %v, %v", g.Name, s.String(), err)
		}
		for _, r := range All() {
			if g.Has(r) != s.Has(r) {
				t.Errorf("%s: %s", g.Name, r)
			}
		}
	}
	if s, err := Parse(""); err != nil || s.String() != Default || s.Lacks(RefcountMask) {
		t.Errorf("the default is %v, %v", s.String(), err)
	}
}

func TestParse(t *testing.T) {
	for spec, c := range map[string]struct {
		want     string // in the shortest form
		has, not []Rule
	}{
		"linux-6.18,-detach-waits":                   {"linux-6.18,-detach-waits", []Rule{CheckVMMM}, []Rule{DetachWaits, HoleFirst, SeqCounter}},
		"-detach-waits":                              {"linux-6.18,-detach-waits", nil, []Rule{DetachWaits}},
		" linux-6.18 , +hole-first , -detach-waits ": {"linux-6.18,-detach-waits,+hole-first", []Rule{HoleFirst}, []Rule{DetachWaits}},
		"linux-6.18,+detach-waits,-hole-first":       {"linux-6.18", []Rule{DetachWaits}, []Rule{HoleFirst}},
		"linux-6.18,-detach-waits,-detach-waits":     {"linux-6.18,-detach-waits", nil, []Rule{DetachWaits}},
		// Rules that make no sense without the one taken away go with it.
		"linux-6.18,-check-vm-mm":                            {"linux-6.18,-check-vm-mm", nil, []Rule{CheckVMMM, PinForeignMM}},
		"linux-6.18,-check-vm-mm,-pin-foreign-mm":            {"linux-6.18,-check-vm-mm", nil, []Rule{CheckVMMM, PinForeignMM}},
		"linux-6.18,-munmap-downgrade":                       {"linux-6.18,-munmap-downgrade", []Rule{EndWriteOnDowngrade}, []Rule{MunmapDowngrade}},
		"refcount-v6":                                        {"refcount-v6", []Rule{ForkLocksParent}, []Rule{DetachWaits, TypesafeSlab}},
		"refcount-v6,+detach-waits":                          {"refcount-v6,+detach-waits", []Rule{DetachWaits}, []Rule{TypesafeSlab}},
		"refcount-v6,+check-vm-mm,+pin-foreign-mm":           {"refcount-v6,+check-vm-mm,+pin-foreign-mm", []Rule{CheckVMMM, PinForeignMM}, nil},
		"linux-6.18,-callers-mm,-retry-detached,+hole-first": {"linux-6.18,-callers-mm,-retry-detached,+hole-first", nil, nil},
	} {
		s, err := Parse(spec)
		if err != nil || s.String() != c.want {
			t.Errorf("%q: %q, %v; expected %q", spec, s.String(), err, c.want)
			continue
		}
		for _, r := range All() {
			if slices.Contains(c.has, r) && !s.Has(r) || slices.Contains(c.not, r) && s.Has(r) {
				t.Errorf("%q: %s in force: %v", spec, r, s.Has(r))
			}
		}
		if again, err := Parse(s.String()); err != nil || again != s {
			t.Errorf("%q, read again: %v, %v", spec, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"linux-6.19":              `unknown generation "linux-6.19", did you mean "linux-6.18"?`,
		"linux-6.18,detach-waits": `rule "detach-waits": expected + or - before it`,
		"linux-6.18,-detach-wait": `unknown rule "detach-wait", did you mean "detach-waits"?`,
		"-hole-first,+hole-first": "rule hole-first is both added and taken away, expected one of them",
		"+pin-foreign-mm,-check-vm-mm": "rules -check-vm-mm and +pin-foreign-mm contradict each other: " +
			"without the comparison no VMA is found to be foreign",
		"refcount-v6,+pin-foreign-mm": "rules -check-vm-mm and +pin-foreign-mm contradict each other: ",
		"-munmap-downgrade,-end-write-on-downgrade": "rules -munmap-downgrade and -end-write-on-downgrade contradict each other: " +
			"nothing downgrades",
	} {
		if _, err := Parse(spec); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", spec, err, want)
		}
	}
}

// TestGenerationsDiffer: what a generation lacks and has more than the default, taken together, leads back to it.
func TestGenerationsDiffer(t *testing.T) {
	for _, g := range Generations() {
		spec := Default
		for _, r := range g.Without() {
			spec += ",-" + r.String()
		}
		for _, r := range g.With() {
			spec += ",+" + r.String()
		}
		if s, err := Parse(spec); err != nil || s.bits != g.set {
			t.Errorf("%s is not %s: %v", g.Name, spec, err)
		}
	}
}
