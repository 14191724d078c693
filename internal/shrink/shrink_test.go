package shrink

import (
	"slices"
	"testing"
	"time"
)

func ints(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestSequence(t *testing.T) {
	needs := func(s []int) bool { return slices.Contains(s, 13) && slices.Contains(s, 77) }
	if kept := Sequence(ints(100), nil, needs); !slices.Equal(kept, []int{13, 77}) {
		t.Errorf("kept %v", kept)
	}
	always := func(s []int) bool { return len(s) > 0 }
	if kept := Sequence(ints(9), nil, always); len(kept) != 1 {
		t.Errorf("kept %v of what fails in any case", kept)
	}
	if kept := Sequence(ints(1), nil, always); len(kept) != 1 {
		t.Errorf("kept %v of one step", kept)
	}
}

// TestPlainer checks that steps become plainer as far as they can, and that shorter sequences are tried again then.
func TestPlainer(t *testing.T) {
	half := func(n int) []int {
		if n == 0 {
			return nil
		}
		return []int{n / 2}
	}
	sum := func(s []int) (n int) {
		for _, v := range s {
			n += v
		}
		return n
	}
	kept := Sequence([]int{64, 1, 2}, InPlace(half), func(s []int) bool { return sum(s) >= 5 })
	if !slices.Equal(kept, []int{8}) {
		t.Errorf("kept %v", kept)
	}
}

func TestWithin(t *testing.T) {
	asked := 0
	fails := Within(Budget{Runs: 3, Time: time.Hour}, func([]int) bool { asked++; return true })
	for range 5 {
		fails(nil)
	}
	if asked != 3 {
		t.Errorf("tried %d times", asked)
	}
	if Within(Budget{Runs: 3}, func([]int) bool { return true })(nil) {
		t.Error("tried after the time was over")
	}
}
