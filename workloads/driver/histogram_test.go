package driver

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBucketsCoverAllDurationsOnce(t *testing.T) {
	next := uint64(0)
	for i := range histBuckets {
		low, high := bucketRange(i)
		if low != next || high <= low {
			t.Fatalf("bucket %d is [%d, %d), expected it to start at %d", i, low, high, next)
		}
		if bucketOf(low) != i || bucketOf(high-1) != i {
			t.Fatalf("bucket %d: its ends fall into %d and %d", i, bucketOf(low), bucketOf(high-1))
		}
		next = high
	}
	if bucketOf(math.MaxUint64) != histBuckets-1 {
		t.Error("the largest duration is not in the last bucket")
	}
}

func TestQuantilesAreNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Max(1<<rapid.IntRange(1, maxBits-1).Draw(t, "bits")), 1, 500).Draw(t, "durations")
		split := rapid.IntRange(0, len(values)).Draw(t, "split")
		var h, other histogram
		for i, v := range values {
			if i < split {
				h.record(v)
			} else {
				other.record(v)
			}
		}
		h.add(&other)
		slices.Sort(values)
		if h.n != uint64(len(values)) || h.max != values[len(values)-1] {
			t.Fatalf("%d values, largest %d", h.n, h.max)
		}
		for _, q := range []float64{0, 0.5, 0.99} {
			exact := values[int(q*float64(len(values)))]
			got := h.quantile(q)
			if diff := math.Abs(float64(got) - float64(exact)); diff > float64(exact)/(1<<subBits)+1 {
				t.Fatalf("quantile %v is %d, exactly %d", q, got, exact)
			}
		}
		if got := h.quantile(1); got != h.max {
			t.Fatalf("quantile 1 is %d, the largest is %d", got, h.max)
		}
	})
}

func TestEmptyHistogram(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 || h.mean() != 0 {
		t.Error("an empty histogram has quantiles")
	}
}

func TestSampleGap(t *testing.T) {
	s := sampler{1}
	sum := 0
	const draws = 100000
	for range draws {
		g := s.gap()
		if g >= 2*sampleGap-1 {
			t.Fatalf("gap of %d", g)
		}
		sum += int(g) + 1
	}
	if mean := float64(sum) / draws; math.Abs(mean-sampleGap) > 0.2 {
		t.Errorf("one of %.2f is timed, want %d", mean, sampleGap)
	}
}
