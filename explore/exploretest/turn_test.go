package exploretest_test

import (
	"slices"
	"testing"

	"vmasim/explore/exploretest"
)

func TestRoundRobin(t *testing.T) {
	turn := exploretest.RoundRobin()
	var got []int
	for _, enabled := range [][]int{{0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 2}, {0, 1}, {1}, {0, 1}} {
		got = append(got, turn(enabled))
	}
	if want := []int{0, 1, 2, 0, 2, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

func TestSchedule(t *testing.T) {
	turn := exploretest.Schedule(2, 1, 2, 0)
	var got []int
	for _, enabled := range [][]int{{0, 1, 2}, {0, 2}, {0, 1}, {1, 2}} {
		got = append(got, turn(enabled))
	}
	if want := []int{2, 2, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}
