package measure

import (
	"fmt"
	"math"
	"slices"
)

const (
	// Confidence is that of intervals and, for all of a report together, that of its verdicts.
	Confidence = 0.95

	// Margin is how large a difference has to be excluded for two figures to be called the same.
	Margin = 0.05
)

// Interval is the median of some samples, with the range in which the true one lies with [Confidence].
type Interval struct {
	Median, Low, High float64
	N                 int
	Known             bool // there are samples enough for that confidence; if not, Low and High are their extremes
}

// MedianOf returns the median and its interval, by the order of the samples alone: whatever their distribution is, the true median lies
// between the k-th and the k-th last of n, unless all but fewer than k of them fell on one side of it.
func MedianOf(samples []float64) Interval {
	n := len(samples)
	if n == 0 {
		return Interval{}
	}
	sorted := slices.Sorted(slices.Values(samples))
	stat := newStat(sorted)
	k := 0
	for k < n/2 && twoSided(n, n-k) <= 1-Confidence {
		k++
	}
	if k == 0 {
		return Interval{Median: stat.Median, Low: stat.Min, High: stat.Max, N: n}
	}
	return Interval{Median: stat.Median, Low: sorted[k-1], High: sorted[n-k], N: n, Known: true}
}

// Times returns the interval of the figure multiplied by a positive factor.
func (i Interval) Times(factor float64) Interval {
	i.Median, i.Low, i.High = i.Median*factor, i.Low*factor, i.High*factor
	return i
}

// Text shows the median and the interval, as in "1.20 (1.10-1.30)"; behind extremes, which samples too few make no interval of, stands a
// question mark.
func (i Interval) Text() string {
	mark := ""
	if !i.Known {
		mark = "?"
	}
	return fmt.Sprintf("%s (%s-%s%s)", Digits(i.Median), Digits(i.Low), Digits(i.High), mark)
}

// Below reports whether the true figure is below a limit: it is, it is not, or neither is shown.
func (i Interval) Below(limit float64) (below, known bool) {
	switch {
	case i.Known && i.High <= limit:
		return true, true
	case i.Known && i.Low > limit:
		return false, true
	}
	return false, false
}

// twoSided is the probability that of n samples k or more fall on one and the same side of their median, k being more than half.
func twoSided(n, k int) float64 {
	if 2*k <= n {
		return 1
	}
	p := 0.0
	for i := k; i <= n; i++ {
		p += math.Exp(choose(n, i) - float64(n)*math.Ln2)
	}
	return min(2*p, 1)
}

// LeastP is the smallest P that so many rounds can come to.
func LeastP(n int) float64 { return twoSided(n, n) }

// choose is the logarithm of a binomial coefficient.
func choose(n, k int) float64 {
	log := func(m int) float64 {
		v, _ := math.Lgamma(float64(m) + 1)
		return v
	}
	return log(n) - log(k) - log(n-k)
}

// Verdict says what is known of a figure, beside that of another candidate.
type Verdict string

// The verdicts.
const (
	More   Verdict = "more"
	Less   Verdict = "less"
	Same   Verdict = "same"   // a difference of [Margin] or more is excluded, with [Confidence]
	Unsure Verdict = "unsure" // neither a difference nor its absence is shown
)

// Change is a figure of a candidate in units of that of another.
type Change struct {
	Ratio   Interval // may be infinite: where the other's figure is 0
	P       float64  // of seeing as much, or more, of a difference between candidates that do not differ
	Verdict Verdict
}

// Compare compares the samples of a figure, each with the one of the same round: what both have in common then does not count. The verdict is that
// of this figure alone: [Correct] corrects those of a report.
func Compare(figure, other []float64) Change {
	ratios := make([]float64, len(figure))
	above, below := 0, 0
	for i, v := range figure {
		switch o := other[i]; {
		case v == o:
			ratios[i] = 1
		default:
			ratios[i] = v / o
		}
		if ratios[i] > 1 {
			above++
		} else if ratios[i] < 1 {
			below++
		}
	}
	c := Change{Ratio: MedianOf(ratios), P: twoSided(len(ratios), max(above, below))}
	c.judge(c.P <= 1-Confidence)
	return c
}

func (c *Change) judge(differs bool) {
	switch r := c.Ratio; {
	case !r.Known:
		c.Verdict = Unsure
	case differs && r.Median > 1:
		c.Verdict = More
	case differs && r.Median < 1:
		c.Verdict = Less
	case r.Low > 1/(1+Margin) && r.High < 1+Margin:
		c.Verdict = Same
	default:
		c.Verdict = Unsure
	}
}

// Correct corrects the verdicts of a report for their number, as S. Holm has it (1979): with [Confidence] none of them says more or less of
// candidates that do not differ.
func Correct(all []*Change) {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b *Change) int {
		switch {
		case a.P < b.P:
			return -1
		case a.P > b.P:
			return 1
		}
		return 0
	})
	differs := true
	for i, c := range sorted {
		differs = differs && c.P <= (1-Confidence)/float64(len(all)-i)
		c.judge(differs)
	}
}
