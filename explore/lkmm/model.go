package lkmm

import "slices"

// event is an access or a barrier. A read-modify-write is a read and the write that follows it, between two barriers.
type event struct {
	thread int // -1: what a variable is at first
	op     Op
	at     int // the place of the variable; -1: none
	value  uint64
	update bool // half of a read-modify-write
}

func (e event) reads() bool  { return e.op == Read || e.op == Acquire }
func (e event) writes() bool { return e.op == Write || e.op == Release }

// Kind says how an allowed outcome comes about.
type Kind struct {
	NoBuffering bool // in an execution that is allowed, too, if each store depends on every load of its task before it
	InOrder     bool // and in one in which stores to a variable, and full barriers, take effect in an order that fits
}

// Outcomes returns the outcomes that the model allows.
func (p Program) Outcomes() map[string]Kind {
	c := newCandidate(p)
	all := map[string]Kind{}
	c.choose(0, func() {
		if !c.allowed(false) {
			return
		}
		po, co := c.inProgram, c.coherence()
		// A load behind a full barrier that misses a store before another: its barrier came first.
		barriers := compose(compose(c.strong, c.fromRead()), c.strong)
		k := all[c.outcome()]
		all[c.outcome()] = Kind{k.NoBuffering || c.allowed(true), k.InOrder || c.acyclic(po, c.rf(false), co, barriers)}
	})
	return all
}

// candidate is an execution that may or may not be allowed.
type candidate struct {
	vars      []string
	threads   int
	events    []event
	reads     []int   // the places of the reads
	writes    [][]int // of the writes to each variable, the first one being what it is at first
	from      []int   // by place of a read: the write that it sees
	order     [][]int // by variable: the writes in coherence order
	inProgram relation
	fences    relation // what orders one task's accesses: barriers, acquire and release
	strong    relation // smp_mb
	wmb       relation
	release   relation
	sameVar   relation // what a task does to one variable, in its order
	within    relation // of one task
	outside   relation // of different ones
	identity  relation
}

func newCandidate(p Program) *candidate {
	c := &candidate{vars: p.Vars(), threads: len(p)}
	for t, body := range p {
		for _, i := range body {
			at := slices.Index(c.vars, i.Var)
			if i.Op == Xchg {
				c.events = append(c.events, event{t, MB, -1, 0, false}, event{t, Read, at, 0, true}, event{t, Write, at, i.Value, true}, event{t, MB, -1, 0, false})
				continue
			}
			c.events = append(c.events, event{t, i.Op, at, i.Value, false})
		}
	}
	for v := range c.vars {
		c.writes = append(c.writes, []int{len(c.events)})
		c.events = append(c.events, event{-1, Write, v, 0, false})
	}
	for k, e := range c.events {
		if e.reads() {
			c.reads = append(c.reads, k)
		}
		if e.writes() && e.thread >= 0 {
			c.writes[e.at] = append(c.writes[e.at], k)
		}
	}
	c.from, c.order = make([]int, len(c.events)), make([][]int, len(c.vars))
	c.inProgram = c.relate(func(a, b int) bool { return c.before(a, b) })
	c.strong = c.across(MB, func(a, b event) bool { return true })
	c.wmb = c.across(WMB, func(a, b event) bool { return a.writes() && b.writes() })
	c.release = c.relate(func(a, b int) bool { return c.before(a, b) && c.events[b].op == Release })
	acquire := c.relate(func(a, b int) bool { return c.before(a, b) && c.events[a].op == Acquire })
	rmb := c.across(RMB, func(a, b event) bool { return a.reads() && b.reads() })
	c.sameVar = c.relate(func(a, b int) bool { return c.before(a, b) && c.events[a].at == c.events[b].at })
	c.within = c.relate(func(a, b int) bool { return c.sameTask(a, b) && a != b })
	c.outside = c.relate(func(a, b int) bool { return !c.sameTask(a, b) })
	c.identity = c.relate(func(a, b int) bool { return a == b })
	c.fences = union(c.strong, c.wmb, c.release, acquire, rmb)
	return c
}

// before reports whether two accesses are of one task, in this order.
func (c *candidate) before(a, b int) bool {
	return c.sameTask(a, b) && a < b && c.events[a].at >= 0 && c.events[b].at >= 0
}

func (c *candidate) sameTask(a, b int) bool {
	return c.events[a].thread == c.events[b].thread && c.events[a].thread >= 0
}

