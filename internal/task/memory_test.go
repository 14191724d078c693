package task

import (
	"slices"
	"testing"
	"unsafe"
)

// stale is a memory model in which a load sees 1 where it may, and no store is overtaken but those of 2.
type stale struct {
	NoObserver
	orders []Order
}

func (s *stale) After(_ *Task, e *Event) { s.orders = append(s.orders, e.Order()) }

func (s *stale) See(_ *Task, _ unsafe.Pointer, _ uint64, may func(uint64) bool) (uint64, unsafe.Pointer, bool) {
	return 1, nil, may == nil || may(1)
}

func (s *stale) Overtaken(_ *Task, _ unsafe.Pointer, latest uint64) bool { return latest == 2 }

// TestMemoryModel: a task without one sees the latest, has no barriers as steps, and keeps its orders.
func TestMemoryModel(t *testing.T) {
	s := &stale{}
	for _, m := range []Memory{nil, s} {
		tk := New(0, "t", nil)
		tk.Observer, tk.Memory = s, m
		if tk.Reorders() != (m != nil) {
			t.Error("a task reorders if it has a memory model")
		}
		if v, _, old := tk.See(nil, 5, nil); old != (m != nil) || old && v != 1 {
			t.Errorf("a load sees %d, %t", v, old)
		}
		if tk.Overtaken(nil, 2) != (m != nil) || tk.Overtaken(nil, 3) {
			t.Error("a store is overtaken if the model says so")
		}
		s.orders = nil
		tk.Fence(OpMB)
		tk.Unordered()
		tk.Begin(OpStoreRelease, nil)
		tk.End(0, 0)
		tk.Weaken(Acquire)
		tk.Begin(OpXchg, nil)
		tk.End(0, 0)
		tk.Begin(OpXchg, nil) // the next but one has its own
		tk.End(0, 0)
		want := []Order{Release, Full, Full}
		if m != nil {
			want = []Order{Full, Relaxed, Acquire, Full}
		}
		if !slices.Equal(s.orders, want) {
			t.Errorf("orders %v, expected %v", s.orders, want)
		}
	}
}

// TestOverlooks: a condition on a count may not hold for a task that sees an older one, and the count stays what it is.
func TestOverlooks(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Observer, tk.Memory = &stale{}, &stale{}
	count := int32(7)
	for want, holds := range map[bool]func() bool{true: func() bool { return count == 7 }, false: func() bool { return count > 0 }} {
		if got := tk.overlooks(unsafe.Pointer(&count), holds); got != want || count != 7 {
			t.Errorf("overlooked %t, expected %t; the count is %d", got, want, count)
		}
	}
}

// TestNoObserver sees nothing and decides nothing.
func TestNoObserver(t *testing.T) {
	var o NoObserver
	x := new(int)
	o.Before(nil, nil)
	o.After(nil, nil)
	o.Born(nil, nil, nil)
	o.Died(nil, nil)
	o.Trapped(nil)
	if o.Load(nil, StaleWalk, nil, unsafe.Pointer(x)) != unsafe.Pointer(x) || o.Choose(nil, StaleWalk, 2) != 0 {
		t.Error("it decides")
	}
}

// TestLatest: a task that is alone has barriers and missing orders, which change nothing.
func TestLatest(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Memory = Latest{}
	tk.Fence(OpMB) // no observer is told
	if _, _, stale := tk.See(nil, 1, nil); stale || tk.Overtaken(nil, 1) || !tk.Reorders() {
		t.Error("it sees something older")
	}
}
