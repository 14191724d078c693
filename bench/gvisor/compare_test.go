package gvisor

import (
	"fmt"
	"testing"

	"vmasim/internal/bench"
)

// peer is what is compared: every operation of one address space.
type peer interface {
	bench.Faulter
	bench.Refaulter
	bench.Mapper
	bench.Splitter
}

// contender opens one implementation with n VMAs of one page, half of them writable, for the given number of workers.
type contender struct {
	name  string
	open  func(tb testing.TB, n, workers int, random bool) peer
	float bool // it blocks in Go's mutexes, so its threads must not be pinned
}

// contenders lists the implementations; vmasim's is added here and nowhere else.
var contenders = []contender{
	{"gvisor", func(tb testing.TB, n, workers int, random bool) peer { return newSpace(tb, n, workers, random) }, true},
}

// operation is one thing compared, and the limits on vmasim's time in units of gVisor's with one thread and with two.
type operation struct {
	name   string
	random bool // the pages' order, where it matters
	load   func(p peer, threads int) bench.Workload
	bars   [2]float64 // 0: none
}

var operations = []operation{
	{"first-fault", false, func(p peer, threads int) bench.Workload { return bench.FirstFaults(p, threads) }, [2]float64{0.4, 0.3}},
	{"random-first-fault", true, func(p peer, threads int) bench.Workload { return bench.FirstFaults(p, threads) }, [2]float64{}},
	{"random-refault", true, func(p peer, threads int) bench.Workload { return bench.Refaults(p, threads) }, [2]float64{}},
	{"map-unmap", false, func(p peer, threads int) bench.Workload { return bench.MapUnmaps(p, threads) }, [2]float64{1, 1}},
	{"split-merge", false, func(p peer, threads int) bench.Workload { return bench.SplitMerges(p, threads) }, [2]float64{}},
}

// BenchmarkPeers runs every operation with every contender, interleaved.
func BenchmarkPeers(b *testing.B) {
	for _, op := range operations {
		for _, n := range []int{1000, 100_000} {
			for threads := 1; threads <= min(2, bench.CPUs()); threads++ {
				b.Run(fmt.Sprintf("%s/n=%d/threads=%d", op.name, n, threads), func(b *testing.B) {
					op.compare(b, n, threads)
				})
			}
		}
	}
}

func (op operation) compare(b *testing.B, n, threads int) {
	c := bench.New(fmt.Sprintf("%s n=%d threads=%d", op.name, n, threads))
	for _, who := range contenders {
		load := op.load(who.open(b, n, threads, op.random), threads)
		load.Float = who.float && threads > 1
		c.Add(who.name, load)
	}
	var bars []bench.Bar
	if limit := op.bars[threads-1]; limit > 0 && len(contenders) > 1 {
		bars = append(bars, bench.AtMost("B10", "vmasim", limit, "gvisor"))
	}
	var res *bench.Result
	for b.Loop() {
		res = c.Run()
	}
	res.Report(b, bars...)
}

// BenchmarkFind compares lookups alone: the segment set without and with the lock under which gVisor uses it.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 1000, 1_000_000} {
		for _, random := range []bool{false, true} {
			b.Run(fmt.Sprintf("n=%d/random=%v", n, random), func(b *testing.B) {
				segments := NewSegments(bench.Layout{Base: 1 << 32, VMAs: n, Pages: 4, Gap: 4}, 2, random, 1)
				c := bench.New(fmt.Sprintf("find n=%d random=%v", n, random))
				c.Add("gvisor", bench.Finds(segments, 1))
				c.Add("gvisor locked", bench.Finds(segments.Locked(), 1))
				if bench.CPUs() > 1 {
					c.Add("gvisor locked 2T", bench.Finds(segments.Locked(), 2).Floating())
				}
				var res *bench.Result
				for b.Loop() {
					res = c.Run()
				}
				res.Report(b)
			})
		}
	}
}
