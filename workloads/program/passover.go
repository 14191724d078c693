package program

import (
	"slices"
	"strings"

	"vmasim/check"
)

// This file says which oracles an execution goes on behind: the first symptom of a fault is rarely the harm that it does.

// goals returns the oracles that an execution is to go on to; nil: to the first that speaks.
func (p *Program) goals() []string {
	switch show := p.setting.Show; {
	case slices.Contains(show, Any):
		return nil
	case len(show) > 0:
		return show
	case p.setting.Consequences || p.scenario.Show == nil:
		return nil
	}
	return p.scenario.Show.Oracles
}

// passes returns which oracles' violations are noted and end nothing; nil: none.
func (p *Program) passes() func(oracle string) bool {
	if goals := p.goals(); goals != nil {
		return func(oracle string) bool { return !slices.Contains(goals, oracle) }
	}
	if !p.setting.Consequences {
		return nil
	}
	return func(oracle string) bool {
		info, err := check.Lookup(oracle)
		return err == nil && info.Discipline()
	}
}

// passText says what is gone on behind, for who wants to have the same again.
func (p *Program) passText() string {
	if p.setting.Consequences {
		return "consequences"
	}
	return strings.Join(p.goals(), ",")
}

// checkShow refuses names that are no oracles.
func checkShow(names []string) error {
	return checkOracles(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == Any }))
}
