package program

import (
	"fmt"
	"strings"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// refusal words that a schedule or a checkpoint belongs to something else than the program, by names where they can be found.
func (p *Program) refusal(e *explore.FingerprintError) error {
	return &refusedError{p.refused(e), e}
}

// refused says it in words.
func (p *Program) refused(e *explore.FingerprintError) error {
	if e.What == "rules" {
		if spec := rulesOf(e.Its, p.given); spec != "" {
			return fmt.Errorf("belongs to rules %s, this is %s: expected --rules %[1]s", spec, p.Rules())
		}
		return fmt.Errorf("belongs to other rules than %s: expected --rules with those under which it was found", p.Rules())
	}
	this := argument(p.given)
	print, _, _ := strings.Cut(e.Its, ",")
	for _, info := range workloads.AllBuiltin() {
		if sc, err := workloads.LoadBuiltin(info.Name); err == nil && fingerprint(programText(sc)) == print {
			return fmt.Errorf("belongs to scenario %s, this is %s", info.Name, this)
		}
	}
	return fmt.Errorf("belongs to another scenario than %s, or to %[1]s before it was changed, or to another --machine", this)
}

// maxSwitched is how many rules of a generation are switched at most where the rules of a fingerprint are looked for.
const maxSwitched = 2

// rulesOf finds the rules with a fingerprint: those that the scenario names, or a generation with few rules switched.
func rulesOf(print string, sc *workloads.Scenario) string {
	var specs []string
	if sc.Rules != nil {
		specs = append(specs, sc.Rules.Spec)
	}
	for _, v := range sc.Verdicts {
		specs = append(specs, v.Rules)
	}
	for _, spec := range specs {
		if set, err := rules.Parse(spec); err == nil && fingerprint(set.String()) == print {
			return set.String()
		}
	}
	for n := 0; n <= maxSwitched; n++ {
		for _, g := range rules.Generations() {
			if spec := switched(g, g.Name, 0, n, print); spec != "" {
				return spec
			}
		}
	}
	return ""
}

// switched tries a specification with n more rules switched, from rule first on.
func switched(g rules.Generation, spec string, first rules.Rule, n int, print string) string {
	if n == 0 {
		if set, err := rules.Parse(spec); err == nil && fingerprint(set.String()) == print {
			return set.String()
		}
		return ""
	}
	for _, r := range rules.All()[first:] {
		sign := ",+"
		if g.Has(r) {
			sign = ",-"
		}
		if found := switched(g, spec+sign+r.String(), r+1, n-1, print); found != "" {
			return found
		}
	}
	return ""
}

// refusedError says in words what a FingerprintError says in fingerprints.
type refusedError struct {
	error
	prints *explore.FingerprintError
}

func (e *refusedError) Unwrap() error { return e.prints }
