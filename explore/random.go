package explore

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"vmasim/internal/task"
)

// draws is what the random strategies share: a shard of the search with executions [first, end), each of which depends on
// the seed and its number alone.
type draws struct {
	exhaustive
	untracked
	seed       uint64
	first, end uint64
	limit      uint64 // executions from here on are not wanted now
	upcoming   uint64 // the execution that is made ready for, or refused
	pcg        rand.PCG
	rng        *rand.Rand
}

func newDraws(seed, first, end uint64) draws {
	return draws{seed: seed, first: first, end: end, limit: end}
}

func (d *draws) next() bool {
	d.upcoming = d.first
	if d.first >= min(d.end, d.limit) {
		return false
	}
	if d.rng == nil {
		d.rng = rand.New(&d.pcg)
	}
	d.pcg.Seed(d.seed, d.first)
	d.first++
	return true
}

// unusual is how seldom a choice is other than 0: a failure at every point would leave the rest of the protocol untried.
const unusual = 4

func (d *draws) choose(_ *state, _, n int) int {
	if d.rng.IntN(unusual) > 0 {
		return 0
	}
	return 1 + d.rng.IntN(n-1)
}

// below draws a number less than n, the one that rng.IntN would: it draws one for each step, and this takes half as long.
func (d *draws) below(n int) int {
	bound := uint64(n)
	if bound&(bound-1) == 0 {
		return int(d.pcg.Uint64() & (bound - 1))
	}
	hi, lo := bits.Mul64(d.pcg.Uint64(), bound)
	for lo < bound && lo < -bound%bound { // too few of these to be fair
		hi, lo = bits.Mul64(d.pcg.Uint64(), bound)
	}
	return int(hi)
}

func (d *draws) ended(*state, Ending) {}

// rewinds makes ready for the execution again: it is drawn from the seed and its number.
func (d *draws) rewinds() func() { return func() {} }

// random draws the next task evenly from the enabled ones: the baseline that every other strategy must beat.
type random struct{ draws }

func newRandom(d draws, _ *Options, _ int) shard { return &random{d} }

func (r *random) pick(s *state) int { return s.enabled.nth(r.below(s.enabled.len())) }

// pct gives each task a random priority and lets the highest go on; at depth-1 random steps the one running becomes the
// lowest of all (Burckhardt and others, ASPLOS 2010). A bug of that depth is found with probability at least
// 1/(n·k^(depth-1)) in each execution, n tasks of k steps together.
type pct struct {
	draws
	depth, length int
	priority      [maxTasks]int
	changes       []int // steps before which the priority changes
}

func newPCT(d draws, o *Options, length int) shard {
	return &pct{draws: d, depth: pctDepth(o), length: max(length, 1)}
}

// defaultPCTDepth is enough for the race of a reader with a detach: reader, writer, reader, writer.
const defaultPCTDepth = 4

func pctDepth(o *Options) int { return cmp.Or(o.PCTDepth, defaultPCTDepth) }

func (p *pct) next() bool {
	if !p.draws.next() {
		return false
	}
	for i, v := range p.rng.Perm(maxTasks) {
		p.priority[i] = v + 1
	}
	p.changes = p.changes[:0]
	for range p.depth - 1 {
		p.changes = append(p.changes, p.rng.IntN(p.length))
	}
	return true
}

func (p *pct) pick(s *state) int {
	i := p.highest(s.enabled)
	for n, at := range p.changes {
		if at == s.steps {
			p.priority[i] = -n
			i = p.highest(s.enabled)
		}
	}
	return i
}

func (p *pct) highest(among taskSet) int {
	best := among.first()
	for ; among != 0; among &= among - 1 {
		if i := among.first(); p.priority[i] > p.priority[best] {
			best = i
		}
	}
	return best
}

// pos gives each pending operation a random priority and performs the highest; operations that race with it get a new one
// (Yuan and others, Partial Order Aware Concurrency Sampling, CAV 2018).
type pos struct {
	draws
	priority [maxTasks]uint64
}

func newPOS(d draws, _ *Options, _ int) shard { return &pos{draws: d} }

func (p *pos) tracker() tracker { return p }

func (p *pos) announced(_ *state, i int) { p.priority[i] = p.rng.Uint64() }

func (p *pos) pick(s *state) int {
	best := s.enabled.first()
	for rest := s.enabled; rest != 0; rest &= rest - 1 {
		if i := rest.first(); p.priority[i] > p.priority[best] {
			best = i
		}
	}
	for i := range s.tasks {
		if i != best && s.pending[i].Event != nil && sameCell(s.pending[i].Event, s.pending[best].Event) {
			p.priority[i] = p.rng.Uint64()
		}
	}
	return best
}

func (p *pos) performed(*state, int, *task.Event)         {}
func (p *pos) lived(*state, int, unsafe.Pointer, uintptr) {}
func (p *pos) stepped(*state, int, bool)                  {}

// sameCell reports whether two pending operations are on one cell and not both reads.
func sameCell(a, b *task.Event) bool {
	return a.Addr == b.Addr && (a.Op.Info().Kind != task.Read || b.Op.Info().Kind != task.Read)
}
