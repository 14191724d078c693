package explore

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestCellsKnowObjects compares what a birth and a death return with what comes of looking through all that was seen: the number of the
// object; 0 where a cell in it was seen before, or nothing is known to begin there.
func TestCellsKnowObjects(t *testing.T) {
	memory := make([]byte, 1<<17)
	rng := rand.New(rand.NewPCG(1, 2))
	var c cells
	born, early, died := 0, 0, 0
	for range 200 {
		c.reset()
		var seen []unsafe.Pointer
		numbers := map[unsafe.Pointer]int32{} // of objects, by base
		for range 60 {
			at := unsafe.Pointer(&memory[rng.IntN(len(memory)/2/64)*64])
			size := [...]uintptr{0, 8, 64, 320, 4096, 16384}[rng.IntN(6)]
			if rng.IntN(3) == 0 {
				c.at(at)
				seen = append(seen, at)
				continue
			}
			want, object := numbers[at]
			inside := false
			for _, addr := range seen {
				inside = inside || uintptr(addr)-uintptr(at) < size
			}
			got := c.lived(at, size)
			switch {
			case object:
			case size == 0:
				died++
			case inside:
				early++
			default:
				born++
				want = c.at(at).number
				numbers[at] = want
				seen = append(seen, at)
			}
			if got != want {
				t.Fatalf("size %d at %p: got %d, expected %d", size, at, got, want)
			}
		}
	}
	if born == 0 || early == 0 || died == 0 {
		t.Fatal(born, early, died)
	}
}
