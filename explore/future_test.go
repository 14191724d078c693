package explore

import (
	"testing"
	"unsafe"
)

// TestFutures: what comes behind a step comes after it where they are dependent, and of two ways only what comes before in both counts.
func TestFutures(t *testing.T) {
	p := newFootprints()
	local := &cells{}
	local.reset()
	var memory [8]uint64
	step := func(task int8, at int) int32 {
		return p.of(access{task: task, wakes: -1, class: writes, cell: local.at(unsafe.Pointer(&memory[at])).number}, nil, local)
	}
	a, b, c := step(0, 0), step(1, 0), step(1, 1)
	fs := futures{prints: p}
	fs.begin()
	var from, end future
	fs.step(&end, c, &future{})       // c
	fs.step(&from, b, &end)           // b, then c
	fs.step(&from, a, fs.keep(&from)) // or a, then b, then c
	past := func(id int32, next bool) (bitset, bool) {
		for i, l := range from.steps {
			if l.footprint() == id && l.next() == next {
				return from.at(i, fs.words), true
			}
		}
		return nil, false
	}
	if was, ok := past(b, true); !ok || was.has(a) {
		t.Errorf("b can come first: %v, %v", was, ok)
	}
	if was, ok := past(c, false); !ok || !was.has(b) || was.has(a) {
		t.Errorf("c comes after b, and once without a: %v, %v", was, ok)
	}
	if _, ok := past(c, true); ok {
		t.Error("c is no next step of its task")
	}
	if f := fs.pending([]int32{c, a}); len(f.steps) != 2 || f.steps[0] > f.steps[1] || !f.steps[0].next() {
		t.Errorf("%+v", f)
	}
	if first, again := fs.keep(&from), fs.keep(&from); first != again {
		t.Error("equal futures are kept twice")
	}
}
