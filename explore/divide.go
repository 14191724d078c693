package explore

import "slices"

// This file divides a search by DPOR. One worker begins it, as if it were alone; most searches end so. A longer one is divided at a point
// that does not depend on how many workers there are, so neither do the executions, nor their order: one worker goes through the same
// shards.
//
// A shard explores every way to go on from the end of its prefix. Which ways are needed inside the prefix is found by executions that
// other shards make, so there all ways are taken that do not sleep: dividing costs some executions that a search in one piece leaves out.

// aloneFor is how many executions a search by DPOR makes before it is divided.
const aloneFor = 1000

// planDPOR searches in one shard, and if that does not end soon, what is left in many.
func planDPOR(o *Options, _ int) plan { return &dporPlan{o: o} }

type dporPlan struct {
	o     *Options
	first *dpor // the shard of the first phase; nil: an earlier run has searched it
}

func (p *dporPlan) more(n int, leftOut bool) bool { return n == 0 || n == 1 && leftOut }

func (p *dporPlan) complete(leftOut bool) bool { return !leftOut }

func (p *dporPlan) phase(x *Executor, n int) (*phase, error) {
	if n == 0 {
		p.first = p.alone()
		return each([]*dpor{p.first}), nil
	}
	halt := x.halt // what is found here decides what the shards are
	x.halt = nil
	defer func() { x.halt = halt }()
	if p.first == nil {
		p.first = p.alone()
		x.use(p.first)
		for p.first.next() {
			if _, err := x.run(); err != nil {
				return nil, err
			}
		}
	}
	parts, err := p.first.divide(x, splitShards)
	return each(parts), err
}

func (p *dporPlan) alone() *dpor {
	d := newDPOR(p.o.From)
	d.limit = p.o.aloneFor
	if d.limit == 0 {
		d.limit = aloneFor
	}
	return d
}

// divide returns shards for what a search has left that was made ready for its next execution: enough of them, where it is deep enough.
func (d *dpor) divide(x *Executor, enough int) ([]*dpor, error) {
	for ceiling := d.floor + 2; ; ceiling += 2 {
		parts, err := d.divideAt(x, ceiling)
		if err != nil || len(parts) >= enough || ceiling >= d.floor+splitSteps {
			return parts, err
		}
	}
}

// divideAt returns a shard for each prefix of so many steps, and one for each execution that has fewer.
func (d *dpor) divideAt(x *Executor, ceiling int) (parts []*dpor, err error) {
	rest := &dpor{
		nodes: cloneNodes(d.nodes), choices: slices.Clone(d.choices), floor: d.floor, fixed: d.fixed, again: d.again,
		ceiling: ceiling, emit: func(d *dpor) { parts = append(parts, d.below(len(d.nodes), d.chosen)) },
	}
	if len(d.nodes) > ceiling { // the next execution lies in a shard that was begun
		own := d.below(ceiling, d.nodes[ceiling].choices)
		own.nodes, own.choices, own.again = cloneNodes(d.nodes), append(own.choices, d.choices[own.fixed:]...), d.again
		parts = append(parts, own)
		rest.nodes, rest.choices, rest.begun = rest.nodes[:ceiling], rest.choices[:own.fixed], true
	}
	for k := rest.floor; k < len(rest.nodes); k++ {
		rest.nodes[k].backtrack = rest.nodes[k].enabled
	}
	x.use(rest)
	for rest.next() {
		if _, err := x.run(); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// recall finds the steps of the path again, in a process that has only read it.
func (d *dpor) recall(x *Executor) error {
	if len(d.nodes) == 0 {
		return nil
	}
	walk := d.below(len(d.nodes), len(d.choices))
	walk.bare, walk.ceiling, walk.emit = true, len(d.nodes), func(*dpor) {}
	x.use(walk)
	walk.next()
	if _, err := x.run(); err != nil {
		return err
	}
	for i := range d.nodes {
		if n, found := &d.nodes[i], &walk.nodes[i]; i+1 != d.again { // else its step is that with the choice before
			n.step, n.bloom, n.clock = found.step, found.bloom, found.clock
		}
	}
	return nil
}

// below returns the shard of all that comes after the first steps of the path, with the choices made in them.
func (d *dpor) below(steps, choices int) *dpor {
	return &dpor{nodes: cloneNodes(d.nodes[:steps]), floor: steps, choices: fixed(d.choices[:choices]), fixed: choices}
}
