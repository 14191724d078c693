package tree

// knownHole is what the last search for a hole has found, kept up as entries are stored: no hole of size or more lies between its end and
// high, and it is free itself. So a task that maps and unmaps at one place searches once. Its zero value knows nothing.
type knownHole struct {
	size, high uint64
	start, end uint64 // free; start may lie above the hole's
}

// at returns the start of the highest free range of size within [low, high), if that is known.
func (k *knownHole) at(size, low, high uint64) (uint64, bool) {
	start := max(k.start, low)
	if high != k.high || size < k.size || start >= k.end || k.end-start < size {
		return 0, false
	}
	return k.end - size, true
}

// fill notes that there is an entry at [start, end) now.
func (k *knownHole) fill(start, end uint64) {
	switch {
	case end <= k.start || start >= k.end:
	case end < k.end && k.end-end >= k.size:
		k.start = end
	default: // what is left above is too small
		k.end = max(start, k.start)
	}
}

// free notes that [start, end) is free now, and that the next entry begins at next.
func (k *knownHole) free(start, end, next uint64) {
	switch {
	case end <= k.start: // another may reach up to this one, or end at it
	case start <= k.end: // this one grew
		k.start, k.end = min(k.start, start), min(max(k.end, next), k.high)
	default: // one above, of which the start is not known
		*k = knownHole{}
	}
}
