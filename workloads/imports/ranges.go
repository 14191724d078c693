package imports

import "slices"

// span is a range of addresses.
type span struct{ start, end uint64 }

// ranges are ranges of addresses, in order, none of which touch.
type ranges []span

// add joins a range to them.
func (r *ranges) add(start, end uint64) {
	if start >= end {
		return
	}
	first, _ := slices.BinarySearchFunc(*r, start, func(s span, at uint64) int {
		if s.end < at {
			return -1
		}
		return 1
	})
	last := first
	for ; last < len(*r) && (*r)[last].start <= end; last++ {
		start, end = min(start, (*r)[last].start), max(end, (*r)[last].end)
	}
	*r = slices.Replace(*r, first, last, span{start, end})
}

// remove takes a range out of them.
func (r *ranges) remove(start, end uint64) {
	if start >= end {
		return
	}
	first, _ := slices.BinarySearchFunc(*r, start, func(s span, at uint64) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	last := first
	var left []span
	for ; last < len(*r) && (*r)[last].start < end; last++ {
		if s := (*r)[last]; s.start < start {
			left = append(left, span{s.start, start})
		}
		if s := (*r)[last]; s.end > end {
			left = append(left, span{end, s.end})
		}
	}
	*r = slices.Replace(*r, first, last, left...)
}

// missing returns the parts of a range that they do not hold.
func (r ranges) missing(start, end uint64) (gaps []span) {
	at, _ := slices.BinarySearchFunc(r, start, func(s span, at uint64) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	for ; start < end; at++ {
		if at == len(r) || r[at].start >= end {
			return append(gaps, span{start, end})
		}
		if r[at].start > start {
			gaps = append(gaps, span{start, r[at].start})
		}
		start = r[at].end
	}
	return gaps
}
