// Package shrink makes what fails smaller: a sequence of steps loses those that do not matter, and those that are left become plainer.
// Who has a failing sequence says whether a shorter one fails, and a [Budget] bounds how often that is tried.
package shrink

import "time"

// Budget bounds how often, and how long, something smaller is tried.
type Budget struct {
	Runs int
	Time time.Duration
}

// Within returns fails until the budget is spent, from when on nothing fails.
func Within[T any](b Budget, fails func([]T) bool) func([]T) bool {
	runs, begun := 0, time.Now()
	return func(steps []T) bool {
		if runs++; runs > b.Runs || time.Since(begun) > b.Time {
			return false
		}
		return fails(steps)
	}
}

// Sequence returns a failing sequence without what it can lose: half of it, then ever shorter runs of steps, down to single ones. plainer
// lists sequences to take in place of one, in which a step is made plainer, nil for none; where one does, shorter sequences are tried
// again. fails starts from scratch each time, and skips steps that make no sense any more. It is never asked about no steps at all.
func Sequence[T any](steps []T, plainer func(steps []T, at int) [][]T, fails func([]T) bool) []T {
	for n := len(steps) / 2; n > 0; {
		var dropped bool
		if steps, dropped = drop(steps, n, fails); dropped {
			n = min(n, len(steps)/2)
		} else {
			n /= 2
		}
		if n == 0 && plainer != nil {
			var plain bool
			if steps, plain = simplify(steps, plainer, fails); plain {
				n = 1
			}
		}
	}
	return steps
}

// drop leaves out n steps where the rest still fails, wherever they are, from the end on.
func drop[T any](steps []T, n int, fails func([]T) bool) (left []T, dropped bool) {
	for i := len(steps) - n; i >= 0; i-- {
		less := append(append([]T{}, steps[:i]...), steps[i+n:]...)
		if len(less) > 0 && fails(less) {
			steps, dropped = less, true
			i = min(i, len(steps)-n+1)
		}
	}
	return steps, dropped
}

// simplify makes single steps plainer where the sequence still fails.
func simplify[T any](steps []T, plainer func([]T, int) [][]T, fails func([]T) bool) (plain []T, simpler bool) {
	for i := 0; i < len(steps); i++ {
		for _, less := range plainer(steps, i) {
			if fails(less) {
				steps, simpler = less, true
				break
			}
		}
	}
	return steps, simpler
}

// InPlace makes of what a single step can be replaced by what [Sequence] wants.
func InPlace[T any](plainer func(T) []T) func([]T, int) [][]T {
	return func(steps []T, at int) (all [][]T) {
		for _, s := range plainer(steps[at]) {
			less := append([]T{}, steps...)
			less[at] = s
			all = append(all, less)
		}
		return all
	}
}
