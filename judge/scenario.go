package judge

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"vmasim/judge/host"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// passes is how often the block of a "for" or a "forever" is performed.
const passes = 20

// windowOf returns the window of a scenario, and its limit on VMAs. One that has no window gets the largest.
func windowOf(sc *workloads.Scenario) host.Window {
	w := host.Whole()
	if sc.Window != nil {
		w = host.Window{Base: sc.Window.Base, Size: sc.Window.Size}
	}
	for _, l := range sc.Limits {
		if l.Kind == workloads.LimitMaxMapCount {
			w.Room = int(l.Value)
		}
	}
	return w
}

// Scenario performs a scenario on both sides, statement by statement: init, then the threads, each a statement in turn, then
// finally. It stops at the first drift. flagsEvery is how often VmFlags are compared, and everything else after each operation; 0:
// as often as it costs no more than the operations.
func (l *Lab) Scenario(ctx context.Context, sc *workloads.Scenario, flagsEvery int) (*Result, error) {
	l, err := l.of(sc)
	if err != nil {
		return nil, err
	}
	sc, err = l.asKernel(sc)
	if err != nil {
		return nil, err
	}
	set := setting{scenario: sc, window: windowOf(sc), flagsEvery: max(flagsEvery, 1), exact: flagsEvery > 0, chosen: sc.Window != nil}
	if err := below(sc, set.window); err != nil {
		return nil, err
	}
	heap, addr, err := l.heapOf(ctx, set)
	if err != nil {
		return nil, refused(sc, nil, set.window, err)
	}
	set.window.Heap = addr
	if set.heaps, err = otherHeaps(sc); err != nil {
		return nil, err
	}
	r, good, err := l.perform(ctx, set)
	if err != nil {
		return r, refused(sc, heap, set.window, err)
	}
	if r.FirstDrift == nil || good >= r.Operations-1 {
		return r, err
	}
	// The operation that made the difference may be any since all was equal: look again, and closer.
	if set.exactFrom = good; good == 0 {
		set.exact = true
	}
	if pinned, _, err := l.perform(ctx, set); err == nil && pinned.FirstDrift != nil {
		r.FirstDrift = pinned.FirstDrift
	}
	return r, nil
}

// perform performs a scenario in a world of its own. good is how many operations had been done when both sides were last compared as
// a whole, and equal.
func (l *Lab) perform(ctx context.Context, set setting) (r *Result, good int, err error) {
	begun := time.Now()
	w, err := l.newWorld(set)
	if err != nil {
		return nil, 0, err
	}
	p := newPlayer(ctx, w)
	err = p.play(set.scenario)
	if err == nil && p.drift == nil && p.unexpected == nil && ctx.Err() == nil {
		p.drift, err = w.compareAll()
	}
	r = l.newResult()
	r.Elapsed = time.Since(begun)
	r.Name, r.Interrupted = set.scenario.Name, ctx.Err() != nil
	r.Operations, r.Coverage, r.Skipped, r.FirstDrift, r.Unexpected = w.operations, w.counts, p.skipped, p.drift, p.unexpected
	good = w.good()
	if leak := w.close(); leak != nil && err == nil && p.drift == nil {
		r.FirstDrift = &Drift{Statement: "the end", Space: workloads.MainMM, What: leak.Error()}
		good = r.Operations // no comparison would have shown it earlier
	}
	if r.FirstDrift != nil {
		r.Drifts = 1
	}
	return r, good, err
}

// otherHeaps returns where the heaps of other address spaces than main begin.
func otherHeaps(sc *workloads.Scenario) (heaps map[int]uint64, err error) {
	if sc.Init == nil {
		return nil, nil
	}
	heaps = map[int]uint64{}
	for _, in := range sc.Init.Body {
		if in.Kind != workloads.KindIn {
			continue
		}
		for _, s := range in.Body {
			switch {
			case s.Kind != workloads.KindHeap:
			case s.Addr.Op != workloads.ExprConst:
				return nil, &Refused{s.Pos, "the heap of another address space than main depends on what is mapped, expected a number for its address"}
			default:
				heaps[in.MM.Index] = s.Addr.Value
			}
		}
	}
	return heaps, nil
}

