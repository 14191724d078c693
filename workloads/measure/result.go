package measure

import (
	"fmt"
	"slices"
	"strings"
)

// Result holds what a Comparison measured, sample by sample.
type Result struct {
	name   string             // of the comparison
	order  []string           // the candidates, as they came
	series map[string]*series // by candidate
}

// series holds one candidate's figures, one a round.
type series struct {
	ns           []float64 // of an operation
	backgroundNS []float64 // of a step of the background function
	starved      []bool    // the round's sample is below MinShare, after all tries
	taken        int       // samples
	dropped      int       // of these, those below MinShare
}

// NewResult returns a result without samples.
func NewResult(name string) *Result {
	return &Result{name: name, series: map[string]*series{}}
}

// Record adds the sample of the candidate's next round.
func (r *Result) Record(name string, sample Sample) {
	s := r.series[name]
	if s == nil {
		s = &series{}
		r.order, r.series[name] = append(r.order, name), s
	}
	s.ns = append(s.ns, sample.NS())
	s.backgroundNS = append(s.backgroundNS, sample.BackgroundNS())
	starved := sample.Share() < MinShare
	s.starved = append(s.starved, starved)
	s.dropped += sample.Dropped
	if starved {
		s.dropped++
	}
	s.taken += 1 + sample.Dropped
}

// Name returns the comparison's name.
func (r *Result) Name() string { return r.name }

// Candidates returns the candidates' names, in the order in which they were added.
func (r *Result) Candidates() []string { return r.order }

// of panics for a name that was never added: the benchmark is wrong then, not the machine.
func (r *Result) of(name string) *series {
	s, ok := r.series[name]
	if !ok {
		panic(fmt.Sprintf("measure: %q has no candidate %q, only %q", r.name, name, r.order))
	}
	return s
}

// NS returns the time of one of name's operations on its thread, in nanoseconds.
func (r *Result) NS(name string) Stat { return newStat(r.of(name).ns) }

// BackgroundNS returns the time of one step of name's background function, in nanoseconds.
func (r *Result) BackgroundNS(name string) Stat { return newStat(r.of(name).backgroundNS) }

// Dropped returns how many samples of the given candidates were dropped, as their threads were starved, of how many that were taken. Without
// names it counts them all.
func (r *Result) Dropped(names ...string) (dropped, of int) {
	if len(names) == 0 {
		names = r.order
	}
	for _, name := range names {
		dropped += r.of(name).dropped
		of += r.of(name).taken
	}
	return dropped, of
}

// Ratio returns the time of one of name's operations in units of the sum of the others', taken round by round, of the rounds in which no
// thread of these was starved. Where that leaves none, it is taken of all, and known with no confidence.
func (r *Result) Ratio(name string, others ...string) Interval {
	var ratios, all []float64
	for round, above := range r.of(name).ns {
		below, starved := 0.0, r.of(name).starved[round]
		for _, other := range others {
			below += r.of(other).ns[round]
			starved = starved || r.of(other).starved[round]
		}
		all = append(all, above/below)
		if !starved {
			ratios = append(ratios, above/below)
		}
	}
	if len(ratios) == 0 {
		stat := newStat(all)
		return Interval{Median: stat.Median, Low: stat.Min, High: stat.Max, N: len(all)}
	}
	return MedianOf(ratios)
}

// Times lists the given candidates' times, as in "vmasim 85.0 ns (80.0-90.0) beside 120 ns, kernel 1500 ns (1500-1500)": the last of
// vmasim's is a step of its background function.
func (r *Result) Times(names ...string) string {
	texts := make([]string, 0, len(names))
	for _, name := range names {
		text := name + " " + r.NS(name).Text("ns")
		if background := r.BackgroundNS(name); background.Median > 0 {
			text += fmt.Sprintf(" beside %s ns", Digits(background.Median))
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// Noise says how many of the given candidates' samples were dropped, in brackets behind a space; "" if none was.
func (r *Result) Noise(names ...string) string {
	dropped, of := r.Dropped(names...)
	if dropped == 0 {
		return ""
	}
	return fmt.Sprintf(" (dropped: %.0f %% of %d samples)", 100*float64(dropped)/float64(of), of)
}

// String is the result as one line.
func (r *Result) String() string {
	return r.name + ": " + r.Times(r.order...) + r.Noise(r.order...)
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

// Text shows the median, its unit, if any, and the extremes, as in "85.0 ns (80.0-90.0)".
func (s Stat) Text(unit string) string {
	if unit != "" {
		unit = " " + unit
	}
	return fmt.Sprintf("%s%s (%s-%s)", Digits(s.Median), unit, Digits(s.Min), Digits(s.Max))
}

// Digits shows a positive number with two or three digits that mean something.
func Digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
