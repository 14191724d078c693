package ksync

import (
	"slices"
	"testing"

	"vmasim/internal/task"
)

// told returns what something tells.
func told(tell func(add func(uint64))) (all []uint64) {
	tell(func(v uint64) { all = append(all, v) })
	return all
}

// TestSlabTells: a cache tells which memory comes next, and hands each task its own where that is asked for.
func TestSlabTells(t *testing.T) {
	type thing struct {
		Life
		_ [56]byte
	}
	s := NewSlab[thing, *thing](SlabConfig[thing]{Name: "thing"})
	s.Apart()
	a, b := task.New(0, "a", nil), task.New(1, "b", nil)
	first := s.AllocNoFail(a)
	second := s.AllocNoFail(b)
	s.Free(b, second)
	s.Free(a, first)
	one := told(s.Tell)
	s.Rewind()
	if again := s.AllocNoFail(b); again != second {
		t.Error("what a task gets depends on what another got before")
	} else if got := s.AllocNoFail(a); got != first {
		t.Error("what a task gets depends on what another got before")
	}
	s.Free(a, first)
	s.Free(b, second)
	if other := told(s.Tell); slices.Equal(one, other) {
		t.Error("the order in which memory is handed out next is not told")
	}
}

// TestDomainTells: a domain tells who is inside, and what waits.
func TestDomainTells(t *testing.T) {
	d := NewDomain(task.SlotRCU)
	a := task.New(0, "a", nil)
	d.Register(a)
	outside := told(d.Tell)
	d.ReadLock(a)
	inside := told(d.Tell)
	d.Call(a, func(*task.Task) {})
	waiting := told(d.Tell)
	if slices.Equal(outside, inside) || slices.Equal(inside, waiting) {
		t.Errorf("%v, %v, %v", outside, inside, waiting)
	}
}
