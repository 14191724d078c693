package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

	// Shard of Shards has every so many programs only, from that one on, counted from 1; 0 of 0: all.
	Shard, Shards int
}

// GeneratedExecutions is how many executions each strategy has with a drawn program under each rules, where nothing else is said.
const GeneratedExecutions = 200

// generatedStrategies are tried one after the other where none is asked for: what one seldom comes to, such as a reader in the few steps
// between two of a writer, or one thread that stands still for long, another finds soon.
func generatedStrategies() []explore.Strategy {
	return []explore.Strategy{explore.DPOR, explore.POS, explore.PCT}
}

// Generated is what came of drawing programs.
type Generated struct {
	Rules, Against string
	Calls, May     []string // that the programs are drawn from
	Seed           uint64
	Strategies     []explore.Strategy // that explore each, one after the other
	Bound          int                // executions that each of them may have
	Programs       int                // that were asked for

	Done        int            // programs that were explored under both
	Counts      map[Change]int // of them
	Both        int            // of those that are the same: violated under both
	Differing   int            // in how many programs the rules made any difference: some step was another
	Executions  int
	Reached     map[string]int // in how many programs each point was reached
	Elapsed     time.Duration
	Interrupted bool
	TimedOut    bool
	Difference  *Difference // the first; nil: none was found
	Shard       string      // of a run, that it is about, as 3 of 16; "": the whole
	Parts       *Parts      // that it was added up from; nil: it is about one run
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
	calls, about, may := rules.Concerned(&with, &against)
	drafts, err := workloads.NewDrafts(calls, about, may)
	if err != nil {
		return nil, err
	}
	strategies := generatedStrategies()
	if o.Strategy != "" {
		strategies = []explore.Strategy{o.Strategy}
	}
	o.Executions = cmp.Or(o.Executions, GeneratedExecutions)
	h := &Hunt{o: o, drafts: drafts, strategies: strategies, next: max(o.Shard, 1), found: &Generated{
		Rules: with.String(), Against: against.String(), Calls: calls, May: may, Seed: o.Seed, Strategies: strategies, Bound: o.Executions,
		Programs: o.Programs, Counts: map[Change]int{}, Reached: map[string]int{},
	}}
	if o.Shards > 0 {
		h.found.Shard = fmt.Sprintf("%d of %d", o.Shard, o.Shards)
	}
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
	n = h.next
	h.next += max(h.o.Shards, 1)
	return n, true
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
	if t.differs {
		g.Differing++
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
