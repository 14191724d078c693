package bench

import (
	"fmt"
	"slices"
)

// Result holds what a Comparison measured, round by round.
type Result struct {
	name   string
	rounds int
	order  []string
	series map[string]*series
}

// series is one candidate's figures, one a round.
type series struct {
	ns           []float64
	backgroundNS []float64
	noisy        int
}

func newResult(name string, rounds int) *Result {
	return &Result{name: name, rounds: rounds, series: map[string]*series{}}
}

func (r *Result) add(name string) {
	r.order = append(r.order, name)
	r.series[name] = &series{ns: make([]float64, r.rounds), backgroundNS: make([]float64, r.rounds)}
}

func (r *Result) record(name string, round int, sample Sample) {
	s := r.of(name)
	s.ns[round] = sample.NS()
	s.backgroundNS[round] = sample.BackgroundNS()
	if sample.Share() < MinShare {
		s.noisy++
	}
}

// of panics for a name that was never added: the benchmark is wrong then, not the machine.
func (r *Result) of(name string) *series {
	s, ok := r.series[name]
	if !ok {
		panic(fmt.Sprintf("bench: %q has no candidate %q, only %q", r.name, name, r.order))
	}
	return s
}

// NS is the time of one of name's operations on its thread, in nanoseconds.
func (r *Result) NS(name string) Stat { return newStat(r.of(name).ns) }

// BackgroundNS is the time of one step of name's background function, in nanoseconds.
func (r *Result) BackgroundNS(name string) Stat { return newStat(r.of(name).backgroundNS) }

// Noisy is how many of the given candidates' samples stayed starved after all retries, of how many. Without names it
// counts them all.
func (r *Result) Noisy(names ...string) (noisy, of int) {
	if len(names) == 0 {
		names = r.order
	}
	for _, name := range names {
		noisy += r.of(name).noisy
		of += r.rounds
	}
	return noisy, of
}

// Ratio is the time of one of name's operations in units of the sum of the others', taken round by round.
func (r *Result) Ratio(name string, others ...string) Stat {
	above := r.of(name).ns
	ratios := make([]float64, r.rounds)
	for round := range ratios {
		below := 0.0
		for _, other := range others {
			below += r.of(other).ns[round]
		}
		ratios[round] = above[round] / below
	}
	return newStat(ratios)
}

// Stat is the median and the extremes of one figure over the rounds.
type Stat struct{ Median, Min, Max float64 }

func newStat(values []float64) Stat {
	if len(values) == 0 {
		return Stat{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Stat{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Times returns the statistic of the figure multiplied by a positive factor.
func (s Stat) Times(factor float64) Stat {
	return Stat{Median: s.Median * factor, Min: s.Min * factor, Max: s.Max * factor}
}
