package explore

import "slices"

// This file shares a search by DPOR out among workers, without executions that it would not have in one piece. A path is taken apart: each
// of its nodes is a branch from then on, whose alternatives are searched as the whole search would search them, all behind the node being done.
// The search goes on in rounds. In each, every branch that has something to do makes some executions, side by side. Races that are to be
// reversed at nodes of other branches are told to these between two rounds, in the order of the branches: so neither the executions nor
// their order depend on how many workers there are.
//
// A search with a checkpoint is divided instead (divide.go): a shard then needs no other, so less has to be kept.

// branch is a node of a path, whose alternatives are searched by themselves.
type branch struct {
	up     []*branch // of the nodes before, by step; nil up to root
	root   int       // the first node of the search that has alternatives
	at     int       // the node
	path   *dpor     // the node lies on it
	search *dpor     // of the alternatives; nil: none is known yet
	live   bool      // there is something to do
	scale  float64   // how much of the whole the search is, what it has done included
}

// demand is that one of some tasks goes on at a node of another branch.
type demand struct {
	at    int
	begin taskSet
}

const (
	// enoughLive is with how many live branches no path is taken apart: enough for workers to end a round at about the same time.
	enoughLive = 64
	// leastRound is how many executions a branch makes at least in a round, but no more than there are in the first.
	leastRound = 64
)

// roundsPlan searches by DPOR in rounds. In the first there is one branch, the root, as most searches end in it.
type roundsPlan struct {
	o     *Options
	live  []*branch
	least int     // executions that a branch makes in a round
	made  int     // executions
	total float64 // the sum of all shares
}

func (p *roundsPlan) more(n int, leftOut bool) bool { return n == 0 || leftOut }

func (p *roundsPlan) complete(leftOut bool) bool { return !leftOut }

func (p *roundsPlan) phase(_ *Executor, n int) (*phase, error) {
	if n == 0 {
		root := alone(p.o)
		p.least = min(leastRound, root.limit)
		p.live, p.total = []*branch{{up: make([]*branch, root.floor), root: root.floor, at: root.floor, search: root, scale: 1}}, 1
		return each([]*dpor{root}), nil
	}
	p.settle()
	if len(p.live) < enoughLive {
		p.spread()
	}
	parts, left := make([]*dpor, len(p.live)), 0.0
	for i, b := range p.live {
		parts[i] = b.search
		parts[i].limit, parts[i].made = max(p.least, p.made/enoughLive), 0
		left += b.left()
	}
	ph := each(parts)
	ph.weight, ph.total, ph.done, ph.before = func(int) float64 { return 0 }, p.total, p.total-left, p.made
	return ph, nil
}

// settle ends a round: it tells the demands.
func (p *roundsPlan) settle() {
	for _, b := range p.live {
		d := b.search
		p.made += d.made
		if b.live = d.over; b.live { // it has counted one more than it made
			p.made--
		}
		d.ready, d.over = b.live, false
	}
	ran := p.live
	p.live = slices.DeleteFunc(slices.Clone(ran), func(b *branch) bool { return !b.live })
	for _, b := range ran { // what one asks for may bring another back that is done
		for _, m := range b.search.demands {
			if of := b.up[m.at]; of.need(m.begin) {
				of.scale = b.scale / (1 - of.share())
				p.total += b.scale
				p.live = append(p.live, of)
			}
		}
		b.search.demands = b.search.demands[:0]
	}
}

// spread takes the paths of the live branches apart.
func (p *roundsPlan) spread() {
	var all []*branch
	for _, b := range p.live {
		all = append(all, b.spread()...)
	}
	p.live = slices.DeleteFunc(all, func(b *branch) bool { return !b.live })
}

// spread returns the branches of the path that the search has come to. The search itself goes on at the last; the first is b.
func (b *branch) spread() []*branch {
	d := b.search
	last := len(d.nodes) - 1
	if !d.ready || last <= b.at {
		return []*branch{b}
	}
	path := &dpor{route: d.first(last), choices: slices.Clone(d.choices[:d.nodes[last].choices])}
	scale, root, up, all := b.scale, b.root, slices.Clone(b.up), []*branch{b}
	if before := b.before(); before != nil {
		all = []*branch{before, b}
		scale -= before.left()
	}
	for k := b.at; k < last; k++ {
		if k > b.at {
			all = append(all, &branch{up: up[:k], root: root, at: k})
		}
		here := all[len(all)-1]
		here.path, here.search, here.live = path, nil, path.branches(k)
		if here.live {
			here.start()
		}
		up = append(up, here)
		through := through{weight: scale}
		through.node(path, k)
		scale = through.weight
		here.scale = through.weight * float64(through.open)
		if here.live {
			here.scale /= 1 - here.share()
		}
	}
	d.floor, d.fixed, d.noted = last, d.nodes[last].choices, last-root
	end := &branch{up: up, root: root, at: last, search: d, live: true}
	end.scale = scale / (1 - end.share())
	return append(all, end)
}

// before returns the branch of what was chosen before the first step, if there are alternatives to it.
func (b *branch) before() *branch {
	d := b.search
	before := slices.Clone(d.choices[:d.nodes[b.at].choices])
	t := through{weight: b.scale}
	if t.decisions(before[d.fixed:]); t.open == 0 {
		return nil
	}
	search := &dpor{route: d.first(b.at), choices: before, floor: b.at, fixed: d.fixed, begun: true}
	return &branch{up: b.up, root: b.root, at: b.at, search: search, live: true, scale: b.scale - t.weight}
}

// start makes the search of the alternatives, which goes on as if all behind the node was done.
func (b *branch) start() {
	path := b.path
	choices := slices.Clone(path.choices[:path.choicesEnd(b.at)])
	b.search = &dpor{route: path.first(b.at + 1), choices: choices, floor: b.at, fixed: path.nodes[b.at].choices, noted: b.at - b.root, begun: true}
	b.path = nil
}

// need takes in a demand, and reports whether the branch is live because of it.
func (b *branch) need(begin taskSet) bool {
	if b.search == nil {
		if !b.path.nodes[b.at].require(begin) {
			return false
		}
		b.start()
		b.live = true
		return true
	}
	d := b.search
	n := &d.nodes[:b.at+1][b.at] // a search that is done has left the node, which is as it was
	if !n.require(begin) || b.live {
		return false
	}
	d.nodes, d.choices = d.nodes[:b.at+1], d.choices[:n.choices]
	n.take()
	d.fresh, d.again, d.ready, b.live = b.at, 0, true, true
	return true
}

func (b *branch) share() float64 {
	done, _ := b.search.share()
	return done
}

// left is how much of the whole is left of the branch.
func (b *branch) left() float64 { return b.scale * (1 - b.share()) }
