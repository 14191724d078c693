//go:build !linux

package phys

import (
	"math"
	"unsafe"

	"vmasim/internal/linux"
)

// arena is the real memory behind the frames, from the heap, whose pages a machine gives when they are first touched. Where the heap
// is zeroed at once, as in a browser, a large arena costs what it is large.
type arena struct {
	base unsafe.Pointer // aligned to a page; keeps the memory alive
	size uintptr
}

func reserveArena(size uint64) (arena, error) {
	p := unsafe.Pointer(unsafe.SliceData(make([]byte, size+linux.PageSize)))
	return arena{base: unsafe.Add(p, -uintptr(p)&linux.PageMask), size: uintptr(size)}, nil
}

func (a *arena) release() error {
	*a = arena{}
	return nil
}

// commit has nothing to do: the heap is zero and can be used.
func (a *arena) commit(offset, size uintptr) error { return nil }

// hostMemory returns how much memory this machine has, as far as that is known.
func hostMemory() (uint64, error) { return math.MaxUint64, nil }