// across relates accesses that a barrier stands between.
func (c *candidate) across(barrier Op, of func(a, b event) bool) relation {
	return c.relate(func(a, b int) bool {
		if !c.before(a, b) || !of(c.events[a], c.events[b]) {
			return false
		}
		return slices.ContainsFunc(c.events[a:b], func(e event) bool { return e.op == barrier })
	})
}

// choose goes through all that the program leaves open: which write each read sees, and the order of the writes to each variable.
func (c *candidate) choose(n int, each func()) {
	if n < len(c.reads) {
		r := c.reads[n]
		for _, w := range c.writes[c.events[r].at] {
			c.from[r] = w
			c.choose(n+1, each)
		}
		return
	}
	c.orderWrites(0, each)
}

func (c *candidate) orderWrites(v int, each func()) {
	if v == len(c.vars) {
		each()
		return
	}
	permute(c.writes[v][1:], func(order []int) {
		c.order[v] = append(c.writes[v][:1:1], order...)
		c.orderWrites(v+1, each)
	})
}

// permute calls each with every order of some numbers.
func permute(all []int, each func([]int)) {
	all = slices.Clone(all)
	var from func(k int)
	from = func(k int) {
		if k >= len(all) {
			each(slices.Clone(all))
			return
		}
		for i := k; i < len(all); i++ {
			all[k], all[i] = all[i], all[k]
			from(k + 1)
			all[k], all[i] = all[i], all[k]
		}
	}
	from(0)
}

// rf relates writes to the reads that see them. external: only where they are of different tasks.
func (c *candidate) rf(external bool) relation {
	return c.relate(func(a, b int) bool {
		return c.events[b].reads() && c.from[b] == a && !(external && c.sameTask(a, b))
	})
}

// rank returns the place of a write in the order of the writes to its variable.
func (c *candidate) rank(w int) int { return slices.Index(c.order[c.events[w].at], w) }

func (c *candidate) coherence() relation {
	return c.relate(func(a, b int) bool {
		return c.events[a].writes() && c.events[b].writes() && c.events[a].at == c.events[b].at && c.rank(a) < c.rank(b)
	})
}

// fromRead relates reads to the writes that come after what they see.
func (c *candidate) fromRead() relation {
	return c.relate(func(a, b int) bool {
		return c.events[a].reads() && c.events[b].writes() && c.events[a].at == c.events[b].at && c.rank(c.from[a]) < c.rank(b)
	})
}

// updates relates the halves of read-modify-writes.
func (c *candidate) updates() relation {
	return c.relate(func(a, b int) bool {
		return b == a+1 && c.events[a].update && c.events[b].update && c.events[a].reads()
	})
}

// allowed reports whether the model allows the execution, dependent if each store depends on every load of its task before it.
func (c *candidate) allowed(dependent bool) bool {
	over := union(c.coherence(), c.fromRead())
	if !c.acyclic(c.sameVar, over, c.rf(false)) { // sequential consistency per variable
		return false
	}
	for _, r := range c.reads { // atomicity
		if c.events[r].update && c.rank(r+1) != c.rank(c.from[r])+1 {
			return false
		}
	}
	rfe := c.rf(true)
	// rmw-sequence: who sees what a read-modify-write has left sees what the store that it found has told.
	sequence := c.closure(compose(c.rf(false), c.updates()))
	cumul := compose(union(compose(union(rfe, c.identity), union(c.strong, c.release)), c.wmb), sequence)
	prop := compose(compose(union(intersect(over, c.outside), c.identity), c.closure(cumul)), union(rfe, c.identity))
	ppo := union(c.fences, intersect(over, c.within))
	if dependent {
		ppo = union(ppo, c.relate(func(a, b int) bool { return c.before(a, b) && c.events[a].reads() && c.events[b].writes() }))
	}
	hb := union(ppo, rfe, intersect(prop, c.within))
	if !c.acyclic(hb) {
		return false
	}
	return c.acyclic(compose(compose(prop, c.strong), c.closure(hb)))
}

// outcome words how the execution ends.
func (c *candidate) outcome() string {
	reads, final := make([][]uint64, c.threads), make([]uint64, len(c.vars))
	for _, r := range c.reads {
		t := c.events[r].thread
		reads[t] = append(reads[t], c.events[c.from[r]].value)
	}
	for v, order := range c.order {
		final[v] = c.events[order[len(order)-1]].value
	}
	return Outcome(reads, c.vars, final)
}
