package rules

// words is how many 64-bit words a set of rules takes: a power of two, for the mask below.
const words = 4

// No more rules than a set has room for: this does not compile otherwise.
const _ = uint(64*words - numRules)

// bits is a set of rules as numbers. The index of a rule's word is masked, so that asking for one takes a single test, with no
// check of the bounds.
type bits [words]uint64

func bitsOf(rs ...Rule) (b bits) {
	for _, r := range rs {
		b.put(r, true)
	}
	return b
}

func (b *bits) has(r Rule) bool { return b[r>>6&(words-1)]&(1<<(r&63)) != 0 }

func (b *bits) put(r Rule, on bool) {
	bit := uint64(1) << (r & 63)
	b[r>>6] &^= bit
	if on {
		b[r>>6] |= bit
	}
}

// without returns the rules that are in b and not in o.
func (b bits) without(o bits) bits {
	for i := range b {
		b[i] &^= o[i]
	}
	return b
}

// and returns the rules that are in both.
func (b bits) and(o bits) bits {
	for i := range b {
		b[i] &= o[i]
	}
	return b
}

// differ returns the rules that are in b or in o, and not in both.
func (b bits) differ(o bits) bits {
	for i := range b {
		b[i] ^= o[i]
	}
	return b
}

// rules returns the rules of the set in declaration order.
func (b bits) rules() (rs []Rule) {
	for _, r := range All() {
		if b.has(r) {
			rs = append(rs, r)
		}
	}
	return rs
}
