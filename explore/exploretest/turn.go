package exploretest

import (
	"math/rand/v2"
	"slices"
)

// Turn decides which of the enabled tasks, of which there is at least one, takes the next step. IDs are the tasks'
// places in the program, ascending. A Turn has a state and serves one run.
type Turn func(enabled []int) int

// RoundRobin gives the turn to one task after the other.
func RoundRobin() Turn {
	last := -1
	return func(enabled []int) int {
		i, _ := slices.BinarySearch(enabled, last+1)
		last = enabled[i%len(enabled)]
		return last
	}
}

// Schedule gives the turn to the tasks in the given order, leaving out turns of tasks that are not enabled, and
// afterwards to the first that is enabled.
func Schedule(ids ...int) Turn {
	return func(enabled []int) int {
		for len(ids) > 0 {
			id := ids[0]
			ids = ids[1:]
			if slices.Contains(enabled, id) {
				return id
			}
		}
		return enabled[0]
	}
}

// Random gives the turn to tasks drawn from a generator with the given seed.
func Random(seed uint64) Turn {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(enabled []int) int { return enabled[r.IntN(len(enabled))] }
}
