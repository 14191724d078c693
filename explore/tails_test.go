package explore

import (
	"slices"
	"testing"
)

// TestTails: what comes behind a step is what comes behind its state and what the step adds, of two ways both, and it was judged only where executions have come
// to all of it.
func TestTails(t *testing.T) {
	var ts tails
	ts.begin()
	end := ts.of([]uint64{7})
	a, b := ts.add(0, end, 10), ts.add(0, end, 20)
	both := ts.add(a, b, 0)
	if got := ts.sets[both]; !slices.Equal(got, []uint64{17, 27}) {
		t.Errorf("two ways lead to %d", got)
	}
	if ts.add(b, a, 0) != both || ts.add(both, a, 0) != both || ts.add(both, 0, 5) != both {
		t.Error("the same tail is kept twice")
	}
	if got := ts.sets[ts.add(0, both, ^uint64(19))]; !slices.Equal(got, []uint64{7, ^uint64(2)}) {
		t.Errorf("a sum that goes round is not in order: %d", got)
	}
	ts.came(117)
	if ts.covers(100, both) {
		t.Error("127 was not judged")
	}
	ts.came(127)
	if !ts.covers(100, both) || ts.covers(101, both) {
		t.Error("117 and 127 were judged, and nothing else")
	}
	ts.begin()
	if !ts.covers(100, ts.of([]uint64{17})) {
		t.Error("what was judged is forgotten")
	}
}
