package explore

import (
	"testing"
	"unsafe"
)

func TestCells(t *testing.T) {
	var c cells
	memory := new([4096]uint64)
	for range 3 {
		c.reset()
		for i := range memory {
			if n := c.at(unsafe.Pointer(&memory[i])).number; n != int32(i+1) {
				t.Fatalf("cell %d has number %d", i, n)
			}
		}
		for i := range memory {
			if n := c.at(unsafe.Pointer(&memory[i])).number; n != int32(i+1) {
				t.Fatalf("cell %d has number %d the second time", i, n)
			}
		}
	}
	c.reset()
	n := c.lived(unsafe.Pointer(&memory[8]), 64)
	if n == 0 || c.at(unsafe.Pointer(&memory[15])).object != n || c.at(unsafe.Pointer(&memory[16])).object != 0 || c.at(unsafe.Pointer(&memory[7])).object != 0 {
		t.Error("cells are given to the wrong object")
	}
	if c.lived(unsafe.Pointer(&memory[8]), 0) != n || c.lived(unsafe.Pointer(&memory[8]), 64) != n {
		t.Error("an object gets another number with another life")
	}
	if c.lived(unsafe.Pointer(&memory[16]), 64) != 0 || c.lived(unsafe.Pointer(&memory[32]), 0) != 0 {
		t.Error("an object whose cells are known without it has a number")
	}
}
