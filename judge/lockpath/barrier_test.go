package lockpath

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestBarrier(t *testing.T) {
	const threads, rounds = 4, 50
	b := newBarrier(threads + 1)
	b.leave() // one never comes
	var inside [rounds]atomic.Int32
	var all sync.WaitGroup
	for i := range threads {
		all.Go(func() {
			defer b.leave()
			for round := range rounds - i { // one after the other leaves before the end
				inside[round].Add(1)
				b.meet()
				if n := int(inside[round].Load()); n < threads-max(0, round-(rounds-threads)) {
					t.Errorf("round %d began with %d", round, n)
				}
			}
		})
	}
	all.Wait()
}
