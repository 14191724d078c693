package tasktest_test

import (
	"errors"
	"slices"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
)

func TestRoundRobin(t *testing.T) {
	turn := tasktest.RoundRobin()
	var got []int
	for _, enabled := range [][]int{{0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 2}, {0, 1}, {1}, {0, 1}} {
		got = append(got, turn(enabled))
	}
	if want := []int{0, 1, 2, 0, 2, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

func TestSchedule(t *testing.T) {
	turn := tasktest.Schedule(2, 1, 2, 0)
	var got []int
	for _, enabled := range [][]int{{0, 1, 2}, {0, 2}, {0, 1}, {1, 2}} {
		got = append(got, turn(enabled))
	}
	if want := []int{2, 2, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

// steps returns a program of independent tasks, each with its number of steps.
func steps(turn tasktest.Turn, counts ...int) (tasktest.Result, error) {
	var program []tasktest.Task
	var cell ksync.Atomic64
	for _, n := range counts {
		program = append(program, tasktest.Task{Name: "t", Body: func(t *task.Task) {
			for range n {
				cell.Add(t, 1)
			}
		}})
	}
	return tasktest.Run(tasktest.Config{Turn: turn}, program...)
}

func TestExploreRunsEverySchedule(t *testing.T) {
	for _, c := range []struct {
		counts []int
		want   int // the multinomial coefficient
	}{{[]int{3}, 1}, {[]int{1, 1}, 2}, {[]int{3, 3}, 20}, {[]int{2, 2, 2}, 90}, {[]int{0, 2}, 1}} {
		seen := map[string]bool{}
		n, err := tasktest.Explore(1000, func(turn tasktest.Turn) (tasktest.Result, error) {
			res, err := steps(turn, c.counts...)
			var key string
			for _, id := range res.Schedule() {
				key += string(rune('0' + id))
			}
			seen[key] = true
			return res, err
		})
		if err != nil || n != c.want || len(seen) != n {
			t.Errorf("%v: %d schedules, %d different, error %v, want %d", c.counts, n, len(seen), err, c.want)
		}
	}
}

func TestExploreEnds(t *testing.T) {
	run := func(turn tasktest.Turn) (tasktest.Result, error) { return steps(turn, 3, 3) }
	if n, err := tasktest.Explore(5, run); err == nil || n != 5 {
		t.Errorf("the limit: %d schedules, error %v", n, err)
	}
	bad := errors.New("bad")
	n, err := tasktest.Explore(1000, func(turn tasktest.Turn) (tasktest.Result, error) {
		res, _ := run(turn)
		if res.Steps[0].Task == 1 {
			return res, bad
		}
		return res, nil
	})
	if !errors.Is(err, bad) || n != 11 { // half of 20 begin with task 0
		t.Errorf("stopped after %d schedules with %v", n, err)
	}
}
