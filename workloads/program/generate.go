package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// GenerateOptions say which programs are drawn, and how each is explored. Time bounds all of them together, Workers is how many of them
// are explored side by side, and Executions bounds each search.
type GenerateOptions struct {
	Options
	Against  string
	Programs int
}

// GeneratedExecutions is how many executions each drawn program has under each rules, where nothing else is said.
const GeneratedExecutions = 200

// generatedStrategies take turns where none is asked for: what one seldom comes to, such as a reader in the few steps between two of a
// writer, or one thread that stands still for long, another finds soon.
func generatedStrategies() []explore.Strategy { return []explore.Strategy{explore.POS, explore.PCT} }

// The bounds of what is done with a program of which searches say that it may differ, in executions.
const (
	outcomeExecutions = 2_000  // until all outcomes under one of the rules are known
	confirmExecutions = 20_000 // until a smaller program is verified
)

// Generated is what came of drawing programs.
type Generated struct {
	Rules, Against string
	Calls, May     []string // that the programs are drawn from
	Seed           uint64
	Strategies     []explore.Strategy // that take turns
	Bound          int                // executions that each search may have
	Programs       int                // that were asked for

	Done        int            // programs that were explored under both
	Counts      map[Change]int // of them
	Both        int            // of those that are the same: violated under both
	Executions  int
	Reached     map[string]int // in how many programs each point was reached
	Elapsed     time.Duration
	Interrupted bool
	TimedOut    bool
	Difference  *Difference // the first; nil: none was found
}

// Difference is a program that differs under two sets of rules.
type Difference struct {
	*Pair
	Program int    // its number, from 1
	Message string // what the first oracle that spoke said; for outcomes those that only one side has
	Under   string // the rules under which it is seen
	Text    string // the program as a scenario
	File    string // that it was written to; "": none
}

// Worse reports whether the rules break something that those they are compared with do not.
func (g *Generated) Worse() bool { return g.Difference != nil && g.Difference.Worse }

// Hunt is a search for a program that differs.
type Hunt struct {
	o          GenerateOptions
	drafts     *workloads.Drafts
	strategies []explore.Strategy
	progress   func(*Generated)

	mu    sync.Mutex // guards the fields below
	found *Generated
	next  int         // the number of the next program, from 1
	first *Difference // with the lowest number of those that show a violation
	other *Difference // of those that do not
	err   error
}

// NewHunt makes ready to draw programs over the calls that the differing rules touch. It refuses what cannot be explored.
func NewHunt(o GenerateOptions) (*Hunt, error) {
	with, err := rules.Parse(o.Rules)
	if err != nil {
		return nil, err
	}
	against, err := rules.Parse(o.Against)
	if err != nil {
		return nil, err
	}
	calls, may := rules.Concerned(&with, &against)
	drafts, err := workloads.NewDrafts(calls, may)
	if err != nil {
		return nil, err
	}
	strategies := generatedStrategies()
	if o.Strategy != "" {
		strategies = []explore.Strategy{o.Strategy}
	}
	o.Executions = cmp.Or(o.Executions, GeneratedExecutions)
	h := &Hunt{o: o, drafts: drafts, strategies: strategies, next: 1, found: &Generated{
		Rules: with.String(), Against: against.String(), Calls: calls, May: may, Seed: o.Seed, Strategies: strategies, Bound: o.Executions,
		Programs: o.Programs, Counts: map[Change]int{}, Reached: map[string]int{},
	}}
	return h, h.check()
}

// check refuses settings that no program can be explored under.
func (h *Hunt) check() error {
	sc, err := h.draw(1)
	if err != nil {
		return err
	}
	p, err := New(sc, h.o.Setting)
	if err != nil {
		return err
	}
	return p.Close()
}

// draw draws the n-th program.
func (h *Hunt) draw(n int) (*workloads.Scenario, error) {
	return h.drafts.Draw(rand.New(rand.NewPCG(h.o.Seed, uint64(n))))
}

// Run explores each program under both rules, and ends with the first that shows a violation under only one of them. Where there is none,
// the first that has other outcomes is the difference. The same seed gives the same programs, and the same first difference, with any
// number of workers. progress, if it is not nil, is told after each program.
func (h *Hunt) Run(ctx context.Context, progress func(*Generated)) (*Generated, error) {
	begun := time.Now()
	h.progress = progress
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if h.o.Time > 0 {
		bounded, cancel = context.WithTimeout(ctx, h.o.Time)
	}
	defer cancel()
	h.o.Time = 0
	var wg sync.WaitGroup
	for range max(h.o.Workers, 1) {
		wg.Go(func() { h.work(bounded, begun) })
	}
	wg.Wait()
	g := h.found
	g.Elapsed, g.Interrupted, g.TimedOut = time.Since(begun), ctx.Err() != nil, ctx.Err() == nil && bounded.Err() != nil
	g.Difference = cmp.Or(h.first, h.other)
	return g, h.err
}

// work explores programs until there are enough.
func (h *Hunt) work(ctx context.Context, begun time.Time) {
	for ctx.Err() == nil {
		n, ok := h.take()
		if !ok {
			return
		}
		t := h.trial(ctx, n)
		d, err := t.run()
		if h.add(t, d, err); err != nil {
			return
		}
		h.report(begun)
	}
}

