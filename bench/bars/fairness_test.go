package bars

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vmasim/bench/simmm"
	"vmasim/workloads/measure"
)

// fairTime is how long the writers of one sample work.
const fairTime = 200 * time.Millisecond

// BenchmarkFairness says what stealing mmap_lock costs writers that wait for it: for each number of writers that map and unmap all the time,
// under the default and where the lock is always handed over, how many pairs there are in a second, what part of its fair share the least
// busy writer has, and how long the longest pair takes. It has no target: docs/performance.md shows what came out.
func BenchmarkFairness(b *testing.B) {
	for _, writers := range []int{2, 4, 8, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			for b.Loop() {
				fairness(b, writers)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// fairness takes samples of both rules in turns, and prints the medians.
func fairness(b *testing.B, writers int) {
	const samples = 5
	specs := []string{"linux-6.18", "linux-6.18,+rwsem-fifo"}
	spaces := make([]*simmm.Space, len(specs))
	for i, spec := range specs {
		var err error
		if spaces[i], err = simmm.Under(spec, layout(1000), writers, false, 1); err != nil {
			b.Fatal(err)
		}
	}
	figures := make([][3][]float64, len(specs))
	for round := range samples {
		for _, i := range measure.Order(len(specs), round) {
			for k, f := range compete(spaces[i], writers) {
				figures[i][k] = append(figures[i][k], f)
			}
		}
	}
	for i, spec := range specs {
		f := figures[i]
		fmt.Fprintf(b.Output(), "Fairness %d writers, %s: %s pairs/ms, least busy %s of a fair share, longest pair %s ms\n", writers, spec,
			measure.Digits(measure.MedianOf(f[0]).Median), measure.Digits(measure.MedianOf(f[1]).Median), measure.Digits(measure.MedianOf(f[2]).Median))
		if err := spaces[i].Close(); err != nil {
			b.Error(err)
		}
	}
}

// compete lets the writers work for a while, and returns how many pairs of mmap and munmap there were in a millisecond, the least busy writer's
// in units of the mean, and the longest pair in milliseconds.
func compete(s *simmm.Space, writers int) [3]float64 {
	type work struct {
		pairs   int
		longest time.Duration
		_       [64]byte
	}
	done := make([]work, writers)
	var stop atomic.Bool
	var wg sync.WaitGroup
	start := time.Now()
	for i := range done {
		wg.Go(func() {
			for last := start; !stop.Load(); {
				s.MapUnmap(i, 1)
				now := time.Now()
				done[i].pairs++
				done[i].longest = max(done[i].longest, now.Sub(last))
				last = now
			}
		})
	}
	time.Sleep(fairTime)
	stop.Store(true)
	wg.Wait()
	took := time.Since(start)
	all, least, longest := 0, done[0].pairs, time.Duration(0)
	for _, w := range done {
		all, least, longest = all+w.pairs, min(least, w.pairs), max(longest, w.longest)
	}
	return [3]float64{float64(all) / float64(took.Milliseconds()), float64(least*writers) / float64(all), longest.Seconds() * 1000}
}
