package explore

import (
	"testing"

	"vmasim/internal/task"
)

// inARow is n tasks of so many steps that do not touch each other.
func inARow(n, steps int) *scripted {
	var bodies []func(*scriptWorld, *task.Task)
	for range n {
		bodies = append(bodies, func(w *scriptWorld, t *task.Task) {
			for range steps {
				w.x.ReadOnce(t)
			}
		})
	}
	return program(bodies...)
}

// TestBoundsCount compares how many schedules of independent tasks there are within a bound with what can be counted by hand.
func TestBoundsCount(t *testing.T) {
	for _, c := range []struct {
		tasks, steps int
		o            Options
		want         int
	}{
		{2, 4, Options{Strategy: DFS}, 70},
		{2, 4, Options{Strategy: Bounded}, 70},
		{2, 4, Options{Strategy: Delays}, 70},
		{2, 4, Options{Strategy: Bounded, Preemptions: 1}, 2 + 2*3},       // who is first; and where it is stopped
		{2, 4, Options{Strategy: Delays, Delays: 1}, 1 + 4},               // before each step of the first one
		{3, 1, Options{Strategy: Delays, Delays: 1}, 1 + 2},               // before the first, or the second
		{3, 1, Options{Strategy: Bounded, Preemptions: 1}, 6},             // no step of a task is left that could be stopped
		{3, 4, Options{Strategy: Delays, Delays: 1}, 1 + 4 + 4},           // as long as there is another
		{3, 2, Options{Strategy: Bounded, Preemptions: 1}, 6 + 3*2*2 + 6}, // in the middle of the first, behind whom two can come next, or of the second
	} {
		rep := explored(t, inARow(c.tasks, c.steps), c.o)
		if got := rep.DistinctOutcomes[""]; got != c.want {
			t.Errorf("%d tasks of %d steps, %s up to %d: %d schedules, expected %d", c.tasks, c.steps, c.o.Strategy, c.o.Preemptions+c.o.Delays, got, c.want)
		}
	}
}
