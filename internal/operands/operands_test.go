package operands

import (
	"math/rand/v2"
	"testing"

	"vmasim/internal/linux"
)

type span struct{ start, end uint64 }

func (s span) Bounds() (start, end uint64) { return s.start, s.end }

// TestDrawer checks that what is drawn lies in the window, and that every border of what is mapped is drawn.
func TestDrawer(t *testing.T) {
	const base, end = 1 << 30, 1<<30 + 64*linux.PageSize
	d := Drawer[span]{Rand: rand.New(rand.NewPCG(1, 1)), Base: base, End: end}
	for _, areas := range [][]span{nil, {{base, base + linux.PageSize}}, {{base + 2*linux.PageSize, base + 9*linux.PageSize}, {end - linux.PageSize, end}}} {
		d.Areas = areas
		seen := map[uint64]bool{}
		for range 3000 {
			start, stop := d.Span()
			seen[start], seen[stop] = true, true
			if start < base || stop > end || start >= stop || (start|stop)%linux.PageSize != 0 {
				t.Fatalf("the span %#x to %#x", start, stop)
			}
			if addr := d.Byte(0, 8); addr < base || addr >= end || addr%8 != 0 {
				t.Fatalf("the byte %#x", addr)
			}
			if n := d.Length(Huge); n == 0 || n%linux.PageSize != 0 || n > 6*linux.PageSize {
				t.Fatalf("a length of %#x where there is no room", n)
			}
		}
		for _, a := range areas {
			if !seen[a.start] || !seen[a.end] {
				t.Errorf("a border of %v is not drawn", a)
			}
		}
		if _, _, ok := d.Neighbours(); ok != (len(areas) > 1) {
			t.Errorf("neighbours among %d areas: %v", len(areas), ok)
		}
	}
}
