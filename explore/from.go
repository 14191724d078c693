package explore

import (
	"fmt"
	"slices"
)

// This file is how a search begins with a given beginning: the strategies' decisions of it are made beforehand, and have no alternatives.

// checkFrom reports why a search cannot begin as asked.
func (o *Options) checkFrom(p Program, info *StrategyInfo) error {
	if o.From == nil {
		return nil
	}
	if !slices.Contains([]Strategy{DPOR, DFS, Bounded, Delays}, info.Name) {
		return fmt.Errorf("strategy %s cannot begin with a schedule, expected one of %s, %s, %s and %s", info.Name, DPOR, DFS, Bounded, Delays)
	}
	if o.Checkpoint != "" {
		return fmt.Errorf("a search that begins with a schedule has no checkpoint")
	}
	return o.From.Belongs(p)
}

// Belongs reports in what a schedule differs from those of a program.
func (s *Schedule) Belongs(p Program) error {
	switch scenario, rules := p.Fingerprints(); {
	case scenario != s.Scenario:
		return &FingerprintError{"scenario", s.Scenario, scenario}
	case rules != s.Rules:
		return &FingerprintError{"rules", s.Rules, rules}
	}
	return nil
}

// newDPOR returns the shard of what can come after a schedule; nil: of everything.
func newDPOR(from *Schedule) *dpor {
	d := &dpor{}
	if from == nil {
		return d
	}
	d.given, d.floor = from.Tasks, len(from.Tasks)
	for _, c := range from.Choices {
		d.choices = append(d.choices, made(c.Value))
	}
	d.fixed = len(d.choices)
	return d
}

// newDFS returns the shard of what can come after a schedule and costs so much; nil: of everything.
func newDFS(from *Schedule, of price, bound int) *dfs {
	d := &dfs{price: of, bound: bound, only: true, weight: 1}
	if from == nil {
		return d
	}
	choices := from.Choices
	decide := func(step int) {
		for ; len(choices) > 0 && choices[0].Step == step; choices = choices[1:] {
			d.path = append(d.path, made(choices[0].Value))
		}
	}
	decide(0)
	for i, task := range from.Tasks {
		d.path = append(d.path, made(int(task)))
		decide(i + 1)
	}
	d.floor, d.given = len(d.path), len(from.Tasks)
	return d
}

// made is a decision that stands.
func made(value int) decision { return decision{taken: value, of: 1} }
