package task

// Word32 is a word of 32 bits that cells are made of. WebAssembly runs a program on one thread, and Go preempts no goroutine there: what
// calls nothing is indivisible. The atomics of Go would be two calls each, of a kind that no compiler inlines.
type Word32 struct{ v uint32 }

// Word64 is one of 64 bits.
type Word64 struct{ v uint64 }

// Load returns the word.
func (w *Word32) Load() uint32 { return w.v }

// Store sets the word.
func (w *Word32) Store(v uint32) { w.v = v }

// Swap sets the word and returns the one before.
func (w *Word32) Swap(v uint32) (old uint32) {
	old, w.v = w.v, v
	return old
}

// Add adds d and returns the sum.
func (w *Word32) Add(d uint32) uint32 {
	w.v += d
	return w.v
}

// CompareAndSwap sets the word if it is old, and reports whether it was.
func (w *Word32) CompareAndSwap(old, v uint32) bool {
	if w.v != old {
		return false
	}
	w.v = v
	return true
}

// Load returns the word.
func (w *Word64) Load() uint64 { return w.v }

// Store sets the word.
func (w *Word64) Store(v uint64) { w.v = v }

// Swap sets the word and returns the one before.
func (w *Word64) Swap(v uint64) (old uint64) {
	old, w.v = w.v, v
	return old
}

// Add adds d and returns the sum.
func (w *Word64) Add(d uint64) uint64 {
	w.v += d
	return w.v
}

// CompareAndSwap sets the word if it is old, and reports whether it was.
func (w *Word64) CompareAndSwap(old, v uint64) bool {
	if w.v != old {
		return false
	}
	w.v = v
	return true
}

// Or sets bits and returns the word before.
func (w *Word64) Or(bits uint64) (old uint64) {
	old, w.v = w.v, w.v|bits
	return old
}
