package program

import (
	"context"
	"iter"
	"slices"
	"sync"

	"vmasim/explore"
	"vmasim/internal/rules"
)

// sound knows the rules under which a scenario as given does not fail. A smaller one that fails under them shows a fault of
// its own, which leaving something out has made.
type sound struct {
	once  sync.Once
	specs []string
}

// under returns the setting with other rules, and nothing that is gone on behind.
func (s Setting) under(spec string) Setting {
	return Setting{Rules: spec, Model: s.Model, Without: s.Without, Show: []string{Any}}
}

// Bounds of a search under the default rules, where the scenario does not state its verdict: some seconds.
const (
	soundExecutions = 5_000
	soundDepth      = 2_000
)

// soundRules returns them: the rules for which the scenario states that it is verified, and the default ones if a search of
// the whole finishes and finds nothing. Where it does not finish, nothing is known.
func (p *Program) soundRules(ctx context.Context) []string {
	p.sound.once.Do(func() {
		stated := map[string]bool{p.Rules(): true}
		for _, v := range p.given.Verdicts {
			s, err := rules.Parse(v.Rules)
			if err != nil || stated[s.String()] {
				continue
			}
			stated[s.String()] = true
			if v.Verified() {
				p.sound.specs = append(p.sound.specs, v.Rules)
			}
		}
		if !stated[rules.Default] && p.verified(ctx, rules.Default) {
			p.sound.specs = append(p.sound.specs, rules.Default)
		}
	})
	return p.sound.specs
}

// verified reports whether a search of the whole scenario finishes and finds nothing.
func (p *Program) verified(ctx context.Context, spec string) bool {
	whole, err := newReduced(p.given, nil, p.setting.under(spec))
	if err != nil {
		return false
	}
	r, err := explore.Search(ctx, whole, explore.Options{
		Watch: whole.Watch, Memory: whole.memory, Choices: whole.choices(), Executions: soundExecutions, Depth: soundDepth,
	})
	_ = whole.Close() // it has served
	return err == nil && r.Complete && len(r.Violations) == 0
}

// Sound implements [explore.Program].
func (p *Program) Sound(ctx context.Context) iter.Seq[explore.Program] {
	return func(yield func(explore.Program) bool) {
		for _, spec := range p.soundRules(ctx) {
			q, err := newReduced(p.given, slices.Clone(p.cuts), p.setting.under(spec))
			if err != nil {
				continue // the scenario has been run; only its rules are others
			}
			q.setups, q.sound = p.setups, p.sound
			if !yield(q) {
				return
			}
		}
	}
}
