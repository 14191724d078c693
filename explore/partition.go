package explore

import (
	"iter"
	"slices"
)

// plan divides a search into phases, one after the other, and each into shards, which workers search side by side. The shards
// and their order do not depend on how many workers there are, but that dfs and bounded have one shard for one worker, and go through the
// same executions in the same order; so neither does what is found first.
type plan interface {
	// phase returns the n-th phase, from 0. x may be used to look at the program.
	phase(x *Executor, n int) (*phase, error)
	// more reports whether a phase comes after the first n. leftOut: the last one left something out.
	more(n int, leftOut bool) bool
	// complete reports whether the phases so far, if all their shards were done, left out nothing.
	complete(leftOut bool) bool
}

// phase is shards of a search that may be searched side by side.
type phase struct {
	part   func(i int) shard   // the i-th shard, from 0; nil: there is none
	weight func(i int) float64 // how much of the phase the shard is likely to be, in proportion to total
	total  float64             // 0: not known
	done   float64             // weight of the shards that are done
	before int                 // executions of earlier phases, which it is the rest of
	draws  uint64              // executions that make the search, if that is decided beforehand
}

const (
	// splitShards is how many shards a tree is at least divided into, where it has as many: enough for the workers to end
	// at about the same time.
	splitShards = 64
	// splitSteps is the depth at which dividing gives up.
	splitSteps = 12
)

// onePhase is a plan with a single phase.
type onePhase struct {
	make  func(x *Executor) (*phase, error)
	whole bool
}

func (p *onePhase) phase(x *Executor, _ int) (*phase, error) { return p.make(x) }
func (p *onePhase) more(n int, _ bool) bool                  { return n == 0 }
func (p *onePhase) complete(bool) bool                       { return p.whole }

// each makes a phase of shards.
func each[S shard](parts []S) *phase {
	ph := &phase{part: func(i int) shard {
		if i >= len(parts) {
			return nil
		}
		return parts[i]
	}}
	weights := make([]float64, len(parts))
	for i, part := range parts {
		weights[i] = part.weigh()
		ph.total += weights[i]
	}
	ph.weight = func(i int) float64 { return weights[i] }
	return ph
}

func planDFS(o *Options, _ int) plan {
	return &onePhase{whole: true, make: func(x *Executor) (*phase, error) {
		parts, err := shardsDFS(x, o, preemptions, -1)
		return each(parts), err
	}}
}

func shardsDFS(x *Executor, o *Options, of price, bound int) ([]*dfs, error) {
	if !o.split || o.From != nil {
		return []*dfs{newDFS(o.From, of, bound)}, nil
	}
	return splitDFS(x, splitShards, of, bound)
}

func splitDFS(x *Executor, enough int, of price, bound int) ([]*dfs, error) {
	return split(x, enough, func(ceiling int, emit func(*dfs)) strategy {
		return &dfs{price: of, bound: bound, ceiling: ceiling, emit: func(d *dfs) {
			path := fixed(d.path[:d.at])
			emit(&dfs{price: of, bound: bound, only: true, cut: d.cut, path: path, floor: len(path), spent: d.spent, weight: d.prefixWeight()})
		}}
	})
}

// fixed returns a copy of decisions without their alternatives.
func fixed(path []decision) []decision {
	c := slices.Clone(path)
	for i := range c {
		c[i].left = 0
	}
	return c
}

// split follows a tree to a depth at which it has enough branches, and returns one shard for each.
func split[S shard](x *Executor, enough int, tree func(ceiling int, emit func(S)) strategy) ([]S, error) {
	for ceiling := 2; ; ceiling++ {
		var parts []S
		s := tree(ceiling, func(part S) { parts = append(parts, part) })
		x.use(s)
		for !x.halted() && s.next() {
			if _, err := x.run(); err != nil {
				return nil, err
			}
		}
		if len(parts) >= enough || x.halted() || ceiling >= splitSteps {
			return parts, nil
		}
	}
}

// planBounded searches with one preemption more in each phase, planDelays with one delay.
func planBounded(o *Options, _ int) plan { return &bounded{o, preemptions, o.Preemptions} }
func planDelays(o *Options, _ int) plan  { return &bounded{o, delays, o.Delays} }

type bounded struct {
	o    *Options
	of   price
	upTo int // 0: none
}

func (b *bounded) more(n int, leftOut bool) bool {
	return n == 0 || leftOut && (b.upTo == 0 || n <= b.upTo)
}

// complete reports whether the last bound left out nothing.
func (b *bounded) complete(leftOut bool) bool { return !leftOut }

func (b *bounded) phase(x *Executor, n int) (*phase, error) {
	parts, err := shardsDFS(x, b.o, b.of, n)
	return each(parts), err
}

// drawsPerShard is how many random executions make a shard.
const drawsPerShard = 256

// defaultDraws is how many random executions there are unless it is said how many, or for how long.
const defaultDraws = 100_000

// planRandom draws executions until a limit is reached. earlier is how many were drawn in earlier runs.
func planRandom(make func(d draws, o *Options, length int) shard) func(*Options, int) plan {
	return func(o *Options, earlier int) plan {
		return &onePhase{make: func(x *Executor) (*phase, error) {
			x.use(&dfs{bound: 0})
			x.strategy.next()
			trial, err := x.run() // for the length of an execution
			if err != nil {
				return nil, err
			}
			length := trial.steps
			if o.Part != nil {
				return o.Part.drawn(func(d draws) shard { return make(d, o, length) })
			}
			const never = 1 << 62
			end, limit, ph := uint64(never), uint64(never), &phase{weight: func(int) float64 { return 0 }}
			switch {
			case o.Executions > 0:
				limit = uint64(earlier + o.Executions)
				ph.draws = limit
			case o.Time == 0:
				end = defaultDraws
				ph.draws = end
			}
			ph.part = func(i int) shard {
				first := uint64(i) * drawsPerShard
				if first >= end {
					return nil
				}
				return make(draws{seed: o.Seed, first: first, end: min(end, first+drawsPerShard), limit: limit}, o, length)
			}
			return ph, nil
		}}
	}
}

// shards gives the shards of a whole search one after the other, to be searched by one worker. A shard has to be done before the
// next one is asked for.
func (info StrategyInfo) shards(x *Executor, opts *Options) iter.Seq2[shard, error] {
	return func(yield func(shard, error) bool) {
		o, leftOut := *opts, false
		o.split = o.Workers > 1
		for plan, n := info.plan(&o, 0), 0; plan.more(n, leftOut); n++ {
			ph, err := plan.phase(x, n)
			if err != nil {
				yield(nil, err)
				return
			}
			leftOut = false
			for i := 0; ; i++ {
				part := ph.part(i)
				if part == nil {
					break
				}
				if !yield(part, nil) {
					return
				}
				leftOut = leftOut || part.leftOut()
			}
		}
	}
}
