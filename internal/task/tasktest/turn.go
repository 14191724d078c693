package tasktest

import (
	"fmt"
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
// afterwards to the first that is enabled. The schedule of a [Result] repeats its run.
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

// Explore calls run with one schedule after the other until every possible one was run, and returns how many there
// were. run sets its program up anew, passes the turn to [Run] and returns the result; an error of its own ends the
// exploration. More than limit schedules are an error. Only programs of a few steps have few enough.
func Explore(limit int, run func(Turn) (Result, error)) (schedules int, err error) {
	var prefix []int
	for {
		if schedules == limit {
			return schedules, fmt.Errorf("not all explored: more than %d schedules", limit)
		}
		res, err := run(Schedule(prefix...))
		schedules++
		if err != nil {
			return schedules, fmt.Errorf("schedule %v: %w", res.Schedule(), err)
		}
		if prefix = nextPrefix(res.Steps); prefix == nil {
			return schedules, nil
		}
	}
}

// nextPrefix returns the schedule that leaves the given one at its last step where a later task could have gone, or nil.
func nextPrefix(steps []Step) []int {
	for i, s := range slices.Backward(steps) {
		at, _ := slices.BinarySearch(s.Enabled, s.Task)
		if at+1 == len(s.Enabled) {
			continue
		}
		prefix := Result{Steps: steps[:i]}.Schedule()
		return append(prefix, s.Enabled[at+1])
	}
	return nil
}
