package measure

import (
	"testing"
	"time"
)

func TestNewStat(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Stat
	}{
		{nil, Stat{}},
		{[]float64{5}, Stat{5, 5, 5}},
		{[]float64{3, 1, 2}, Stat{2, 1, 3}},
		{[]float64{4, 1, 3, 2}, Stat{2.5, 1, 4}},
	} {
		if got := newStat(test.values); got != test.want {
			t.Errorf("newStat(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

// sampleOf is a sample of one operation in which the thread had the given share of its CPU.
func sampleOf(wall time.Duration, share float64) Sample {
	return Sample{Ops: 1, Threads: []Timing{{Wall: wall, CPU: time.Duration(share * float64(wall))}}}
}

func TestResultAsALine(t *testing.T) {
	r := NewResult("fault n=1000")
	for _, wall := range []time.Duration{85, 80, 90} {
		r.Record("vmasim", sampleOf(wall, 1))
		r.Record("kernel", sampleOf(1500, 0.5))
	}
	want := "fault n=1000: vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500) (dropped: 50 % of 6 samples)"
	if got := r.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.Noise("vmasim"); got != "" {
		t.Errorf("vmasim's samples are good, not%s", got)
	}
	beside := sampleOf(120, 1)
	beside.Steps, beside.Background = 2, Timing{Wall: 100, CPU: 100}
	r.Record("beside", beside)
	if got, want := r.Times("beside"), "beside 120 ns (120-120) beside 50.0 ns"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.Ratio("vmasim", "kernel"); got.Known || got.Text() != "0.057 (0.053-0.060?)" {
		t.Errorf("ratio %s of rounds that do not count", got.Text())
	}
}

func TestUnknownCandidatePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewResult("r").NS("vmasim")
}

// TestLimits: a figure is below a limit, or is not, where its whole interval is; samples that are too few have none.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		interval     Interval
		below, known bool
		text         string
	}{
		{Interval{0.057, 0.053, 0.06, 11, true}, true, true, "0.057 (0.053-0.060)"},
		{Interval{0.11, 0.101, 0.12, 11, true}, false, true, "0.110 (0.101-0.120)"},
		{Interval{0.11, 0.09, 0.12, 11, true}, false, false, "0.110 (0.090-0.120)"},
		{Interval{0.057, 0.053, 0.06, 3, false}, false, false, "0.057 (0.053-0.060?)"},
	} {
		if below, known := c.interval.Below(0.1); below != c.below || known != c.known || c.interval.Text() != c.text {
			t.Errorf("%s: below %v, known %v, expected %v, %v, %s", c.interval.Text(), below, known, c.below, c.known, c.text)
		}
	}
	if got := (Interval{1, 2, 3, 11, true}).Times(2); got != (Interval{2, 4, 6, 11, true}) {
		t.Errorf("%v", got)
	}
}
