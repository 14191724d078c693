package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/workloads"
)

// glance is how many executions each strategy has at first. Under rules that make no difference they are the same, step by step; only
// where they are not are there more.
const glance = 40

// The bounds of what is done with a program of which searches say that it may differ, in executions.
const (
	outcomeExecutions = 2_000  // until all outcomes under one of the rules are known
	confirmExecutions = 20_000 // until a smaller program is verified
)

// trial is one program, explored under both.
type trial struct {
	*Hunt
	ctx        context.Context
	n          int
	seed       uint64
	sc         *workloads.Scenario
	executions int
	reached    []string
	both       bool   // it is violated under both
	differs    bool   // the rules make some difference
	change     Change // where there is no difference: what is known of it
}

// trial makes ready for the n-th program.
func (h *Hunt) trial(ctx context.Context, n int) *trial {
	return &trial{Hunt: h, ctx: ctx, n: n, seed: rand.New(rand.NewPCG(h.o.Seed, uint64(n))).Uint64(), change: ChangeNone}
}

// side is a program under one of the two rules, and what searches have come to.
type side struct {
	*Program
	with     bool // under the rules, not those they are compared with
	last     *Result
	outcomes []string
	complete bool // some search was
}

// side makes ready for one of the rules.
func (t *trial) side(with bool) (*side, error) {
	setting := t.o.Setting
	setting.Rules, _ = t.sides(with)
	p, err := New(t.sc, setting)
	return &side{Program: p, with: with}, err
}

// run draws the program and explores it.
func (t *trial) run() (_ *Difference, err error) {
	if t.sc, err = t.draw(t.n); err != nil {
		return nil, err
	}
	with, err := t.side(true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, with.Close()) }()
	against, err := t.side(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, against.Close()) }()
	strategies, bounds := t.strategies, []int{min(glance, t.o.Executions), t.o.Executions}
	if len(t.sc.Threads) == 1 { // there is one order
		strategies, bounds = strategies[:1], bounds[1:]
	}
	for _, executions := range bounds {
		for _, strategy := range strategies {
			if d, done, err := t.look(with, against, strategy, executions); done || err != nil {
				return d, err
			}
		}
		if !t.differs || with.complete && against.complete {
			break
		}
	}
	return t.missed(with, against)
}

// look has a strategy explore the program under both. done: that tells all.
func (t *trial) look(with, against *side, strategy explore.Strategy, executions int) (_ *Difference, done bool, err error) {
	for _, s := range []*side{with, against} {
		if err := t.search(s, strategy, executions); err != nil || t.ctx.Err() != nil {
			return nil, true, err
		}
	}
	a, b := &with.last.Search, &against.last.Search
	t.differs = t.differs || a.Ops != b.Ops || a.Executions != b.Executions || !maps.Equal(a.DistinctOutcomes, b.DistinctOutcomes)
	switch broken, before := with.last.Verdict() == Violated, against.last.Verdict() == Violated; {
	case broken && before:
		t.both = true
		return nil, true, nil
	case broken:
		d, err := t.violates(t.sc, with.last, strategy, true, false)
		return d, true, err
	case before:
		d, err := t.violates(t.sc, against.last, strategy, false, false)
		return d, true, err
	}
	return nil, false, nil
}

// search has a strategy explore one side. Where all is known of that, it does nothing.
func (t *trial) search(s *side, strategy explore.Strategy, executions int) error {
	if s.complete {
		return nil
	}
	o := t.options(strategy, executions)
	r, err := s.survey(t.ctx, &o)
	if err != nil {
		return err
	}
	t.executions += r.Search.Executions
	t.reached = slices.Compact(slices.Sorted(slices.Values(append(t.reached, r.Reached...))))
	s.last, s.complete = r, r.Search.Complete
	s.outcomes = append(s.outcomes, without(r.outcomeTexts(), s.outcomes)...)
	return nil
}

