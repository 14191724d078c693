package bench

import "testing"

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

func TestUnknownCandidatePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	newResult("r", 1).NS("nobody")
}
