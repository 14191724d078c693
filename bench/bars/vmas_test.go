package bars

import (
	"fmt"
	"runtime"
	"testing"

	"vmasim/bench"
	"vmasim/bench/hostmm"
	"vmasim/bench/rwmm"
	"vmasim/bench/simmm"
	"vmasim/workloads/measure"
)

// workers is how many threads the larger half of the comparisons needs.
const workers = 2

// layout returns n VMAs with enough pages for every worker. Few VMAs lie so far apart that each has a page table of its
// own, as those of different threads have.
func layout(n int) bench.Layout {
	if n < 100 {
		return bench.Layout{Base: simmm.Base, VMAs: n, Pages: 16, Gap: 512 - 16}
	}
	return bench.Layout{Base: simmm.Base, VMAs: n, Pages: 4, Gap: 4}
}

// dense returns n VMAs that lie as the kernel peer's writable ones: one page, and one page that is something else.
func dense(n int) bench.Layout {
	return bench.Layout{Base: simmm.Base, VMAs: n, Pages: 1, Gap: 1}
}

func newSim(b *testing.B, layout bench.Layout, workers int, random bool) *simmm.Space {
	b.Helper()
	s, err := simmm.New(layout, workers, random, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// kernel is the running kernel's address space, and how long a fault in it takes.
type kernel struct {
	*hostmm.Space
	fault float64 // in ns
}

func newKernel(b *testing.B, n, workers int) kernel {
	b.Helper()
	s, err := hostmm.New(n, workers, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	c := measure.New("fault of the kernel", measure.Rounds(3))
	c.Add("kernel", bench.FirstFaults(s.Sequential(), 1))
	return kernel{s, c.Run().NS("kernel").Median}
}

// over is a target's limit on vmasim's time in units of the kernel's.
func (k kernel) over(id string) bench.Bar {
	return bench.Goal(id).Over("vmasim", "kernel").Beside(k.fault)
}

// candidates are the workloads of one comparison, by name and in order.
type candidates []struct {
	name string
	load measure.Workload
}

// compare runs a comparison as a benchmark of its own and reports its bars.
func compare(b *testing.B, name string, cs candidates, bars ...bench.Bar) {
	b.Run(name, func(b *testing.B) {
		c := measure.New(b.Name()[len("Benchmark"):])
		for _, x := range cs {
			c.Add(x.name, x.load)
		}
		var res *measure.Result
		for b.Loop() {
			res = c.Run()
		}
		bench.Report(b, res, bars...)
	})
}

// BenchmarkVMAs compares at the sizes that a kernel accepts, where threads walk their pages in order.
func BenchmarkVMAs(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			sim := newSim(b, layout(n), workers, false)
			sim.Touch()
			faults(b, n, sim)
			lookups(b, n, sim)
			writers(b, n, sim)
		})
	}
}

func faults(b *testing.B, n int, sim *simmm.Space) {
	b.Run("fault", func(b *testing.B) {
		kernel := newKernel(b, n, 1)
		compare(b, "kernel", candidates{
			{"vmasim", bench.FirstFaults(sim, 1)},
			{"kernel", bench.FirstFaults(kernel.Sequential(), 1)},
		}, kernel.over("B1"))

		zero := [workers]*measure.ZeroFrames{measure.NewZeroFrames(sim.FaultPages()), measure.NewZeroFrames(sim.FaultPages())}
		compare(b, "floor", candidates{
			{"vmasim", bench.FirstFaults(sim, 1)},
			{"zero", measure.Loop(zero[0].Zero)},
			{"lookup", bench.Finds(sim.PagesUnlocked(), 1)},
			{"two pairs", measure.Loop(twoPairs())}, // of the VMA and of its page table
		}, bench.Goal("B2").Over("vmasim", "zero", "lookup", "two pairs"))

		frames := sim.Frames()
		compare(b, "parts", candidates{
			{"vmasim", bench.FirstFaults(sim, 1)},
			{"zeroed frame", bench.FirstFaults(frames, 1)},
			{"lookup and lock", bench.Finds(sim.PagesLocked(), 1)},
			{"entry", bench.Finds(sim.Entries(), 1)},
			{"pair", measure.Loop(measure.NewReferences().Pair)}, // of the page table
		}, bench.Goal("B2a").Over("vmasim", "zeroed frame", "lookup and lock", "entry", "pair"))
		frames.ForgetOwn(0)

		if measure.CPUs() < workers {
			return
		}
		compare(b, "threads", candidates{
			{"two", bench.FirstFaults(sim, 2)},
			{"one", bench.FirstFaults(sim, 1)},
		}, bench.Speedup("B3", "two", "one", 2, bench.Goal("B3").Limit))
		compare(b, "zeroing-alone", candidates{ // what two of these CPUs make of the largest part of it
			{"two", measure.Workload{Threads: 2, Body: func(worker, n int) { zero[worker].Zero(n) }}},
			{"one", measure.Loop(zero[0].Zero)},
		})
		compare(b, "writer", candidates{
			{"beside writer", bench.FirstFaults(sim, 1).Beside(func() { sim.MapUnmap(1, 1) })},
			{"beside spinner", bench.FirstFaults(sim, 1).Beside(measure.Spin)},
		}, bench.Goal(sized(n, "B5", "B5a")).Over("beside writer", "beside spinner"))
		compare(b, "zeroing-beside-writer", candidates{ // the same of the largest part of it
			{"beside writer", measure.Loop(zero[0].Zero).Beside(func() { sim.MapUnmap(1, 1) })},
			{"beside spinner", measure.Loop(zero[0].Zero).Beside(measure.Spin)},
		})
	})
}

