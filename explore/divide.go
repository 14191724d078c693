package explore

import "slices"

// This file divides a search by DPOR. One worker begins it, as if it were alone; most searches end so. A longer one is divided at a point
// that does not depend on how many workers there are, so neither do the executions, nor their order: one worker goes through the same
// shards.
//
// A shard explores every way to go on from the end of its prefix. Which ways are needed inside the prefix is found by executions that
// other shards make, so there all ways are taken that do not sleep: dividing costs some executions that a search in one piece leaves out.

// aloneFor is how many executions a search by DPOR makes before it is divided.
const aloneFor = 300

// planDPOR searches in one shard, and if that does not end soon, what is left in many.
func planDPOR(o *Options, _ int) plan {
	if o.Checkpoint == "" {
		return &roundsPlan{o: o}
	}
	return &dporPlan{o: o}
}

// dporPlan divides what is left of a search into shards that need know nothing of each other.
type dporPlan struct {
	o     *Options
	first *dpor // the shard of the first phase; nil: an earlier run has searched it
}

func (p *dporPlan) more(n int, leftOut bool) bool { return n == 0 || n == 1 && leftOut }

func (p *dporPlan) complete(leftOut bool) bool { return !leftOut }

func (p *dporPlan) phase(x *Executor, n int) (*phase, error) {
	if n == 0 {
		p.first = alone(p.o)
		return each([]*dpor{p.first}), nil
	}
	halt := x.halt // what is found here decides what the shards are
	x.halt = nil
	defer func() { x.halt = halt }()
	if p.first == nil {
		p.first = alone(p.o)
		x.use(p.first)
		for p.first.next() {
			if _, err := x.run(); err != nil {
				return nil, err
			}
		}
	}
	parts, err := p.first.divide(x, large)
	return each(parts), err
}

// alone returns the shard that begins a search.
func alone(o *Options) *dpor {
	d := newDPOR(o.From)
	d.limit = o.aloneFor
	if d.limit == 0 {
		d.limit = aloneFor
	}
	return d
}

const (
	// large is how many shards that are worth dividing again are enough: for workers to end at about the same time.
	large = 8
	// cutWithin is how many steps a shard may be divided behind: each of them makes a shard that ends at once, as a rule.
	cutWithin = 80
	// small is how many executions a shard has that is not worth dividing.
	small = 4
	// divideRounds is how often what was divided is divided again.
	divideRounds = 6
	// divideRuns is how many executions dividing may take: some seconds of them.
	divideRuns = 50_000
)

// divide returns shards for what a search has left that was made ready for its next execution: with enough among them that are worth
// dividing again, where there are as many.
func (d *dpor) divide(x *Executor, enough int) ([]*dpor, error) {
	left := divideRuns
	parts, err := piecesOf(x, d.copy())
	for round := 0; err == nil && round < divideRounds && countLarge(parts) < enough; round++ {
		parts, err = finer(x, parts, &left)
	}
	all := make([]*dpor, len(parts))
	for i, p := range parts {
		all[i] = p.dpor
	}
	return all, err
}

// finer divides each piece that is worth it, unless it takes more executions than are left for that.
func finer(x *Executor, parts []piece, left *int) (all []piece, err error) {
	for _, p := range parts {
		var shards []*dpor
		if p.ceiling > 0 {
			if shards, err = p.divideAt(x, p.ceiling, left); err != nil {
				return nil, err
			}
		}
		if shards == nil {
			all = append(all, piece{p.dpor, 0})
			continue
		}
		pieces, err := piecesOf(x, shards...)
		if err != nil {
			return nil, err
		}
		all = append(all, pieces...)
	}
	return all, nil
}

func countLarge(parts []piece) (n int) {
	for _, p := range parts {
		if p.ceiling > 0 {
			n++
		}
	}
	return n
}

// piece is a shard, and after how many steps it is to be divided; 0: it is small or has nothing to be divided at.
type piece struct {
	*dpor
	ceiling int
}

func piecesOf(x *Executor, parts ...*dpor) ([]piece, error) {
	all := make([]piece, len(parts))
	for i, d := range parts {
		ceiling, err := d.cut(x)
		if err != nil {
			return nil, err
		}
		all[i] = piece{d, ceiling}
	}
	return all, nil
}

// cut returns after how many steps a shard is to be divided: behind the first at which an alternative is known; 0 if it is small or has none.
func (d *dpor) cut(x *Executor) (int, error) {
	c := d.copy()
	x.use(c)
	for range small {
		if !c.next() {
			return 0, nil
		}
		if _, err := x.run(); err != nil {
			return 0, err
		}
	}
	if !c.next() {
		return 0, nil
	}
	for k := c.floor; k < min(len(c.nodes), c.floor+cutWithin); k++ {
		if c.branches(k) {
			return k + 1, nil
		}
	}
	return 0, nil
}

// branches reports whether an alternative to what was done at a node is known and not tried.
func (d *dpor) branches(k int) bool {
	n := &d.nodes[k]
	return n.backtrack&^n.sleep&^(1<<n.task)&n.enabled != 0 || slices.ContainsFunc(d.choices[n.choices:d.choicesEnd(k)], func(c decision) bool { return c.left != 0 })
}

// choicesEnd returns where the choices of a node's step end.
func (d *dpor) choicesEnd(k int) int {
	if k+1 < len(d.nodes) {
		return d.nodes[k+1].choices
	}
	return len(d.choices)
}

// copy returns a shard that is ready for the same execution.
func (d *dpor) copy() *dpor {
	return &dpor{
		route: d.first(len(d.nodes)), choices: slices.Clone(d.choices), given: d.given, floor: d.floor, fixed: d.fixed, again: d.again,
	}
}

// divideAt returns a shard for each prefix of so many steps, and one for each execution that has fewer; none if that takes more executions
// than are left.
func (d *dpor) divideAt(x *Executor, ceiling int, left *int) (parts []*dpor, err error) {
	rest := d.copy()
	rest.given, rest.ceiling = nil, ceiling
	rest.emit = func(d *dpor) { parts = append(parts, d.below(len(d.nodes), d.chosen)) }
	if len(d.nodes) > ceiling { // the next execution lies in a shard that was begun
		own := d.below(ceiling, d.nodes[ceiling].choices)
		own.route, own.choices, own.again = d.first(len(d.nodes)), append(own.choices, d.choices[own.fixed:]...), d.again
		parts = append(parts, own)
		rest.nodes, rest.choices, rest.begun = rest.nodes[:ceiling], rest.choices[:own.fixed], true
	}
	for k := rest.floor; k < len(rest.nodes); k++ {
		rest.nodes[k].backtrack = rest.nodes[k].enabled
	}
	x.use(rest)
	for ; rest.next(); *left-- {
		if *left <= 0 {
			return nil, nil
		}
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
	return &dpor{route: d.first(steps), floor: steps, choices: fixed(d.choices[:choices]), fixed: choices}
}
