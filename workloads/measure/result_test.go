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
	want := "fault n=1000: vmasim 85.0 ns (80.0-90.0), kernel 1500 ns (1500-1500) (noisy: 3 of 6 samples)"
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
	if got, want := r.Ratio("vmasim", "kernel").Text(""), "0.057 (0.053-0.060)"; got != want {
		t.Errorf("ratio %s, want %s", got, want)
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
