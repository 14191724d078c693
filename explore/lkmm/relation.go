package lkmm

import "math/bits"

// relation is one between events: bit b of word a says that it holds from a to b.
type relation []uint64

func (c *candidate) relate(holds func(a, b int) bool) relation {
	r := make(relation, len(c.events))
	for a := range r {
		for b := range r {
			if holds(a, b) {
				r[a] |= 1 << b
			}
		}
	}
	return r
}

func union(all ...relation) relation {
	u := make(relation, len(all[0]))
	for _, r := range all {
		for a := range r {
			u[a] |= r[a]
		}
	}
	return u
}

func intersect(r, s relation) relation {
	both := make(relation, len(r))
	for a := range r {
		both[a] = r[a] & s[a]
	}
	return both
}

// compose is r and then s.
func compose(r, s relation) relation {
	c := make(relation, len(r))
	for a := range r {
		for rest := r[a]; rest != 0; rest &= rest - 1 {
			c[a] |= s[bits.TrailingZeros64(rest)]
		}
	}
	return c
}

// closure is r any number of times, or not at all.
func (c *candidate) closure(r relation) relation {
	s := union(r, c.identity)
	for k := range s {
		for a := range s {
			if s[a]>>k&1 != 0 {
				s[a] |= s[k]
			}
		}
	}
	return s
}

// acyclic reports whether the relations together lead nowhere back.
func (c *candidate) acyclic(all ...relation) bool {
	r := union(all...)
	s := compose(r, c.closure(r))
	for a := range s {
		if s[a]>>a&1 != 0 {
			return false
		}
	}
	return true
}
