package ksync

import (
	"errors"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

const poison = 0x6b6b6b6b

// slabItem is two cache lines, like a VMA.
type slabItem struct {
	Life
	word  Atomic32
	index int
	self  *slabItem
	_     [104]byte
}

var _ = [1]struct{}{}[unsafe.Sizeof(slabItem{})-128]

func slabOf(reuse Reuse, d *Domain) *Slab[slabItem, *slabItem] {
	return NewSlab[slabItem](SlabConfig[slabItem]{
		Name: "item", Reuse: reuse, RCU: d,
		Poison: func(t *task.Task, p *slabItem) { p.word.WriteOnce(t, poison) },
		Init:   func(p *slabItem, index int) { p.index, p.self = index, p },
		Check: func(t *task.Task, p *slabItem) string {
			if p.word.Peek() == 13 {
				return "its word is 13"
			}
			return ""
		},
	})
}

func alloc(t testing.TB, s *Slab[slabItem, *slabItem], tk *task.Task) *slabItem {
	t.Helper()
	p, err := s.Alloc(tk)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSlabReusesAtOnce(t *testing.T) {
	r := &reports{}
	tk := r.tasks(1)[0]
	s := slabOf(TypeSafe, nil)
	p := alloc(t, s, tk)
	p.word.WriteOnce(tk, 1)
	before := p.Generation()
	if !p.Alive() || s.InUse() != 1 {
		t.Error("the object is not alive")
	}
	s.Free(tk, p)
	if p.Alive() || p.Generation() == before || p.word.Peek() != poison || s.InUse() != 0 {
		t.Errorf("after free: alive %v, word %#x, in use %d", p.Alive(), p.word.Peek(), s.InUse())
	}
	freed := p.Generation()
	q := alloc(t, s, tk)
	if q != p || q.Generation() == freed || q.Generation() == before || q.word.Peek() != poison {
		t.Error("the memory is not reused as it was left")
	}
	tk.Observer = chooses{what: task.ReuseLater}
	s.Free(tk, q)
	if alloc(t, s, tk) == q {
		t.Error("reused against the choice")
	}
	if s.Allocated() != 3 || s.Reused() != 1 {
		t.Errorf("allocated %d, reused %d", s.Allocated(), s.Reused())
	}
	r.want(t)
}

func TestSlabReusesAfterGracePeriod(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := domainOf(ts)
	s := slabOf(AfterGracePeriod, d)
	p := alloc(t, s, ts[0])
	p.word.WriteOnce(ts[0], 1)
	d.ReadLock(ts[1])
	s.Free(ts[0], p)
	for range 3 * callBatch {
		q := alloc(t, s, ts[0])
		if q == p {
			t.Fatal("reused while a section is open")
		}
		s.Free(ts[0], q)
	}
	if p.word.Peek() != 1 || !p.Alive() {
		t.Error("poisoned while a section is open")
	}
	d.ReadUnlock(ts[1])
	d.Barrier(ts[0])
	if p.word.Peek() != poison || p.Alive() || s.InUse() != 0 {
		t.Errorf("after the grace period: word %#x, in use %d", p.word.Peek(), s.InUse())
	}
	if alloc(t, s, ts[0]); s.Reused() != 1 {
		t.Error("the memory is not reused")
	}
	r.want(t)
}

func TestSlabBadFrees(t *testing.T) {
	for _, reuse := range []Reuse{TypeSafe, AfterGracePeriod} {
		r := &reports{}
		ts := r.tasks(1)
		d := domainOf(ts)
		s := slabOf(reuse, d)
		p := alloc(t, s, ts[0])
		s.Free(ts[0], p)
		s.Free(ts[0], p) // in the grace period, if there is one
		r.want(t, "double-free")
		d.Barrier(ts[0])
		s.Free(ts[0], p)
		r.want(t, "double-free")
		if one, other := alloc(t, s, ts[0]), alloc(t, s, ts[0]); one == other || s.InUse() != 2 {
			t.Error("the double free gave one object to two")
		}
		p.word.WriteOnce(ts[0], 13)
		s.Free(ts[0], p)
		d.Barrier(ts[0])
		r.want(t, "bad-free")
	}
}

// TestSlabDoubleFreeRace: of two tasks that free the same object at once, one is told.
func TestSlabDoubleFreeRace(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	s := slabOf(TypeSafe, nil)
	for range 500 {
		p := alloc(t, s, ts[0])
		together(ts, func(tk *task.Task) { s.Free(tk, p) })
		r.want(t, "double-free")
		if s.InUse() != 0 || len(s.free) != 1 {
			t.Fatalf("in use %d, free %d", s.InUse(), len(s.free))
		}
	}
}

func TestSlabAllocationFails(t *testing.T) {
	r := &reports{}
	tk := r.tasks(1)[0]
	tk.Observer = chooses{what: task.AllocFails}
	s := slabOf(TypeSafe, nil)
	if p, err := s.Alloc(tk); p != nil || !errors.Is(err, linux.ENOMEM) {
		t.Errorf("got %v, %v", p, err)
	}
	if s.Allocated() != 0 || s.InUse() != 0 {
		t.Error("the failure is counted as an allocation")
	}
}

func TestSlabAlignsCacheLines(t *testing.T) {
	r := &reports{}
	tk := r.tasks(1)[0]
	s := slabOf(TypeSafe, nil)
	for i := range 2000 {
		p := alloc(t, s, tk)
		if uintptr(unsafe.Pointer(p))%128 != 0 {
			t.Fatalf("object %d lies at %p", i, p)
		}
		if p.index != i || p.self != p || s.At(i) != p {
			t.Fatalf("object %d has index %d", i, p.index)
		}
	}
	// Three lines do not divide a page; with pointers inside, a small chunk would begin after a header of 8 bytes.
	type wide struct {
		Life
		self *slabItem
		_    [176]byte
	}
	w := NewSlab[wide](SlabConfig[wide]{Name: "wide"})
	for range 500 {
		if p, _ := w.Alloc(tk); uintptr(unsafe.Pointer(p))%64 != 0 {
			t.Fatalf("an object of %d bytes lies at %p", unsafe.Sizeof(*p), p)
		}
	}
}

// TestLargeSlab: a cache whose chunks have become large keeps the order of its objects.
func TestLargeSlab(t *testing.T) {
	type page struct {
		Life
		index int
		_     [8<<10 - 16]byte
	}
	s := NewSlab[page](SlabConfig[page]{Name: "page", Init: func(p *page, index int) { p.index = index }})
	tk := task.New(0, "t", nil)
	small := slabSmallChunks * (slabChunkBytes >> 13)
	for i := range small + slabLargeBytes>>13 + 10 {
		if p, _ := s.Alloc(tk); p.index != i || s.At(i) != p {
			t.Fatalf("object %d of a large cache has index %d", i, p.index)
		}
	}
	if got, want := len(s.chunks), slabSmallChunks+2; got != want {
		t.Errorf("%d chunks, want %d", got, want)
	}
}

func TestSlabAnnouncesLives(t *testing.T) {
	tk, ev, _ := observed(0)
	s := slabOf(TypeSafe, nil)
	p := alloc(t, s, tk)
	s.Free(tk, p)
	first, last := ev.after[0], ev.after[len(ev.after)-1]
	if first.Op != task.OpSlabAlloc || first.NewPtr != unsafe.Pointer(p) || last.Op != task.OpSlabFree || last.OldPtr != unsafe.Pointer(p) {
		t.Errorf("announced %+v, %+v", first, last)
	}
}

// TestSlabModel: whatever is allocated and freed, no live object is given out twice, and the counts are right.
func TestSlabModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &reports{}
		tk := r.tasks(1)[0]
		d := domainOf([]*task.Task{tk})
		s := slabOf(Reuse(rapid.IntRange(0, 1).Draw(rt, "reuse")), d)
		live := map[*slabItem]bool{}
		var order []*slabItem
		for range rapid.IntRange(1, 200).Draw(rt, "n") {
			if len(order) > 0 && rapid.Bool().Draw(rt, "free") {
				i := rapid.IntRange(0, len(order)-1).Draw(rt, "which")
				s.Free(tk, order[i])
				delete(live, order[i])
				order = append(order[:i], order[i+1:]...)
				continue
			}
			p, err := s.Alloc(tk)
			if err != nil || live[p] {
				rt.Fatalf("allocated a live object, or %v", err)
			}
			live[p] = true
			order = append(order, p)
		}
		d.Barrier(tk)
		if s.InUse() != len(live) {
			rt.Fatalf("in use %d, want %d", s.InUse(), len(live))
		}
		for p := range live {
			if !p.Alive() {
				rt.Fatal("a live object is dead")
			}
		}
		if len(r.all) > 0 {
			rt.Fatal(r.all)
		}
	})
}

