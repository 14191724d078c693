package explore

import (
	"math/rand/v2"
	"testing"
)

// TestBelow: the numbers drawn are those of the standard library, so that a seed means the same executions.
func TestBelow(t *testing.T) {
	d := newDraws(5, 0, 1)
	d.next()
	rng := rand.New(rand.NewPCG(5, 0))
	for i := range 100_000 {
		n := 1 + i%17
		if got, want := d.below(n), rng.IntN(n); got != want {
			t.Fatalf("number %d, below %d: %d, expected %d", i, n, got, want)
		}
	}
}