// take returns the number of a program that nothing makes needless.
func (h *Hunt) take() (n int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil || h.next > h.o.Programs || h.first != nil && h.next > h.first.Program {
		return 0, false
	}
	h.next++
	return h.next - 1, true
}

// add takes in what came of a program.
func (h *Hunt) add(t *trial, d *Difference, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.found
	g.Executions += t.executions
	switch {
	case err != nil:
		h.err = errors.Join(h.err, err)
		return
	case t.ctx.Err() != nil && d == nil:
		return // what was not seen says nothing
	}
	g.Done++
	if t.both {
		g.Both++
	}
	for _, point := range t.reached {
		g.Reached[point]++
	}
	if d == nil {
		g.Counts[t.change]++
		return
	}
	g.Counts[d.Change]++
	best := &h.first
	if d.Change == ChangeOther {
		best = &h.other
	}
	if *best == nil || d.Program < (*best).Program {
		*best = d
	}
}

// report tells how far the search is.
func (h *Hunt) report(begun time.Time) {
	if h.progress == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.found.Elapsed = time.Since(begun)
	h.progress(h.found)
}

// trial is one program, explored under both.
type trial struct {
	*Hunt
	ctx        context.Context
	n          int
	seed       uint64
	strategy   explore.Strategy
	executions int
	reached    []string
	both       bool   // it is violated under both
	change     Change // where there is no difference: what is known of it
}

// trial makes ready for the n-th program.
func (h *Hunt) trial(ctx context.Context, n int) *trial {
	return &trial{Hunt: h, ctx: ctx, n: n, seed: rand.New(rand.NewPCG(h.o.Seed, uint64(n))).Uint64(), strategy: h.strategies[n%len(h.strategies)]}
}

// run draws the program and explores it.
func (t *trial) run() (*Difference, error) {
	sc, err := t.draw(t.n)
	if err != nil {
		return nil, err
	}
	t.change = ChangeNone
	with, err := t.survey(sc, t.found.Rules, t.strategy, t.o.Executions)
	if err != nil {
		return nil, err
	}
	against, err := t.survey(sc, t.found.Against, t.strategy, t.o.Executions)
	if err != nil || t.ctx.Err() != nil {
		return nil, err
	}
	t.reached = slices.Compact(slices.Sorted(slices.Values(slices.Concat(with.Reached, against.Reached))))
	switch broken, before := with.Verdict() == Violated, against.Verdict() == Violated; {
	case broken && before:
		t.both = true
		return nil, nil
	case broken:
		return t.violates(sc, with, true, false)
	case before:
		return t.violates(sc, against, false, false)
	}
	return t.outcomes(sc, with, against)
}

// survey explores a program under some rules.
func (t *trial) survey(sc *workloads.Scenario, spec string, strategy explore.Strategy, executions int) (*Result, error) {
	o := t.o.Options
	o.Rules, o.Strategy, o.Executions, o.Seed, o.Workers, o.Progress = spec, strategy, executions, t.seed, 1, nil
	o.KeepGoing = max(o.KeepGoing, 1)
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
func (t *trial) violates(sc *workloads.Scenario, r *Result, with, stated bool) (*Difference, error) {
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
		wrong, err = t.survey(small, seen, t.strategy, confirmExecutions)
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
	o.Watch, o.Choices, o.Pass = p.Watch, p.choices(), p.pass
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
	return small, err
}

// outcomes looks for outcomes that only one side has: where a search has seen some that the other has not, all are looked for there.
func (t *trial) outcomes(sc *workloads.Scenario, with, against *Result) (*Difference, error) {
	only := sides(with.outcomeTexts(), against.outcomeTexts())
	for _, side := range []struct {
		seen []string
		with bool
	}{{only.With, true}, {only.Against, false}} {
		if len(side.seen) == 0 {
			continue
		}
		if d, err := t.missing(sc, side.seen, side.with); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// missing looks whether outcomes seen on one side never come on the other, and what of them is a result that never comes there: with the
// results stated that do, such a program is violated.
func (t *trial) missing(sc *workloads.Scenario, texts []string, with bool) (*Difference, error) {
	seen, others := t.sides(with)
	o := t.o.Options
	o.Rules, o.Strategy, o.Executions, o.Workers, o.Progress, o.KeepGoing = others, explore.DPOR, outcomeExecutions, 1, nil, 1
	p, err := New(sc, o.Setting)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	all, err := p.search(t.ctx, &o)
	if err != nil {
		return nil, err
	}
	t.executions += all.Search.Executions
	if !all.Search.Complete || all.Verdict() == Violated {
		t.change = ChangeOpen
		return nil, nil
	}
	texts = without(texts, all.outcomeTexts())
	if len(texts) == 0 {
		return nil, nil
	}
	stated, err := p.stateResults()
	if err != nil {
		return nil, err
	}
	again, err := t.survey(stated, seen, t.strategy, t.o.Executions)
	if err != nil {
		return nil, err
	}
	if again.Verdict() == Violated {
		return t.violates(stated, again, with, true)
	}
	pair := newPair(sc.Name, again, all)
	if !with {
		pair = newPair(sc.Name, all, again)
	}
	pair.Change, pair.Worse = ChangeOther, false
	return t.difference(stated, pair, seen, strings.Join(texts, "\n")), nil
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
