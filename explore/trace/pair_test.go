package trace

import (
	"slices"
	"testing"

	"vmasim/internal/task"
)

func step(who string, op task.Op, cell, was, is string) Step {
	return Step{Record: Record{Summary: Summary{Task: who, Statement: "munmap A", Op: op, Cell: cell, Was: was, Is: is}}}
}

func pairOf(steps ...Step) *Trace {
	for i := range steps {
		steps[i].Number = i + 1
	}
	return &Trace{Steps: steps}
}

// TestAlign: the beginning that both have, steps of one side, and the same step with another value stand where they belong.
func TestAlign(t *testing.T) {
	first := step("a", task.OpReadOnce, "vma#1.vm_start", "1", "1")
	a := pairOf(first, step("a", task.OpReadOnce, "vma#2.vm_mm", "mm", "mm"), step("a", task.OpWriteOnce, "vma#2.vm_end", "0", "5"), step("b", task.OpReadOnce, "x", "0", "0"))
	b := pairOf(first, step("a", task.OpReadOnce, "vma#1.vm_mm", "mm", "mm"), step("a", task.OpWriteOnce, "vma#3.vm_end", "0", "5"), step("b", task.OpReadOnce, "x", "7", "7"))
	rows, n, objects := Align(a, b)
	want := []Row{{With: 1, Against: 1}, {With: 2}, {Against: 2}, {With: 3, Against: 3}, {With: 4, Against: 4, Differs: DiffersValue}}
	if n != 1 || !slices.Equal(rows, want) {
		t.Errorf("parted behind %d, %v", n, rows)
	}
	if !slices.Equal(objects, [][2]string{{"vma#2", "vma#3"}}) {
		t.Errorf("the same are %v", objects)
	}
	if rows, n, _ := Align(a, a); n != 4 || len(rows) != 4 {
		t.Errorf("a run beside itself: parted behind %d, %v", n, rows)
	}
}

// TestMatch: what is the same by its operation goes before what only accesses the same cell, and the first of several that are as good is taken.
func TestMatch(t *testing.T) {
	act := func(op task.Op, cell string) Act {
		s := step("a", op, cell, "", "")
		return ActOf(&s)
	}
	k := NewAlike()
	read, acquire, write := act(task.OpReadOnce, "c"), act(task.OpLoadAcquire, "c"), act(task.OpWriteOnce, "c")
	for _, c := range []struct {
		a, b []Act
		want []int
	}{
		{[]Act{acquire}, []Act{read, acquire}, []int{1}},
		{[]Act{acquire}, []Act{write, read}, []int{1}},
		{[]Act{write}, []Act{read}, []int{-1}},
		{[]Act{read}, []Act{write, read, read}, []int{1}},
		{nil, []Act{read}, []int{}},
	} {
		if got := k.Match(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("%v beside %v: %v, expected %v", c.a, c.b, got, c.want)
		}
	}
	other := act(task.OpReadOnce, "d")
	other.Statement = "mmap A"
	if same := act(task.OpReadOnce, "d"); k.Match([]Act{other}, []Act{same})[0] != -1 {
		t.Error("steps of different statements are the same")
	}
	next := Next{Task: "a", Stack: []string{"munmap A"}, Op: task.OpReadOnce, Cell: "c"}
	if ActOfNext(&next) != read {
		t.Errorf("%+v", ActOfNext(&next))
	}
}

// TestMatchLong: sequences that are too long to be held against each other at once are matched piece by piece.
func TestMatchLong(t *testing.T) {
	s := step("a", task.OpReadOnce, "c", "", "")
	w := step("a", task.OpWriteOnce, "c", "", "")
	var a, b []Act
	for i := range 2*matched + 100 {
		if b = append(b, ActOf(&s)); i != 50 {
			a = append(a, ActOf(&s))
		}
	}
	b = append(b, ActOf(&w))
	to := NewAlike().Match(a, b)
	if !slices.IsSorted(to) || to[0] != 0 || to[len(to)-1] < len(a)-1 || len(to) != len(a) {
		t.Errorf("%d steps: the first is at %d, the last at %d", len(to), to[0], to[len(to)-1])
	}
}

// TestOtherObjects: steps on objects that were found to be different are not the same.
func TestOtherObjects(t *testing.T) {
	k := NewAlike()
	one, two := step("a", task.OpWriteOnce, "vma#1.vm_start", "NULL", "vma#4"), step("a", task.OpWriteOnce, "vma#2.vm_start", "NULL", "vma#5")
	if d, same := k.Same(&one, &two); !same || d != DiffersNot {
		t.Errorf("objects that were not met: %v %q", same, d)
	}
	again := step("a", task.OpReadOnce, "vma#1.vm_start", "vma#4", "vma#4")
	if _, same := k.Same(&again, &again); same {
		t.Error("vma#1 is vma#2 and itself")
	}
	other := step("a", task.OpReadOnce, "vma#2.vm_start", "vma#4", "vma#4")
	if d, same := k.Same(&again, &other); !same || d != DiffersValue {
		t.Errorf("vma#4 is not vma#4 there: %v %q", same, d)
	}
	if d, _ := k.Same(&one, &other); d != DiffersValue {
		t.Errorf("%q", d)
	}
	acquire := step("a", task.OpLoadAcquire, "vma#1.vm_start", "vma#4", "vma#4")
	plain := step("a", task.OpReadOnce, "vma#2.vm_start", "vma#5", "vma#5")
	if d, same := k.Same(&acquire, &plain); !same || d != DiffersOp {
		t.Errorf("%v %q", same, d)
	}
	if kind := step("a", task.OpReadOnce, "anon_vma#2.vm_start", "1", "1"); k.weigh(ActOf(&again), ActOf(&kind)) > 0 {
		t.Error("objects of different kinds are the same")
	}
}

func TestNamed(t *testing.T) {
	p := &Pair{Objects: [][2]string{{"vma#2", "vma#3"}, {"vma#1", "vma#12"}}}
	for text, want := range map[string]string{
		"vma#3.vm_start": "vma#2.vm_start", "vma#2": "vma#2′", "vma#12 and vma#1": "vma#1 and vma#1′", "mm.mm_lock_seq": "mm.mm_lock_seq", "avc#3": "avc#3",
	} {
		if got := p.Named(text); got != want {
			t.Errorf("%s is %s, expected %s", text, got, want)
		}
	}
}
