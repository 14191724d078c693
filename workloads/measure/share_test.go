package measure

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestShareOf(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name            string
		wanted, cpus    int
		others, delayed time.Duration // in a second
		share           float64
	}{
		{"alone", 2, 2, 0, 0, 1},
		{"a neighbour on the CPU that is not needed", 1, 2, s, 0, 1},
		{"a neighbour that takes half a CPU", 2, 2, s / 2, s, 0.75},
		{"others ran while the threads slept", 2, 2, s, s / 10, 0.95},
		{"threads waited for each other alone", 2, 2, 0, s / 2, 1},
		{"delays are not known", 2, 2, s, -1, 0.5},
		{"ticks are coarse", 2, 2, -s / 100, 0, 1},
		{"nothing left", 1, 1, 9 * s, 9 * s, 0},
		{"no thread", 0, 2, s, s, 1},
	} {
		if got := shareOf(test.wanted, test.cpus, s, test.others, test.delayed); got != test.share {
			t.Errorf("%s: %v, want %v", test.name, got, test.share)
		}
	}
	if got := shareOf(2, 2, 0, s, s); got != 1 {
		t.Errorf("of no time: %v", got)
	}
}

// TestWatchSeesNeighbours: what another process takes is seen. Here it is other threads of this process, whose CPU time the watch is told not
// to know as its own.
func TestWatchSeesNeighbours(t *testing.T) {
	w := NewWatch()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for end := time.Now().Add(120 * time.Millisecond); time.Now().Before(end); {
				spinPause()
			}
		})
	}
	all.Wait()
	share, cpus := w.Share(1000)
	if cpus != CPUs() || share < 0 || share > 1 {
		t.Errorf("%v of %d CPUs, expected a part of %d", share, cpus, CPUs())
	}
	w.start.others -= time.Hour // as if a neighbour had run
	w.start.delayed = min(w.start.delayed, 0) - time.Hour
	if share, _ = w.Share(1000); runtime.GOOS == "linux" && share > 0 {
		t.Errorf("with nothing left, the share is %v", share)
	}
	if _, cpus = w.Share(1); cpus != 1 {
		t.Errorf("one task could use %d CPUs", cpus)
	}
	if runtime.GOOS == "linux" && w.Used() <= 0 {
		t.Errorf("threads that spun used %v", w.Used())
	}
}

func TestHost(t *testing.T) {
	if got, want := Host(), fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, CPUs()); !strings.HasPrefix(got, want) {
		t.Errorf("the host is %q, want %q and the processor", got, want)
	}
}