// options are those of one search.
func (t *trial) options(strategy explore.Strategy, executions int) Options {
	o := t.o.Options
	o.Strategy, o.Executions, o.Seed, o.Workers, o.Progress = strategy, executions, t.seed, 1, nil
	o.KeepGoing = max(o.KeepGoing, 1)
	return o
}

// survey explores a program under some rules.
func (t *trial) survey(sc *workloads.Scenario, spec string, strategy explore.Strategy, executions int) (*Result, error) {
	o := t.options(strategy, executions)
	o.Rules = spec
	r, err := Survey(t.ctx, sc, o)
	if err == nil {
		t.executions += r.Search.Executions
	}
	return r, err
}

// sides returns the rules under which something is seen, and the others. with: it is seen under the rules, not those they are compared with.
func (t *trial) sides(with bool) (seen, others string) {
	if with {
		return t.found.Rules, t.found.Against
	}
	return t.found.Against, t.found.Rules
}

// violates makes a program that is violated under one side as small as it gets, and looks whether it really is not under the other. stated:
// it states results.
func (t *trial) violates(sc *workloads.Scenario, r *Result, strategy explore.Strategy, with, stated bool) (*Difference, error) {
	seen, others := t.sides(with)
	small, err := t.shrink(sc, r, seen, others, stated)
	if err != nil || small == nil {
		return nil, err
	}
	right, err := t.survey(small, others, explore.DPOR, confirmExecutions)
	if err != nil {
		return nil, err
	}
	if right.Verdict() == Violated {
		t.both = true
		return nil, nil
	}
	wrong, err := t.survey(small, seen, explore.DPOR, confirmExecutions)
	if err == nil && wrong.Verdict() != Violated {
		wrong, err = t.survey(small, seen, strategy, confirmExecutions)
	}
	if err != nil || wrong.Verdict() != Violated {
		t.change = ChangeOpen
		return nil, err
	}
	pair := newPair(small.Name, wrong, right)
	if !with {
		pair = newPair(small.Name, right, wrong)
		pair.Change, pair.Worse = ChangeGone, false
	}
	small.Verdicts = nil
	state := func(r *Result) {
		v := &workloads.Verdict{Rules: r.Rules}
		if r.Verdict() == Violated {
			v.Oracles = r.Broken()
		}
		if r.Verdict() != NotFound {
			small.Verdicts = append(small.Verdicts, v)
		}
	}
	state(wrong)
	state(right)
	if stated && !with { // a result that does not come any more
		pair.Change = ChangeOther
	}
	return t.difference(small, pair, seen, (&Violation{Found: wrong.Search.Violations[0]}).Message()), nil
}

// difference words what differs as a scenario.
func (t *trial) difference(sc *workloads.Scenario, pair *Pair, under, message string) *Difference {
	out := *sc
	out.Rules = &workloads.Rules{Spec: under}
	out.Title = fmt.Sprintf("Drawn: program %d of seed %d, which differs under two sets of rules.", t.n, t.o.Seed)
	out.Doc = fmt.Sprintf("rules    %s\nagainst  %s", t.found.Rules, t.found.Against)
	return &Difference{Pair: pair, Program: t.n, Message: message, Under: under, Text: out.String()}
}

// shrink returns a smaller program that is violated in the same way under one set of rules; nil: the violation does not come a second
// time. Where the program states results, what is left is right under the other set. One that states nothing can hardly be wrong in
// itself, and to search each smaller one would keep most from getting small.
func (t *trial) shrink(sc *workloads.Scenario, r *Result, seen, others string, stated bool) (*workloads.Scenario, error) {
	setting := t.o.Setting
	setting.Rules = seen
	p, err := New(sc, setting)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	p.sound.once.Do(func() {
		if stated {
			p.sound.specs = []string{others}
		}
	})
	o := t.o.Options
	o.Watch, o.Memory, o.Choices, o.Pass = p.Watch, p.memory, p.choices(), p.pass
	failure := slices.Concat(r.Search.Violations, r.Search.Passed)[0]
	shrunk, err := explore.Shrink(t.ctx, p, failure, o.Options)
	if err != nil {
		t.change = ChangeOpen
		return nil, nil // it does not fail alike a second time
	}
	smaller := shrunk.Program.(*Program)
	t.executions += shrunk.Runs
	small, err := workloads.Parse(sc.File, []byte(bareText(smaller.scenario)))
	if smaller != p {
		err = errors.Join(err, smaller.Close())
	}
	if err != nil || stated {
		return small, err
	}
	return t.undeclared(small, seen, failure.Kind())
}

