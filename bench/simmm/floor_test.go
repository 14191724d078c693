package simmm

import "testing"

// TestFloorLeavesTheSpaceAsItWas: what the floor has done to the tree is what the operations do, and the operations go on from there.
func TestFloorLeavesTheSpaceAsItWas(t *testing.T) {
	s := newSpace(t, 50, 1, false)
	before := s.MapCount()
	f, err := s.Floor()
	if err != nil {
		t.Fatal(err)
	}
	f.MapUnmap(0, 100)
	f.SplitMerge(0, 100)
	if err := s.mm.Validate(f.workers[0].task); err != nil {
		t.Error(err)
	}
	s.SplitMerge(0, 10)
	s.MapUnmap(0, 10)
	if got := s.MapCount(); got != before {
		t.Errorf("%d VMAs, before %d", got, before)
	}
}
