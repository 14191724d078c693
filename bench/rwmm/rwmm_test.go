package rwmm

import (
	"fmt"
	"sync"
	"testing"

	"vmasim/bench"
	"vmasim/workloads/measure"
)

func layout(n int) bench.Layout {
	return bench.Layout{Base: 1 << 32, VMAs: n, Pages: 4, Gap: 4}
}

func TestFind(t *testing.T) {
	l := layout(100)
	s := New(l, 1, true, 1)
	for i := range l.VMAs {
		for _, addr := range []uint64{l.Start(i), l.End(i) - 1} {
			if v := s.find(addr); v == nil || v.start != l.Start(i) {
				t.Errorf("%#x: found %v, want VMA %d", addr, v, i)
			}
		}
		if v := s.find(l.End(i)); v != nil {
			t.Errorf("%#x lies in a gap, found %v", l.End(i), v)
		}
	}
	if v := s.find(l.Base - 1); v != nil {
		t.Errorf("found %v before the first VMA", v)
	}
}

func TestWorkersTogetherLeaveTheSpaceAsItWas(t *testing.T) {
	const n = 10
	s := New(layout(n), 2, true, 1)
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() { s.MapUnmap(worker, 1000) })
		wg.Go(func() { s.Find(worker, 1000) })
	}
	wg.Wait()
	if got := s.vmas.Len(); got != n {
		t.Errorf("%d VMAs left, want %d", got, n)
	}
	if s.workers[0].slot == s.workers[1].slot {
		t.Error("both workers map at one address")
	}
}

// floating leaves the workload's threads to the scheduler.
func floating(w measure.Workload) measure.Workload {
	w.Float = true
	return w
}

// BenchmarkRWMutex prints the peer alone: how a lock that all share grows with threads and VMAs.
func BenchmarkRWMutex(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s := New(layout(n), 2, true, 1)
			c := measure.New(fmt.Sprintf("rwmutex n=%d", n))
			c.Add("find", bench.Finds(s, 1))
			c.Add("find floating", floating(bench.Finds(s, 1)))
			c.Add("map+unmap", bench.MapUnmaps(s, 1))
			if measure.CPUs() > 1 {
				c.Add("find 2T", floating(bench.Finds(s, 2)))
				c.Add("find beside writer", floating(bench.Finds(s, 1)).Beside(func() { s.MapUnmap(1, 1) }))
			}
			var res *measure.Result
			for b.Loop() {
				res = c.Run()
			}
			bench.Report(b, res)
		})
	}
}
