package judge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
)

// Options say how long and where to look for drift.
type Options struct {
	Operations int    // how many
	Seed       uint64 // of the sequences
	Workers    int    // sequences at once; 0: one
	FlagsEvery int    // everything is compared after every operation, VmFlags after every so many; 0: as often as it costs no more than the operations
	Length     int    // operations in one sequence; 0: 300
	Keep       bool   // go on after a drift, to count them

	// Shard of Shards has every so many sequences only, from that one on, counted from 1, of as many as make the operations; 0 of 0: all.
	Shard, Shards int

	Progress func(Progress) // called now and then
}

// Progress is how far a search for drift is.
type Progress struct {
	Operations, Wanted int
	Elapsed            time.Duration
	Shrinking          bool
}

// Random performs random operations on both sides until so many are done, or they drift apart. A drift is made as short as
// possible.
func (l *Lab) Random(ctx context.Context, o Options) (*Result, error) {
	o.Workers, o.Length = max(o.Workers, 1), cmp.Or(o.Length, 300)
	h := &hunt{lab: l, o: o, result: l.newResult(), begun: time.Now()}
	h.result.Name, h.result.Seed = "random", o.Seed
	if o.Shards > 0 {
		h.sequence = uint64(o.Shard) - uint64(o.Shards) // that of the first one is the shard's
	}
	given := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range o.Workers {
		wg.Go(func() { h.work(ctx, cancel) })
	}
	wg.Wait()
	h.result.Elapsed = time.Since(h.begun)
	h.result.Interrupted = h.result.Drifts == 0 && h.result.Operations < o.Operations
	if o.Shards > 0 {
		h.result.Interrupted = h.result.Drifts == 0 && given.Err() != nil
	}
	return h.result, h.err
}

// hunt is a search for drift in progress.
type hunt struct {
	lab   *Lab
	o     Options
	begun time.Time

	mu       sync.Mutex
	result   *Result
	sequence uint64
	told     time.Time
	err      error
}

// work takes sequences until it is enough.
func (h *hunt) work(ctx context.Context, stop func()) {
	for ctx.Err() == nil {
		n, more := h.take()
		if !more {
			return
		}
		q, err := h.lab.newSequence(h.o, n)
		if err == nil {
			err = q.generate(ctx)
		}
		if h.merge(q, err) {
			stop()
		}
	}
}

func (h *hunt) take() (sequence uint64, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequence += uint64(max(h.o.Shards, 1))
	if h.o.Shards > 0 {
		return h.sequence, h.sequence <= uint64((h.o.Operations+h.o.Length-1)/h.o.Length)
	}
	return h.sequence, h.result.Operations < h.o.Operations
}

// merge adds what came of a sequence, and reports whether it is enough.
func (h *hunt) merge(q *sequence, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.err = errors.Join(h.err, err)
		return true
	}
	r := h.result
	r.Operations += q.operations
	r.Sequences++
	r.Coverage.Add(q.counts)
	switch {
	case q.drift == nil:
	case !q.again():
		r.Unstable = append(r.Unstable, *q.drift)
	case r.FirstDrift == nil:
		h.tell(true)
		r.Drifts++
		drift, scenario := q.shrink()
		drift.Scenario = scenario
		r.FirstDrift, r.DriftIn = drift, q.number
	default:
		r.Drifts++
	}
	if time.Since(h.told) > time.Second {
		h.tell(false)
	}
	return r.Drifts > 0 && !h.o.Keep || h.o.Shards == 0 && r.Operations >= h.o.Operations
}

// tell reports how far the search is.
func (h *hunt) tell(shrinking bool) {
	h.told = time.Now()
	if h.o.Progress != nil {
		h.o.Progress(Progress{h.result.Operations, h.o.Operations, time.Since(h.begun), shrinking})
	}
}

// sequence is a list of operations on fresh address spaces.
type sequence struct {
	number     uint64
	lab        *Lab
	set        setting
	window     host.Window // with what was left to the host filled in
	length     int
	gen        *workloads.Generator
	steps      []step
	operations int
	counts     Coverage
	drift      *Drift
}

// shape is a window of sequences, and how often it is drawn.
type shape struct {
	weight int
	window host.Window
}

// shapes are all windows. The last one costs the kernel tens of thousands of VMAs, which use its limit up.
var shapes = [...]shape{
	{4, host.Window{Size: 16 * linux.PageSize}},
	{8, host.Window{Size: 64 * linux.PageSize}},
	{3, host.Window{Size: 256 * linux.PageSize}},
	{4, host.Window{Size: 64 << 20}},
	{1, host.Window{Size: 64 * linux.PageSize, Room: 8}},
}

