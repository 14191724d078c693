package tree

import (
	"math/rand/v2"
	"testing"
)

// TestKnownHole: what is kept of the last search answers as a search does, over one leaf and over several.
func TestKnownHole(t *testing.T) {
	const searches = 100_000
	tk := newTask()
	pool := vmas(tk, 8)
	known := 0
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tr, ref := New(tk, nil), reference{}
		it := tr.Iterator()
		store := func(start, end uint64, fill bool) {
			v := pool[rng.IntN(len(pool))]
			if !fill {
				v = nil
			}
			it.Store(tk, start, end, v)
			for a := start; a < end; a++ {
				ref[a] = v
			}
		}
		var size, low, high uint64
		for i := range searches / 20 {
			if i%10 == 0 {
				size, low, high = uint64(1+rng.IntN(3)), uint64(rng.IntN(2)*50), uint64(len(ref)-rng.IntN(2)*20)
			}
			if _, ok := tr.gaps.known.at(size, low, high); ok {
				known++
			}
			got, ok := tr.HighestGap(size, low, high)
			if want, wantOK := ref.highest(size, low, high); got != want || ok != wantOK {
				t.Fatalf("seed %d: HighestGap(%d, %d, %d) = %d %v, expected %d %v in %v", seed, size, low, high, got, ok, want, wantOK, ref.entries())
			}
			switch at := uint64(rng.IntN(len(ref) - 4)); {
			case ok && rng.IntN(4) > 0: // what mmap does
				store(got, got+size, true)
			case rng.IntN(3) == 0:
				store(at, at+uint64(1+rng.IntN(4)), true)
			default:
				store(at, at+uint64(1+rng.IntN(4)), false)
			}
		}
	}
	if known < searches/5 {
		t.Errorf("only %d of %d searches were known: the test says little", known, searches)
	}
}
