package gvisor

import (
	"fmt"
	"maps"
	"slices"
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
	bench.Merger
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

// newFloor returns what the protocol demands of vmasim's writers, and no more.
func newFloor(tb testing.TB, n int) peer {
	tb.Helper()
	f, err := newSim(tb, bench.Layout{Base: simmm.Base, VMAs: n, Pages: 1, Gap: 1}, 1, false).Floor()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// operation is one thing compared, and the targets of vmasim's time in units of gVisor's, by the number of threads.
type operation struct {
	name   string
	random bool // the pages' order, where it matters
	writes bool // every implementation blocks in a lock
	alone  bool // it is what one writer does as several would
	load   func(p peer, threads int) measure.Workload
	goals  map[int]string
}

var operations = []operation{
	{"first-fault", false, false, false, func(p peer, threads int) measure.Workload { return bench.FirstFaults(p, threads) },
		map[int]string{1: "B10", 2: "B10a"}},
	{"random-first-fault", true, false, false, func(p peer, threads int) measure.Workload { return bench.FirstFaults(p, threads) }, nil},
	{"random-refault", true, false, false, func(p peer, threads int) measure.Workload { return bench.Refaults(p, threads) }, nil},
	{"map-unmap", false, true, false, func(p peer, threads int) measure.Workload { return bench.MapUnmaps(p, threads) },
		map[int]string{1: "B10b", 2: "B10b2", 4: "B10b4", 8: "B10b8", 16: "B10b16", 64: "B10b64"}},
	{"map-merge-unmap", false, true, true, func(p peer, threads int) measure.Workload { return bench.MapMergeUnmaps(p, threads) },
		map[int]string{1: "B10bm"}},
	{"split-merge", false, true, false, func(p peer, threads int) measure.Workload { return bench.SplitMerges(p, threads) },
		map[int]string{1: "B10d", 2: "B10d2", 16: "B10d16"}},
}

// BenchmarkPeers runs every operation with every contender, interleaved.
func BenchmarkPeers(b *testing.B) {
	for _, op := range operations {
		for _, n := range []int{1000, 100_000} {
			for _, threads := range op.threads(n) {
				b.Run(fmt.Sprintf("%s/n=%d/threads=%d", op.name, n, threads), func(b *testing.B) {
					op.compare(b, n, threads)
				})
			}
		}
	}
}

// threads returns the numbers of threads to compare with: those that have a CPU each, and at the usual size more writers, which wait for
// each other anyway.
func (op operation) threads(n int) []int {
	switch {
	case measure.CPUs() < 2 || op.alone:
		return []int{1}
	case op.writes && n == 1000:
		return slices.Sorted(maps.Keys(op.goals))
	}
	return []int{1, 2}
}

func (op operation) compare(b *testing.B, n, threads int) {
	c := measure.New(fmt.Sprintf("%s n=%d threads=%d", op.name, n, threads))
	for _, who := range contenders {
		load := op.load(who.open(b, n, threads, op.random), threads)
		load.Float = threads > 1 && (who.float || op.writes)
		c.Add(who.name, load)
	}
	if op.writes && !op.alone && threads == 1 {
		c.Add("floor", op.load(newFloor(b, n), 1))
	}
	if op.name == "first-fault" && threads == 1 { // what vmasim's has to wait for, and gVisor's has not
		c.Add("zeroing", measure.Loop(measure.NewZeroFrames(64).Zero))
		c.Add("line of memory", measure.Loop(measure.NewMemory(128*n).Read)) // as many as VMAs take
	}
	var bars []bench.Bar
	if goal := op.goals[threads]; goal != "" {
		bars = append(bars, bench.Goal(goal).Over("vmasim", "gvisor"))
	}
	var res *measure.Result
	for b.Loop() {
		res = c.Run()
	}
	if len(res.Candidates()) > len(contenders) {
		bench.Report(b, res)
	}
	bench.Report(b, res, bars...)
}

// BenchmarkFind compares lookups alone, and with the locks under which a fault uses the VMA: gVisor's one for all, and
// vmasim's of the VMA. With one thread a lock for all is the cheaper one, whatever the tree: bar B4b is about that.
func BenchmarkFind(b *testing.B) {
	goals := map[int][2]string{10: {"B10e", "B10f"}, 1000: {"B10e3", "B10f3"}, 1_000_000: {"B10e6", "B10f6"}}
	for _, n := range slices.Sorted(maps.Keys(goals)) {
		for order, random := range []bool{false, true} {
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
				for b.Loop() {
					res := alone.Run()
					bench.Report(b, res)
					bench.Report(b, res, bench.Goal(goals[n][order]).Over("vmasim", "gvisor"))
					if measure.CPUs() > 1 {
						bench.Report(b, locked.Run(), bench.Goal("B10c").Over("vmasim", "gvisor"))
					}
				}
			})
		}
	}
}
