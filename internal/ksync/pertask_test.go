package ksync

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

func TestPerTask(t *testing.T) {
	r := &reports{}
	ts := r.tasks(8)
	var p PerTask[int] // plain words: the race detector watches that none is shared
	p.Each(func(*int) { t.Error("nobody has one yet") })
	together(ts, func(tk *task.Task) {
		for range 1000 {
			*p.Get(tk) += tk.ID
		}
	})
	sum, n := 0, 0
	p.Each(func(v *int) { sum += *v; n++ })
	if n != 8 || sum != 28*1000 {
		t.Errorf("%d slots, sum %d", n, sum)
	}
	for _, a := range ts {
		if *p.Get(a) != a.ID*1000 {
			t.Errorf("task %d has %d", a.ID, *p.Get(a))
		}
		for _, b := range ts[a.ID+1:] {
			x, y := uintptr(unsafe.Pointer(p.Get(a))), uintptr(unsafe.Pointer(p.Get(b)))
			if max(x, y)-min(x, y) < 64 {
				t.Errorf("tasks %d and %d share a cache line", a.ID, b.ID)
			}
		}
	}
}

func TestPerTaskLeavesOutTasksWithoutOne(t *testing.T) {
	var p PerTask[int]
	tk := task.New(5, "t", nil)
	*p.Get(tk) = 3
	n := 0
	p.Each(func(v *int) { n += *v })
	if n != 3 {
		t.Errorf("visited %d", n)
	}
}

// TestPerCPU: tasks that have the same CPU, one after the other, use the same data.
func TestPerCPU(t *testing.T) {
	var p PerCPU[int]
	a, b, c := task.New(5, "a", nil), task.New(6, "b", nil), task.New(7, "c", nil)
	b.Processor = 5
	*p.Get(a) = 3
	if p.Get(b) != p.Get(a) || p.Get(c) == p.Get(a) {
		t.Errorf("of a CPU %p, %p, of another %p", p.Get(a), p.Get(b), p.Get(c))
	}
}
