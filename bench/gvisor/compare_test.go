package gvisor

import (
	"fmt"
	"testing"

	"vmasim/bench"
	"vmasim/bench/simmm"
	"vmasim/workloads/measure"
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
	float bool // even its faults block in locks, so its threads must not be pinned
}

var contenders = []contender{
	{"gvisor", func(tb testing.TB, n, workers int, random bool) peer { return newSpace(tb, n, workers, random) }, true},
	{"vmasim", func(tb testing.TB, n, workers int, random bool) peer {
		sim := newSim(tb, bench.Layout{Base: simmm.Base, VMAs: n, Pages: 1, Gap: 1}, workers, random)
		sim.Touch()
		return sim
	}, false},
}

func newSim(tb testing.TB, layout bench.Layout, workers int, random bool) *simmm.Space {
	tb.Helper()
	s, err := simmm.New(layout, workers, random, 1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// operation is one thing compared, and the targets of vmasim's time in units of gVisor's with one thread and with two.
type operation struct {
	name   string
	random bool // the pages' order, where it matters
	writes bool // every implementation blocks in a lock
	load   func(p peer, threads int) measure.Workload
	goals  [2]string // "": none
}

var operations = []operation{
	{"first-fault", false, false, func(p peer, threads int) measure.Workload { return bench.FirstFaults(p, threads) }, [2]string{"B10", "B10a"}},
	{"random-first-fault", true, false, func(p peer, threads int) measure.Workload { return bench.FirstFaults(p, threads) }, [2]string{}},
	{"random-refault", true, false, func(p peer, threads int) measure.Workload { return bench.Refaults(p, threads) }, [2]string{}},
	{"map-unmap", false, true, func(p peer, threads int) measure.Workload { return bench.MapUnmaps(p, threads) }, [2]string{"B10b", "B10b"}},
	{"split-merge", false, true, func(p peer, threads int) measure.Workload { return bench.SplitMerges(p, threads) }, [2]string{}},
}

// BenchmarkPeers runs every operation with every contender, interleaved.
func BenchmarkPeers(b *testing.B) {
	for _, op := range operations {
		for _, n := range []int{1000, 100_000} {
			for threads := 1; threads <= min(2, measure.CPUs()); threads++ {
				b.Run(fmt.Sprintf("%s/n=%d/threads=%d", op.name, n, threads), func(b *testing.B) {
					op.compare(b, n, threads)
				})
			}
		}
	}
}

func (op operation) compare(b *testing.B, n, threads int) {
	c := measure.New(fmt.Sprintf("%s n=%d threads=%d", op.name, n, threads))
	for _, who := range contenders {
		load := op.load(who.open(b, n, threads, op.random), threads)
		load.Float = threads > 1 && (who.float || op.writes)
		c.Add(who.name, load)
	}
	var bars []bench.Bar
	if goal := op.goals[threads-1]; goal != "" {
		bars = append(bars, bench.Goal(goal).Over("vmasim", "gvisor"))
	}
	var res *measure.Result
	for b.Loop() {
		res = c.Run()
	}
	bench.Report(b, res, bars...)
}

// BenchmarkFind compares lookups alone, and with the locks under which a fault uses the VMA: gVisor's one for all, and
// vmasim's of the VMA. With one thread a lock for all is the cheaper one, whatever the tree: bar B4b is about that.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 1000, 1_000_000} {
		for _, random := range []bool{false, true} {
			b.Run(fmt.Sprintf("n=%d/random=%v", n, random), func(b *testing.B) {
				layout := bench.Layout{Base: simmm.Base, VMAs: n, Pages: max(4, 160/n), Gap: 4}
				segments := NewSegments(layout, 2, random, 1)
				sim := newSim(b, layout, 2, random)
				alone := measure.New(fmt.Sprintf("find n=%d random=%v", n, random))
				alone.Add("gvisor", bench.Finds(segments, 1))
				alone.Add("vmasim", bench.Finds(sim.Unlocked(), 1))
				alone.Add("gvisor locked", bench.Finds(segments.Locked(), 1))
				alone.Add("vmasim locked", bench.Finds(sim, 1))
				locked := measure.New(fmt.Sprintf("locked find n=%d random=%v threads=2", n, random))
				locked.Add("gvisor", bench.Finds(segments.Locked(), 2)) // readers alone never block, so they may be pinned
				locked.Add("vmasim", bench.Finds(sim, 2))
				bar := bench.Goal("B10c").Over("vmasim", "gvisor")
				for b.Loop() {
					res := alone.Run()
					bench.Report(b, res)
					bench.Report(b, res, bar)
					if measure.CPUs() > 1 {
						bench.Report(b, locked.Run(), bar)
					}
				}
			})
		}
	}
}
