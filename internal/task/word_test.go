package task

import "testing"

// TestWords: the words of a system with one thread do as Go's atomics.
func TestWords(t *testing.T) {
	var a Word32
	var b Word64
	a.Store(1)
	b.Store(1)
	if a.Swap(2) != 1 || b.Swap(2) != 1 {
		t.Error("an exchange does not return the word before")
	}
	if a.CompareAndSwap(1, 9) || b.CompareAndSwap(1, 9) || !a.CompareAndSwap(2, 3) || !b.CompareAndSwap(2, 3) {
		t.Errorf("compare and swap: %d, %d", a.Load(), b.Load())
	}
	if a.Add(^uint32(0)) != 2 || b.Add(^uint64(0)) != 2 {
		t.Errorf("a sum is wrong: %d, %d", a.Load(), b.Load())
	}
	if b.Or(5) != 2 || b.Load() != 7 {
		t.Errorf("after 2 | 5 the word is %d", b.Load())
	}
}