func drawWindow(r *rand.Rand) host.Window {
	total := 0
	for _, s := range shapes {
		total += s.weight
	}
	n := r.IntN(total)
	for _, s := range shapes {
		if n -= s.weight; n < 0 {
			return s.window
		}
	}
	panic("unreachable")
}

// sequenceScenario declares what sequences have: children and files of each kind.
const sequenceScenario = `mm child grandchild
file F temp 48K pattern
file G again F rw
file R again F ro
file W again F wo
file M memory 37864 pattern
file Z zero rw
file E memory 32K pattern sealed
file P pipe
file C closed
init
    yield
`

func (l *Lab) newSequence(o Options, n uint64) (*sequence, error) {
	sc, err := workloads.Parse("sequence", []byte(sequenceScenario))
	if err != nil {
		return nil, err
	}
	for _, m := range sc.MMs[1:] { // operations are drawn that fork them
		m.Forked = true
	}
	if sc, err = l.asKernel(sc); err != nil {
		return nil, err
	}
	g := workloads.NewGenerator(sc, rand.New(rand.NewPCG(o.Seed, n)))
	window := drawWindow(g.Rand)
	if g.Draws(workloads.KindBrk) {
		window.Base = host.DefaultBase
		window.Heap = window.Base + window.Size/2 // the same each time: a window of its own costs the host a process
	}
	return &sequence{number: n, lab: l, set: setting{scenario: sc, window: window, flagsEvery: cmp.Or(o.FlagsEvery, 8), exact: o.FlagsEvery > 0}, length: o.Length, gen: g}, nil
}

// generate makes the operations and performs them. The error says that the kernel's side was lost.
func (q *sequence) generate(ctx context.Context) error {
	w, err := q.lab.newWorld(q.set)
	if err != nil {
		return err
	}
	q.window = w.set.window
	for len(q.steps) < q.length && q.drift == nil && err == nil && ctx.Err() == nil {
		space := q.gen.IntN(len(w.spaces))
		if w.spaces[space] == nil {
			space = 0
		}
		s := step{space: space, stmt: q.gen.Next(w.viewOf(w.spaces[space]))}
		w.last = nil
		q.drift, err = w.do(s, nil)
		if w.last != nil {
			s.result = w.last.Value
		}
		q.steps = append(q.steps, s)
	}
	if q.drift == nil && err == nil {
		q.drift, err = w.readAll()
	}
	q.operations, q.counts = w.operations, w.counts
	return q.finish(w, err)
}

// finish closes a world. A leak is a drift, too.
func (q *sequence) finish(w *world, err error) error {
	if leak := w.close(); leak != nil && q.drift == nil && err == nil {
		q.drift = &Drift{Statement: "the end", Space: workloads.MainMM, What: leak.Error()}
	}
	if err != nil {
		return fmt.Errorf("after %d operations, the last was %v: %w", len(q.steps), q.steps[len(q.steps)-1].stmt, err)
	}
	return nil
}

// replay performs steps in a new world, and returns the drift that they end in.
func (q *sequence) replay(steps []step) (*Drift, error) {
	set := q.set
	set.flagsEvery, set.exact = 1, true
	w, err := q.lab.newWorld(set)
	if err != nil {
		return nil, err
	}
	again := &sequence{steps: steps}
	for _, s := range steps {
		if again.drift, err = w.do(s, nil); again.drift != nil || err != nil {
			break
		}
	}
	if again.drift == nil && err == nil {
		again.drift, err = w.readAll()
	}
	err = again.finish(w, err)
	return again.drift, err
}

// tries is how often a sequence that drifted is performed again.
const tries = 3

// again reports whether the sequence drifts again. If not it was no rule of the kernel's: another process may have held a page of
// a file for a moment, so that it was left out when the pages around a fault were mapped.
func (q *sequence) again() bool {
	for range tries {
		if d, err := q.replay(q.steps); err == nil && d != nil {
			return true
		}
	}
	return false
}

// readAll loads a word of every page that is mapped, in every address space: contents that differ are a drift.
func (w *world) readAll() (*Drift, error) {
	w.blind = true // what the loads bring in is looked at in the end
	last := step{stmt: &workloads.Stmt{Kind: workloads.KindYield}}
	for i, sp := range w.spaces {
		if sp == nil {
			continue
		}
		for _, a := range w.simAreas(sp, false) {
			for addr := a.start; addr < min(a.end, a.start+16*linux.PageSize); addr += linux.PageSize {
				for _, at := range []uint64{addr, addr + 104} {
					last = step{space: i, stmt: &workloads.Stmt{Kind: workloads.KindLoad, Addr: workloads.Constant(at)}}
					if d, err := w.do(last, nil); d != nil || err != nil {
						return d, err
					}
				}
			}
		}
	}
	w.blind = false
	w.done = last
	return w.compareAll()
}
