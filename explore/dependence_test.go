package explore

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"vmasim/internal/task"
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

// TestBulkDependence: an operation on a whole object depends on those on its cells, unless both only read.
func TestBulkDependence(t *testing.T) {
	frame := access{task: 0, wakes: -1, cell: 1, object: 1, flags: bulk}
	fill, copyFrom := frame, frame
	fill.class = writes
	read := access{task: 1, wakes: -1, cell: 2, object: 1}
	write := read
	write.class = writes
	elsewhere := access{task: 1, wakes: -1, cell: 3, object: 4, class: writes}
	lock := read
	lock.class = waits
	for _, c := range []struct {
		a, b access
		want bool
	}{
		{fill, read, true}, {fill, write, true}, {copyFrom, read, false}, {copyFrom, write, true}, {fill, copyFrom, true},
		{copyFrom, copyFrom, false}, {fill, elsewhere, false}, {copyFrom, elsewhere, false}, {fill, lock, false},
	} {
		if dependent(&c.a, &c.b) != c.want || dependent(&c.b, &c.a) != c.want {
			t.Errorf("%+v and %+v: want %v", c.a, c.b, c.want)
		}
	}
}

// TestBulkOfUnknownMemory: where it is not known which cells a bulk operation is about, it depends on everything.
func TestBulkOfUnknownMemory(t *testing.T) {
	var d dpor
	d.cells.reset()
	var s state
	memory := new([64]byte)
	e := task.Event{Op: task.OpClearPage, Addr: unsafe.Pointer(memory), Size: 64}
	d.foresee(&s, 0, &e)
	if a := d.pending[0]; a.flags&dependsOnAll == 0 {
		t.Errorf("%+v", d.pending[0])
	}
	d.cells.reset()
	d.lived(&s, -1, unsafe.Pointer(memory), 64)
	d.foresee(&s, 0, &e)
	if a := d.pending[0]; a.flags != bulk || a.object == 0 || a.class != writes {
		t.Errorf("%+v", a)
	}
}

// TestLivesOfAStep: the first life of memory matters to no task, the next ones to all who have been near it, and a step that
// begins or ends two to all.
func TestLivesOfAStep(t *testing.T) {
	var d dpor
	d.cells.reset()
	var s state
	memory := new([2][64]byte)
	first, second := unsafe.Pointer(&memory[0]), unsafe.Pointer(&memory[1])
	d.lived(&s, 0, first, 64)
	d.lived(&s, 0, second, 64)
	if d.step != (access{}) {
		t.Errorf("born: %+v", d.step)
	}
	d.lived(&s, 0, first, 0)
	if d.step.life == 0 || d.step.flags != 0 {
		t.Errorf("one died: %+v", d.step)
	}
	d.lived(&s, 0, second, 0)
	if d.step.flags&dependsOnAll == 0 {
		t.Errorf("two died: %+v", d.step)
	}
	d.step = access{}
	d.lived(&s, 0, first, 64)
	if d.step.life == 0 {
		t.Errorf("born again: %+v", d.step)
	}
}

// TestSigns: steps that are dependent have a set in common.
func TestSigns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(i int) access {
		a := access{task: int8(i), wakes: -1, cell: rng.Int32N(80), object: rng.Int32N(4), class: accessClass(rng.IntN(int(updates) + 1)), op: task.Op(rng.IntN(int(task.NumOps)))}
		if rng.IntN(3) == 0 {
			a.flags = accessFlags(1 << rng.IntN(6))
		}
		if rng.IntN(6) == 0 {
			a.life = 1 + rng.Int32N(4)
		}
		if rng.IntN(6) == 0 {
			a.wakes = int8(rng.IntN(3))
		}
		return a
	}
	apart := 0
	for range 200_000 {
		a, b := draw(0), draw(1)
		if a.bloom()&b.bloom() == 0 {
			apart++
			if dependent(&a, &b) {
				t.Fatalf("%+v and %+v", a, b)
			}
		}
	}
	if apart < 20_000 {
		t.Errorf("only %d are told apart", apart)
	}
}
