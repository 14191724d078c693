package rules

import "testing"

// TestBits: a set has room for a rule in each of its words, and keeps them apart.
func TestBits(t *testing.T) {
	last := Rule(64*words - 1)
	b := bitsOf(0, 63, 64, last)
	for r := range Rule(64 * words) {
		if want := r == 0 || r == 63 || r == 64 || r == last; b.has(r) != want {
			t.Errorf("rule %d: %v", r, !want)
		}
	}
	b.put(64, false)
	if b.has(64) || !b.has(0) || !b.has(last) {
		t.Errorf("one rule taken away: %x", b)
	}
	if got := b.without(bitsOf(0, last)); got != bitsOf(63) {
		t.Errorf("without: %x", got)
	}
	if got := b.differ(bitsOf(0, 64)); got != bitsOf(63, 64, last) {
		t.Errorf("differ: %x", got)
	}
}
