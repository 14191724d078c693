package check

import (
	"slices"
	"testing"
	"unsafe"
)

func TestCellTable(t *testing.T) {
	ct := newCellTable()
	words := make([]uint64, 3000)
	for range 3 {
		for i := range words {
			if n := ct.get(unsafe.Pointer(&words[i])); n != int32(i) {
				t.Fatalf("cell %d got number %d", i, n)
			}
		}
		for i := range words {
			if n := ct.find(unsafe.Pointer(&words[i])); n != int32(i) || ct.get(unsafe.Pointer(&words[i])) != n {
				t.Fatalf("cell %d is number %d", i, n)
			}
		}
		ct.truncate(0)
		if ct.find(unsafe.Pointer(&words[5])) >= 0 {
			t.Fatal("a cell outlived the reset")
		}
	}
	if slices.ContainsFunc(ct.slots, func(n int32) bool { return n != 0 }) {
		t.Error("a slot is left")
	}
}

func TestClock(t *testing.T) {
	var a, b clock
	a.tick(2)
	b.tick(0)
	b.tick(0)
	b.join(a)
	if !slices.Equal(b, clock{2, 0, 1}) || a.at(7) != 0 || b.at(0) != 2 {
		t.Error(a, b)
	}
	a.set(b)
	a.tick(0)
	if !slices.Equal(a, clock{3, 0, 1}) || b.at(0) != 2 {
		t.Error(a, b)
	}
}
