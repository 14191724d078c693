package explore

import "slices"

// plan divides a search into parts, which workers search side by side. The parts and their order do not depend on how
// many workers there are, unless there is only one; so neither does what is found first.
type plan interface {
	// phase returns what gives the parts of the next phase one by one, or nil when there is none; all parts of a phase are
	// done before the next one is asked for. x may be used to look at the program.
	phase(x *executor) (func() strategy, error)
	// complete reports whether the phases so far, if all their parts were done, left out nothing.
	complete() bool
}

const (
	// splitParts is how many parts a tree is at least divided into, where it has as many: enough for the workers to end
	// at about the same time.
	splitParts = 64
	// splitSteps is the depth at which dividing gives up.
	splitSteps = 12
)

// onePhase is a plan with a single phase.
type onePhase struct {
	parts func(x *executor) (func() strategy, error)
	whole bool
}

func (p *onePhase) phase(x *executor) (func() strategy, error) {
	if p.parts == nil {
		return nil, nil
	}
	next, err := p.parts(x)
	p.parts = nil
	return next, err
}

func (p *onePhase) complete() bool { return p.whole }

// each gives the elements one by one.
func each[S strategy](parts []S) func() strategy {
	return func() strategy {
		if len(parts) == 0 {
			return nil
		}
		s := parts[0]
		parts = parts[1:]
		return s
	}
}

func planDPOR(o *Options) plan {
	return &onePhase{whole: true, parts: func(x *executor) (func() strategy, error) {
		if o.Workers <= 1 {
			return each([]*dpor{{}}), nil
		}
		parts, err := split(x, func(ceiling int, emit func(*dpor)) strategy {
			return &dpor{ceiling: ceiling, emit: func(d *dpor) {
				emit(&dpor{
					nodes: slices.Clone(d.nodes), floor: len(d.nodes),
					choices: fixed(d.choices[:d.chosen]), fixed: d.chosen,
				})
			}}
		})
		return each(parts), err
	}}
}

func planDFS(o *Options) plan {
	return &onePhase{whole: true, parts: func(x *executor) (func() strategy, error) {
		parts, err := splitDFS(x, o, -1)
		return each(parts), err
	}}
}

func splitDFS(x *executor, o *Options, bound int) ([]*dfs, error) {
	if o.Workers <= 1 {
		return []*dfs{{bound: bound, only: true}}, nil
	}
	return split(x, func(ceiling int, emit func(*dfs)) strategy {
		return &dfs{bound: bound, ceiling: ceiling, emit: func(d *dfs) {
			path := fixed(d.path[:d.at])
			emit(&dfs{bound: bound, only: true, cut: d.cut, path: path, floor: len(path)})
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

// split follows a tree to a depth at which it has enough branches, and returns one part for each.
func split[S strategy](x *executor, tree func(ceiling int, emit func(S)) strategy) ([]S, error) {
	for ceiling := 2; ; ceiling++ {
		var parts []S
		s := tree(ceiling, func(part S) { parts = append(parts, part) })
		x.use(s)
		for s.next() {
			if _, err := x.run(); err != nil {
				return nil, err
			}
		}
		if len(parts) >= splitParts || ceiling >= splitSteps {
			return parts, nil
		}
	}
}

// planBounded searches with one preemption more in each phase.
func planBounded(o *Options) plan { return &bounded{o: o, bound: -1} }

type bounded struct {
	o     *Options
	bound int
	parts []*dfs
}

// complete reports whether the last bound left out nothing.
func (b *bounded) complete() bool {
	return b.bound >= 0 && !slices.ContainsFunc(b.parts, func(d *dfs) bool { return d.cut })
}

func (b *bounded) phase(x *executor) (func() strategy, error) {
	if b.complete() || b.o.Preemptions > 0 && b.bound == b.o.Preemptions {
		return nil, nil
	}
	b.bound++
	var err error
	b.parts, err = splitDFS(x, b.o, b.bound)
	return each(b.parts), err
}

// drawsPerPart is how many random executions make a part.
const drawsPerPart = 256

// defaultDraws is how many random executions there are unless it is said how many, or for how long.
const defaultDraws = 100_000

// planRandom draws executions until a limit is reached.
func planRandom(make func(d draws, o *Options, length int) strategy) func(*Options) plan {
	return func(o *Options) plan {
		return &onePhase{parts: func(x *executor) (func() strategy, error) {
			x.use(&dfs{bound: 0})
			x.strategy.next()
			trial, err := x.run() // for the length of an execution
			if err != nil {
				return nil, err
			}
			length := trial.steps
			end := uint64(o.Executions)
			switch {
			case end == 0 && o.Time > 0:
				end = 1 << 62
			case end == 0:
				end = defaultDraws
			}
			first := uint64(0)
			return func() strategy {
				if first >= end {
					return nil
				}
				from := first
				first = min(end, from+drawsPerPart)
				return make(newDraws(o.Seed, from, first), o, length)
			}, nil
		}}
	}
}