// undeclared returns a program without the declarations that it can do without, and is violated in the same way: what is left of a program
// may need no file any more, and no choice.
func (t *trial) undeclared(sc *workloads.Scenario, seen, oracle string) (*workloads.Scenario, error) {
	text := sc.String()
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains([]string{"mm", "file", "limit", "may"}, word) {
			continue
		}
		less, err := workloads.Parse(sc.File, []byte(strings.Replace(sc.String(), line, "", 1)))
		if err != nil {
			continue // some statement needs it
		}
		r, err := t.survey(less, seen, explore.DPOR, outcomeExecutions)
		if err != nil {
			return nil, err
		}
		if slices.Contains(r.Broken(), oracle) {
			sc = less
		}
	}
	return sc, nil
}

// missed looks for outcomes that only one side has: where searches have seen some that the others have not, all are looked for there.
func (t *trial) missed(with, against *side) (*Difference, error) {
	for _, pair := range [][2]*side{{with, against}, {against, with}} {
		seen, other := pair[0], pair[1]
		texts := without(seen.outcomes, other.outcomes)
		if len(texts) == 0 {
			continue
		}
		if d, err := t.missing(seen, other, texts); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// missing looks whether outcomes seen on one side never come on the other, and what of them is a result that never comes there: with the
// results stated that do, such a program is violated.
func (t *trial) missing(seen, other *side, texts []string) (*Difference, error) {
	if !other.complete {
		if err := t.search(other, explore.DPOR, outcomeExecutions); err != nil {
			return nil, err
		}
		if !other.complete || other.last.Verdict() == Violated {
			t.change = ChangeOpen
			return nil, nil
		}
	}
	if texts = without(texts, other.outcomes); len(texts) == 0 {
		return nil, nil
	}
	stated, err := other.stateResults()
	if err != nil {
		return nil, err
	}
	under, _ := t.sides(seen.with)
	var again *Result
	for _, strategy := range t.strategies {
		if again, err = t.survey(stated, under, strategy, t.o.Executions); err != nil {
			return nil, err
		}
		if again.Verdict() == Violated {
			return t.violates(stated, again, strategy, seen.with, true)
		}
	}
	pair := newPair(t.sc.Name, again, other.last)
	if !seen.with {
		pair = newPair(t.sc.Name, other.last, again)
	}
	pair.Change, pair.Worse = ChangeOther, false
	return t.difference(stated, pair, under, strings.Join(texts, "\n")), nil
}

// stateResults returns the scenario with the results stated that its statements had in all executions of a search.
func (p *Program) stateResults() (*workloads.Scenario, error) {
	for _, s := range p.slots {
		var all []workloads.Result
		for _, word := range p.resultsOf(s.name) {
			result, ok := workloads.ParseResult(word)
			if !ok { // of a statement that could not be performed
				result = workloads.Result{Kind: workloads.ResultAny}
			}
			all = append(all, result)
		}
		if all != nil {
			s.stmt.Expect = &workloads.Expect{Results: all}
		}
	}
	return workloads.Parse(p.scenario.File, []byte(p.scenario.String()))
}

// resultsOf returns what came of a statement, each result once.
func (p *Program) resultsOf(name string) []string {
	found := map[string]bool{}
	for _, o := range p.outcomes {
		for word := range o.results {
			if result, ok := strings.CutPrefix(word, name+" = "); ok {
				found[result] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