// heapOf returns where the scenario wants the heap of main, and the statement that says so, nil for none. A world is made with its heap, whose address may depend on
// what was mapped before: so init is performed up to there, in a world for nothing else.
func (l *Lab) heapOf(ctx context.Context, set setting) (heap *workloads.Stmt, addr uint64, err error) {
	b := set.scenario.Init
	if b == nil || !slices.ContainsFunc(b.Body, func(s *workloads.Stmt) bool { return s.Kind == workloads.KindHeap }) {
		return nil, 0, nil
	}
	w, err := l.newWorld(set)
	if err != nil {
		return nil, 0, err
	}
	defer w.close()
	p := newPlayer(ctx, w)
	for m := range turns(set.scenario) {
		if m.Task != interp.InitTask {
			break
		}
		if m.Stmt.Kind == workloads.KindHeap && m.Space == 0 {
			c, err := interp.NewCall(m.Stmt, m.Env)
			return m.Stmt, c.Addr, err
		}
		if done, err := p.move(m); done || err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, nil
}

// turns lists what a scenario does.
func turns(sc *workloads.Scenario) iter.Seq[interp.Turn] {
	seed := uint64(1)
	if sc.Seed != nil {
		seed = sc.Seed.Value
	}
	return interp.Turns(sc, seed, nil, passes)
}

// player performs a scenario. It is the actor's host.
type player struct {
	*world
	ctx     context.Context
	skipped map[string]int
	drift   *Drift

	unexpected *Drift // what both sides gave, and the scenario does not state
}

func newPlayer(ctx context.Context, w *world) *player {
	p := &player{world: w, ctx: ctx, skipped: map[string]int{}}
	w.actor.Host = p
	return p
}

// play performs everything, up to the first drift.
func (p *player) play(sc *workloads.Scenario) error {
	for m := range turns(sc) {
		if done, err := p.move(m); done || err != nil {
			return err
		}
	}
	return nil
}

// move performs one statement, and reports whether that was the last one.
func (p *player) move(m interp.Turn) (done bool, err error) {
	if p.ctx.Err() != nil {
		return true, nil
	}
	p.actor.Env = m.Env
	switch kind := m.Stmt.Kind; {
	case kind == workloads.KindMaps:
		p.actor.MM = p.spaces[m.Space].sim
		p.actor.Perform(m.Stmt)
	case kind == workloads.KindAfter: // the order of the turns
	case kind.OnSimulator() || kind == workloads.KindSessions || kind == workloads.KindBarrier || kind == workloads.KindYield || kind == workloads.KindValidate:
		p.skipped[m.Stmt.Kind.String()]++
	default:
		p.last = nil
		p.drift, err = p.do(step{space: m.Space, stmt: m.Stmt}, m.Env)
		if p.drift == nil && err == nil && p.last != nil && !m.Stmt.Expect.Allows(*p.last, m.Env) {
			if err := p.beyond(m.Stmt, &p.call, *p.last); err != nil {
				return true, err
			}
			p.unexpected = &Drift{
				Statement: interp.Stated(m.Stmt), Space: p.set.scenario.MMs[m.Space].Name,
				What: fmt.Sprintf("both sides say %s, the scenario %v", interp.Describe(m.Stmt, *p.last), stated(m.Stmt.Expect)),
			}
		}
	}
	return p.drift != nil || p.unexpected != nil, err
}

// stated is the result that a statement has to have.
func stated(x *workloads.Expect) string {
	if x == nil {
		return "ok"
	}
	return x.String()
}

// Acquire implements [interp.Host].
func (p *player) Acquire(i int) *mm.MM {
	if s := p.spaces[i]; s != nil && s.sim.Get(p.actor.Task) {
		return s.sim
	}
	return nil
}

// Mismatch implements [interp.Host]: a picture that both sides contradict.
func (p *player) Mismatch(s *workloads.Stmt, want, got string) {
	p.unexpected = &Drift{Statement: s.String(), Space: workloads.MainMM, What: fmt.Sprintf("both sides have the layout\n%s\nthe scenario pictures\n%s", got, want)}
}

// Validate implements [interp.Host]. Every write section is validated anyway.
func (p *player) Validate(*mm.MM) error { return nil }

// The rest of [interp.Host] is not asked for: forks, exits and meetings are not the actor's here.

func (p *player) Look(int) *mm.MM      { return nil }
func (p *player) Reserve(int) bool     { return false }
func (p *player) Publish(int, *mm.MM)  {}
func (p *player) Remove(int) *mm.MM    { return nil }
func (p *player) Forget(*mm.MM) bool   { return false }
func (p *player) Meet(*workloads.Stmt) {}

// Await and Passed do nothing: the statements are performed in an order that allows it.
func (p *player) Await(*workloads.Stmt)  {}
func (p *player) Passed(*workloads.Stmt) {}
func (p *player) Yield()                 {}

var _ interp.Host = (*player)(nil)
