package fault

import (
	"testing"

	"vmasim/internal/task"
)

// TestEachVMA: the program runs once for each VMA, and its accesses bring pages in.
func TestEachVMA(t *testing.T) {
	f := newFixture(t)
	f.mapAnon(0, 2, rw)
	f.mapAnon(4, 5, rw)
	before := f.t.Counters[task.VMALockAbort]
	if n, err := EachVMA(f.t, f.mm, at(4)); n != 2 || err != nil {
		t.Errorf("it ran %d times, expected 2: %v", n, err)
	}
	if _, mapped := Walk(f.t, f.mm, at(4)); !mapped {
		t.Error("the program has read nothing")
	}
	if n := f.t.Counters[task.VMALockAbort] - before; n != 0 {
		t.Errorf("%d VMAs could not be locked", n)
	}
	f.valid(f.mm)
}