func lookups(b *testing.B, n int, sim *simmm.Space) {
	locked := sim.UnderRWMutex() // readers alone never block in it, so its threads may be pinned
	inPlace := rwmm.New(layout(n), workers, false, 1)
	compare(b, "lookup", candidates{
		{"vmasim", bench.Finds(sim, 1)},
		{"RWMutex", bench.Finds(locked, 1)},
		{"RWMutex, B-tree in place", bench.Finds(inPlace, 1)},
		{"demanded", bench.Finds(sim.Demanded(layout(n)), 1)},
	}, bench.Goal("B4b").Over("vmasim", "RWMutex"), bench.Goal("B4d").Over("vmasim", "demanded"))
	if measure.CPUs() < workers {
		return
	}
	compare(b, "lookup-2T", candidates{
		{"vmasim", bench.Finds(sim, 2)},
		{"RWMutex", bench.Finds(locked, 2)},
		{"RWMutex, B-tree in place", bench.Finds(inPlace, 2)},
	}, bench.Goal(sized(n, "B4", "B4a")).Over("vmasim", "RWMutex"))
	one := sim.InOneVMA()
	compare(b, "lookup-in-one-VMA", candidates{
		{"two", bench.Finds(one, 2)},
		{"one", bench.Finds(one, 1)},
		{"transfers", measure.Workload{Threads: 2, Body: new(measure.PingPong).Play}},
	}, bench.Goal("B4c").Over("two", "transfers"))
	pair := measure.NewReferences() // what the processor makes of one shared counter, without anything around it
	compare(b, "pair-on-one-counter", candidates{
		{"two", measure.Workload{Threads: 2, Body: func(_, n int) { pair.Pair(n) }}},
		{"one", measure.Loop(pair.Pair)},
	})
}

// sized returns the target for the number of VMAs.
func sized(n int, few, many string) string {
	if n > 10 {
		return many
	}
	return few
}

// twoPairs takes and drops two references, of two objects, n times.
func twoPairs() func(n int) {
	first, second := measure.NewReferences(), measure.NewReferences()
	return func(n int) {
		for range n {
			first.Pair(1)
			second.Pair(1)
		}
	}
}

func writers(b *testing.B, n int, sim *simmm.Space) {
	if n < 1000 {
		return // the bars are for the usual size
	}
	b.Run("writer", func(b *testing.B) {
		kernel := newKernel(b, n, 1)
		compare(b, "map-unmap", candidates{
			{"vmasim", bench.MapUnmaps(sim, 1)},
			{"kernel", bench.MapUnmaps(kernel, 1)},
		}, kernel.over("B7"))
		compare(b, "split-merge", candidates{
			{"vmasim", bench.SplitMerges(sim, 1)},
			{"kernel", bench.SplitMerges(kernel, 1)},
		}, kernel.over("B7b"))
	})
}

// BenchmarkMillion compares at a million VMAs and at random. vm.max_map_count limits the kernel's number, not vmasim's.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	before := heap()
	large := newSim(b, dense(n), 1, true)
	memory := float64(heap()-before) / n
	b.Run("memory", func(b *testing.B) {
		for b.Loop() { // there is nothing to repeat
		}
		bench.Goal("B12").Report(b, "Million/memory", memory)
	})
	small := newSim(b, dense(1000), 1, true)
	compare(b, "lookup-growth", candidates{
		{"1000000", bench.Finds(large, 1)},
		{"1000", bench.Finds(small, 1)},
		{"line of memory", measure.Loop(measure.NewMemory(128 * n).Read)}, // as many as VMAs take
	}, bench.Goal("B6").Over("1000000", "1000"), bench.Goal("B6a").Over("1000000", "line of memory"))
	compare(b, "map-unmap-growth", candidates{
		{"1000000", bench.MapUnmaps(large, 1)},
		{"1000", bench.MapUnmaps(small, 1)},
	}, bench.Goal("B6b").Over("1000000", "1000"))

	fits, err := hostmm.Fit(n)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("kernel-with-%d", fits), func(b *testing.B) {
		kernel := newKernel(b, fits, 1)
		compare(b, "map-unmap", candidates{
			{"vmasim", bench.MapUnmaps(large, 1)},
			{"kernel", bench.MapUnmaps(kernel, 1)},
		}, kernel.over("B7a"))
		large.Touch()
		compare(b, "random-fault", candidates{
			{"vmasim", bench.FirstFaults(large, 1)},
			{"kernel", bench.FirstFaults(kernel.Random(), 1)},
		}, kernel.over("B1b"))
	})
}

// heap returns the bytes of memory in use by live objects, with what their pages waste.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one's finalizers and sweeping left
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
