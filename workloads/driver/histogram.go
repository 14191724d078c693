package driver

import "math/bits"

// histogram counts durations in ns by buckets that are exact below 2^subBits and 1/2^subBits of their value wide above.
// So a quantile is off by at most 1/32 of itself. Durations of 2^maxBits ns (18 minutes) and more share the last bucket.
type histogram struct {
	counts   [histBuckets]uint64
	n        uint64
	sum, max uint64
}

const (
	subBits     = 4
	maxBits     = 40
	histBuckets = (maxBits - subBits + 1) << subBits
)

func bucketOf(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	exp := bits.Len64(v) - 1 - subBits
	return min(exp<<subBits+int(v>>exp), histBuckets-1)
}

// bucketRange returns the durations [low, high) that a bucket counts.
func bucketRange(i int) (low, high uint64) {
	if i < 1<<subBits {
		return uint64(i), uint64(i) + 1
	}
	exp := i>>subBits - 1
	mantissa := uint64(i&(1<<subBits-1) | 1<<subBits)
	return mantissa << exp, (mantissa + 1) << exp
}

func (h *histogram) record(v uint64) {
	h.counts[bucketOf(v)]++
	h.n++
	h.sum += v
	h.max = max(h.max, v)
}

func (h *histogram) add(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// quantile returns a duration that a share q of all does not exceed: of those in its bucket it takes them to be evenly spread, so that
// figures that are compared do not come in steps. 0 if nothing was recorded.
func (h *histogram) quantile(q float64) uint64 {
	rank := uint64(q * float64(h.n))
	for i, n := range h.counts {
		if n > rank {
			low, high := bucketRange(i)
			return min(low+uint64(float64(high-low)*(float64(rank)+0.5)/float64(n)), h.max)
		}
		rank -= n
	}
	return h.max
}

func (h *histogram) mean() uint64 {
	if h.n == 0 {
		return 0
	}
	return h.sum / h.n
}
