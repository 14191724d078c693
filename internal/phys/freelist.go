package phys

import "math/bits"

// freeList is the set of free frames, a bit each. Frames come out lowest first in whatever order they went in: zeroing
// ascending frames costs less than half of zeroing descending ones, because the prefetcher follows. Its owner locks it.
type freeList struct {
	words   []uint64 // bit b of words[w]: frame 64w+b is free
	summary []uint64 // bit b of summary[s]: words[64s+b] is not zero
	low     int      // no summary word below this one has a bit
	count   int
}

func newFreeList(frames int) freeList {
	words := (frames + 63) / 64
	return freeList{words: make([]uint64, words), summary: make([]uint64, (words+63)/64)}
}

// add makes a frame free.
func (l *freeList) add(pfn PFN) {
	w := int(pfn / 64)
	l.words[w] |= 1 << (pfn % 64)
	l.summary[w/64] |= 1 << (w % 64)
	l.low = min(l.low, w/64)
	l.count++
}

// take moves free frames to dst, ascending, until it is full or none is left. It returns how many.
func (l *freeList) take(dst []PFN) int {
	n := 0
	want := min(len(dst), l.count)
	for ; n < want; l.low++ {
		n += l.takeFrom(l.low, dst[n:want])
		if l.summary[l.low] != 0 {
			break // full in the middle of this word
		}
	}
	l.count -= n
	return n
}

// takeFrom takes frames that summary[s] covers.
func (l *freeList) takeFrom(s int, dst []PFN) int {
	n := 0
	for n < len(dst) && l.summary[s] != 0 {
		w := 64*s + bits.TrailingZeros64(l.summary[s])
		for ; n < len(dst) && l.words[w] != 0; n++ {
			dst[n] = PFN(64*w + bits.TrailingZeros64(l.words[w]))
			l.words[w] &= l.words[w] - 1
		}
		if l.words[w] == 0 {
			l.summary[s] &^= 1 << (w % 64)
		}
	}
	return n
}
