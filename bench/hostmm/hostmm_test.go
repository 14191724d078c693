package hostmm

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/bench"
	"vmasim/workloads/measure"
)

func newSpace(tb testing.TB, n, workers int) *Space {
	tb.Helper()
	s, err := New(n, workers, 1)
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

func vmaCount(t *testing.T) int {
	t.Helper()
	n, err := countVMAs()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func minorFaults(t *testing.T) int64 {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Minflt
}

// The runtime maps a little for itself meanwhile.
const slack = 10

func TestFillersDoNotMergeAndCloseUnmapsThem(t *testing.T) {
	const n = 500
	before := vmaCount(t)
	s, err := New(n, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := vmaCount(t) - before; got < n || got > n+20+slack {
		t.Errorf("%d more VMAs, want about %d", got, n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := vmaCount(t) - before; got > slack {
		t.Errorf("%d VMAs left", got)
	}
}

func TestEachTouchIsAFault(t *testing.T) {
	runtime.LockOSThread() // faults are counted by thread
	defer runtime.UnlockOSThread()
	s := newSpace(t, 10, 2)
	for name, f := range map[string]bench.Faulter{"sequential": s.Sequential(), "random": s.Random()} {
		for pass := range 3 {
			f.Forget()
			before := minorFaults(t)
			for worker := range 2 {
				f.Fault(worker, f.FaultPages())
			}
			got, want := minorFaults(t)-before, int64(2*f.FaultPages())
			if got < want || got > want+want/20 { // the runtime faults a little itself
				t.Errorf("%s, pass %d: %d faults, want %d", name, pass, got, want)
			}
		}
	}
}

func TestMapUnmapMakesAVMAOfItsOwn(t *testing.T) {
	s := newSpace(t, 10, 1)
	addr := mmapPage()
	alone, err := isVMA(addr)
	munmapPage(addr)
	if err != nil || !alone {
		t.Errorf("the page at %#x is not a VMA of its own (%v)", addr, err)
	}
	before := vmaCount(t)
	s.MapUnmap(0, 100)
	if got := vmaCount(t) - before; got > slack {
		t.Errorf("%d VMAs left", got)
	}
}

func TestSplitMerge(t *testing.T) {
	s := newSpace(t, 10, 1)
	first := uintptr(unsafe.Pointer(&s.workers[0].split[0]))
	before := vmaCount(t)
	mprotectPage(first+pageSize, unix.PROT_READ)
	if split, err := isVMA(first + pageSize); err != nil || !split {
		t.Errorf("the middle page did not split off (%v)", err)
	}
	s.SplitMerge(0, 1)
	if split, err := isVMA(first + pageSize); err != nil || split {
		t.Errorf("the middle page did not merge back (%v)", err)
	}
	if got := vmaCount(t) - before; got > slack {
		t.Errorf("%d VMAs more than before", got)
	}
}

func TestFitKeepsTheLimit(t *testing.T) {
	for _, n := range []int{10, 1 << 30} {
		got, err := Fit(n)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			t.Skip(err)
		}
		if err != nil || got <= 0 || got > n {
			t.Errorf("Fit(%d) = %d, %v", n, got, err)
		}
	}
}

// BenchmarkKernel prints the kernel alone, at each number of VMAs that vm.max_map_count allows; in place of the first
// that it does not, at the largest that it does.
func BenchmarkKernel(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000, 1_000_000} {
		fits, err := Fit(n)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("n=%d", fits), func(b *testing.B) { kernelAlone(b, fits) })
		if fits < n {
			break
		}
	}
}

func kernelAlone(b *testing.B, n int) {
	s := newSpace(b, n, 2)
	c := measure.New(fmt.Sprintf("kernel n=%d", n))
	c.Add("fault", bench.FirstFaults(s.Sequential(), 1))
	c.Add("random fault", bench.FirstFaults(s.Random(), 1))
	c.Add("map+unmap", bench.MapUnmaps(s, 1))
	c.Add("split+merge", bench.SplitMerges(s, 1))
	if measure.CPUs() > 1 {
		c.Add("fault 2T", bench.FirstFaults(s.Sequential(), 2))
		c.Add("fault beside writer", bench.FirstFaults(s.Sequential(), 1).Beside(func() { s.MapUnmap(1, 1) }))
	}
	var res *measure.Result
	for b.Loop() {
		res = c.Run()
	}
	bench.Report(b, res)
}
