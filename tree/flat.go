package tree

import (
	"unsafe"

	"vmasim/internal/task"
)

// flat is what an index holds, in arrays that are searched without branches.
type flat struct {
	index  *index
	top    []uint64 // each 64th of lo
	lo     []uint64 // whole chunks of 64, the rest maxAddr
	holder []*holder
}

const (
	flatChunk = 64
	flatLeast = 8 // with fewer holders an index is searched as fast
)

func newFlat(m *index) *flat {
	f := &flat{index: m}
	m.Scan(func(lo uint64, h *holder) bool {
		if len(f.lo)%flatChunk == 0 {
			f.top = append(f.top, lo)
		}
		f.lo, f.holder = append(f.lo, lo), append(f.holder, h)
		return true
	})
	for len(f.lo)%flatChunk != 0 {
		f.lo = append(f.lo, maxAddr)
	}
	return f
}

// find returns the holder of addr.
func (f *flat) find(addr uint64) *holder {
	base, n := 0, len(f.top)
	for n > 1 {
		half := n / 2
		base += half & -int(notAbove(f.top[base+half], addr))
		n -= half
	}
	c := (*[flatChunk]uint64)(f.lo[base*flatChunk:])
	k := 8 * (notAbove(c[8], addr) + notAbove(c[16], addr) + notAbove(c[24], addr) + notAbove(c[32], addr) +
		notAbove(c[40], addr) + notAbove(c[48], addr) + notAbove(c[56], addr))
	i := k + countNotAbove((*[8]uint64)(c[k&(flatChunk-8):]), addr)
	return f.holder[base*flatChunk+int(i)-1]
}

// flatten counts the walks that t has made through an index in a row, and makes it flat when that will have been worth it: after half as many
// as there are holders. An index that is replaced all the time stays as it is.
func (tr *Tree) flatten(t *task.Task, m *index) {
	if t.Hint.Index != unsafe.Pointer(m) {
		t.Hint.Walks = 0
	}
	if t.Hint.Walks++; m.Len() >= flatLeast && t.Hint.Walks > m.Len()/2 {
		tr.flat.Set(newFlat(m))
	}
}