// TestSlabRace: tasks allocate, mark, check and free beside each other.
func TestSlabRace(t *testing.T) {
	for _, reuse := range []Reuse{TypeSafe, AfterGracePeriod} {
		r := &reports{}
		ts := r.tasks(4)
		d := domainOf(ts)
		s := slabOf(reuse, d)
		together(ts, func(tk *task.Task) {
			for i := range 500 {
				p, err := s.Alloc(tk)
				if err != nil {
					t.Error(err)
					return
				}
				mine := uint32(tk.ID*1000 + i + 20)
				p.word.WriteOnce(tk, mine)
				if p.word.ReadOnce(tk) != mine {
					t.Error("somebody else has the object, too")
				}
				s.Free(tk, p)
			}
		})
		d.Barrier(ts[0])
		if s.InUse() != 0 {
			t.Errorf("in use %d", s.InUse())
		}
		r.want(t)
	}
}

// TestRewind: an empty cache begins from the start again, with the objects it had, over all its chunks.
func TestRewind(t *testing.T) {
	s := slabOf(TypeSafe, nil)
	tk := task.New(0, "t", nil)
	fill := func() (all []*slabItem) {
		for range 3 * slabChunkBytes / 128 {
			p, err := s.Alloc(tk)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		return all
	}
	first := fill()
	s.Free(tk, first[0])
	s.Rewind() // others are alive
	if p, _ := s.Alloc(tk); p != first[0] {
		t.Error("a cache in use was rewound")
	}
	for _, p := range first {
		s.Free(tk, p)
	}
	s.Rewind()
	if again := fill(); !slices.Equal(again, first) {
		t.Error("the objects come in another order")
	}
}
