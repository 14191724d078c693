package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// noisy draws a figure as a machine gives it: with a tail to the slow side.
func noisy(r *rand.Rand, mean, spread float64) float64 {
	return mean / (1 + spread*r.ExpFloat64()) * (1 + spread*r.NormFloat64()/3)
}

// rounds draws figures of two candidates of which the second is so much of the first, on a machine that drifts.
func rounds(r *rand.Rand, n int, ratio, spread float64) (one, two []float64) {
	speed := 1000.0
	for range n {
		speed *= 1 + 0.1*r.NormFloat64()
		speed = min(max(speed, 200), 5000)
		one, two = append(one, noisy(r, speed, spread)), append(two, noisy(r, speed*ratio, spread))
	}
	return one, two
}

// TestEqualIsSeldomCalledDifferent: verdicts about candidates that do not differ are wrong in at most one of twenty, whatever the number of rounds,
// also where a figure is coarse.
func TestEqualIsSeldomCalledDifferent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const tries = 4000
	for _, n := range []int{6, 7, 12, 20, 35, 60} {
		for _, step := range []float64{0, 50} {
			wrong := 0
			for range tries {
				one, two := rounds(r, n, 1, 0.1)
				if step > 0 {
					for i := range one {
						one[i], two[i] = math.Round(one[i]/step)*step, math.Round(two[i]/step)*step
					}
				}
				if v := Compare(two, one).Verdict; v == More || v == Less {
					wrong++
				}
			}
			if share := float64(wrong) / tries; share > 0.05+3*math.Sqrt(0.05*0.95/tries) {
				t.Errorf("%d rounds in steps of %v: %.1f %% of equal ones are said to differ", n, step, 100*share)
			}
		}
	}
}

// TestReportsOfEqualsAreSeldomWrong: with many figures, at most one report of twenty has a verdict that is wrong. Without correction most have.
func TestReportsOfEqualsAreSeldomWrong(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const tries, figures = 1000, 40
	wrong, uncorrected := 0, 0
	count := func(all []*Change) int {
		if slices.ContainsFunc(all, func(c *Change) bool { return c.Verdict == More || c.Verdict == Less }) {
			return 1
		}
		return 0
	}
	for range tries {
		var all []*Change
		for range figures {
			one, two := rounds(r, 35, 1, 0.1)
			c := Compare(two, one)
			all = append(all, &c)
		}
		uncorrected += count(all)
		Correct(all)
		wrong += count(all)
	}
	if share := float64(wrong) / tries; share > 0.05+3*math.Sqrt(0.05*0.95/tries) {
		t.Errorf("%.1f %% of reports call an equal figure different", 100*share)
	}
	if uncorrected < tries/2 {
		t.Errorf("without correction only %d of %d reports are wrong: the test shows nothing", uncorrected, tries)
	}
}

// TestTenPerCentAreFound: a difference of a tenth is found nearly always, among many figures, too, and never as its contrary; where the candidates are
// equal, that is seen.
func TestTenPerCentAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const tries, n = 300, 35
	found, same := 0, 0
	for range tries {
		var all []*Change
		for range 19 {
			one, two := rounds(r, n, 1, 0.05)
			c := Compare(two, one)
			all = append(all, &c)
		}
		one, two := rounds(r, n, 1.1, 0.05)
		c := Compare(two, one)
		Correct(append(all, &c))
		switch c.Verdict {
		case More:
			found++
		case Less, Same:
			t.Errorf("1.1 times as much is said to be %s: %+v", c.Verdict, c)
		}
		if all[0].Verdict == Same {
			same++
		}
	}
	if found < tries*95/100 || same < tries/2 {
		t.Errorf("of %d, %d differences of a tenth are found, and %d equal ones", tries, found, same)
	}
}

// TestIntervalsHoldTheMedian: of 95 % intervals 95 % hold the true median.
func TestIntervalsHoldTheMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const tries = 4000
	for _, n := range []int{6, 9, 20, 41} {
		held := 0
		for range tries {
			var samples []float64
			for range n {
				samples = append(samples, r.ExpFloat64())
			}
			if i := MedianOf(samples); i.Known && i.Low <= math.Ln2 && math.Ln2 <= i.High && i.Low <= i.Median && i.Median <= i.High {
				held++
			}
		}
		if share := float64(held) / tries; share < Confidence-3*math.Sqrt(0.05*0.95/tries) {
			t.Errorf("of %d samples: %.1f %% of the intervals hold the median", n, 100*share)
		}
	}
}

func TestFewSamplesSayNothing(t *testing.T) {
	if got := MedianOf(nil); got != (Interval{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := MedianOf([]float64{3, 1, 2, 5, 4}); got.Known || got.Low != 1 || got.High != 5 || got.Median != 3 {
		t.Errorf("of five: %+v", got)
	}
	if got := MedianOf([]float64{3, 1, 2, 5, 4, 6}); !got.Known || got.Low != 1 || got.High != 6 {
		t.Errorf("of six: %+v", got)
	}
	if got := Compare([]float64{9, 9, 9, 9, 9}, []float64{1, 1, 1, 1, 1}); got.Verdict != Unsure {
		t.Errorf("five rounds: %+v", got)
	}
}

// TestNothingIsCompared: figures that are 0 have no ratio, and yet a verdict.
func TestNothingIsCompared(t *testing.T) {
	zero, some := make([]float64, 9), []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	if got := Compare(zero, zero); got.Verdict != Same || got.P != 1 {
		t.Errorf("nothing beside nothing: %+v", got)
	}
	if got := Compare(some, zero); got.Verdict != More || !math.IsInf(got.Ratio.Median, 1) {
		t.Errorf("some beside nothing: %+v", got)
	}
	if got := Compare(zero, some); got.Verdict != Less {
		t.Errorf("nothing beside some: %+v", got)
	}
}

func TestOrder(t *testing.T) {
	for n := 1; n <= 4; n++ {
		first, before := map[int]int{}, map[[2]int]int{}
		const turns = 12
		for round := range 2 * n * turns {
			order := Order(n, round)
			first[order[0]]++
			for i := 1; i < n; i++ {
				before[[2]int{order[i-1], order[i]}]++
			}
			if slices.Sort(order); len(slices.Compact(order)) != n {
				t.Fatalf("%d candidates, round %d: not all have a turn", n, round)
			}
		}
		for c, times := range first {
			if times != 2*turns {
				t.Errorf("of %d, candidate %d is first %d times", n, c, times)
			}
		}
		for pair, times := range before {
			if other := before[[2]int{pair[1], pair[0]}]; other != times {
				t.Errorf("of %d, %v follow each other %d times, and %d the other way", n, pair, times, other)
			}
		}
	}
}
