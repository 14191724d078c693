package explore

import (
	"math/rand/v2"
)

// walk draws schedules of a depth-first search's tree, and knows how likely each was: the inverse of that is how many it stands for. It
// deviates from what costs nothing as often as it does in a schedule that is drawn evenly from those within the bound, by what is known
// of the length of executions; without a bound, a task goes on as often as it has steps left.
type walk struct {
	untracked
	rng     *rand.Rand
	price   price
	bound   int // -1: none
	spent   int // so far in this execution
	weight  float64
	steps   float64 // of an execution, about
	points  float64 // choices of an execution that are offered, about
	chosen  int     // points so far in this execution
	taken   [maxTasks]int
	lengths [maxTasks]int // steps of each task, in the last execution
}

func (w *walk) next() bool {
	w.spent, w.weight, w.chosen, w.taken = 0, 1, 0, [maxTasks]int{}
	return true
}

func (w *walk) pick(s *state) int {
	among := s.enabled
	if w.bound >= 0 {
		among = w.price.within(s, w.bound-w.spent)
	}
	var weights [maxTasks]float64
	sum := 0.0
	for rest := among; rest != 0; rest &= rest - 1 {
		i := rest.first()
		weights[i] = w.likely(s, i)
		sum += weights[i]
	}
	i := among.first()
	for r := w.rng.Float64() * sum; ; {
		if r -= weights[i]; r < 0 || among.len() == 1 {
			break
		}
		among &= among - 1
		i = among.first()
	}
	w.weight *= sum / weights[i]
	if w.bound >= 0 {
		w.spent += w.price.of(s, i)
	}
	w.taken[i]++
	return i
}

// likely returns how many schedules go on with a task, in proportion to the others.
func (w *walk) likely(s *state, i int) float64 {
	if w.bound < 0 {
		return float64(max(w.lengths[i]-w.taken[i], 1))
	}
	share := 1.0
	for cost := range w.price.of(s, i) {
		share *= float64(w.bound-w.spent-cost) / max(w.steps-float64(s.steps), 1)
	}
	return min(share, 1)
}

// choose decides what is usual as often as it is the last of the points at which it would not.
func (w *walk) choose(_ *state, _, n int) int {
	w.chosen++
	others := float64(n - 1)
	usual := max(w.points-float64(w.chosen), 0)*others + 1
	if w.rng.Float64()*(usual+others) < usual {
		w.weight *= (usual + others) / usual
		return 0
	}
	w.weight *= usual + others
	return 1 + w.rng.IntN(n-1)
}

func (w *walk) ended(s *state, _ Ending) {
	const slow = 8 // of how many executions the lengths are the average
	if w.steps == 0 {
		w.steps, w.points = float64(s.steps), float64(w.chosen)
	}
	w.steps += (float64(s.steps) - w.steps) / slow
	w.points += (float64(w.chosen) - w.points) / slow
	w.lengths = w.taken
}

// ofSchedules estimates how many executions a search without reduction takes: within a bound, after all lower ones; -1: without any.
func (e *estimator) ofSchedules(of price, bound int) (*Prediction, error) {
	w := &walk{rng: e.rng, price: of, bound: 0}
	e.x.use(w)
	if w.next(); e.over() {
		return nil, nil
	}
	if _, ok, err := e.run(); !ok || err != nil { // for the lengths
		return nil, err
	}
	w.bound = bound
	return e.predict(func() (float64, bool, error) {
		w.next()
		if _, ok, err := e.run(); !ok || err != nil {
			e.cut = true
			return 0, false, err
		}
		if bound < 0 {
			return w.weight, false, nil
		}
		return w.weight * float64(bound-w.spent+1), false, nil
	})
}
