package ksync

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// events records what is announced, and when.
type events struct {
	task.NoObserver
	before, after []task.Event
}

func (e *events) Before(_ *task.Task, ev *task.Event) { e.before = append(e.before, *ev) }
func (e *events) After(_ *task.Task, ev *task.Event)  { e.after = append(e.after, *ev) }
func observed(n int) (tk *task.Task, ev *events, r *reports) {
	r, ev = &reports{}, &events{}
	tk = r.tasks(n + 1)[n]
	tk.Observer = ev
	return tk, ev, r
}

// TestCellsAnnounceAndAct runs every operation of the words with and without an observer: the values must be the same,
// and the announcement must say what was done.
func TestCellsAnnounceAndAct(t *testing.T) {
	var a Atomic32
	var b Atomic64
	var p Pointer[int]
	var c Plain[int32]
	var f Flags64
	x, y := 1, 2
	xAddr, yAddr := uint64(uintptr(unsafe.Pointer(&x))), uint64(uintptr(unsafe.Pointer(&y)))
	tests := []struct {
		name     string
		do       func(t *task.Task) uint64
		result   uint64
		op       task.Op
		addr     unsafe.Pointer
		old, new uint64
	}{
		{"Atomic32.WriteOnce", func(t *task.Task) uint64 { a.WriteOnce(t, 7); return 0 }, 0, task.OpWriteOnce, unsafe.Pointer(&a), 0, 7},
		{"Atomic32.StoreRelease", func(t *task.Task) uint64 { a.StoreRelease(t, 8); return 0 }, 0, task.OpStoreRelease, unsafe.Pointer(&a), 7, 8},
		{"Atomic32.ReadOnce", func(t *task.Task) uint64 { return uint64(a.ReadOnce(t)) }, 8, task.OpReadOnce, unsafe.Pointer(&a), 8, 8},
		{"Atomic32.LoadAcquire", func(t *task.Task) uint64 { return uint64(a.LoadAcquire(t)) }, 8, task.OpLoadAcquire, unsafe.Pointer(&a), 8, 8},
		{"Atomic32.FetchAdd", func(t *task.Task) uint64 { return uint64(a.FetchAdd(t, 3)) }, 8, task.OpFetchAdd, unsafe.Pointer(&a), 8, 11},
		{"Atomic64.WriteOnce", func(t *task.Task) uint64 { b.WriteOnce(t, 1<<40); return 0 }, 0, task.OpWriteOnce, unsafe.Pointer(&b), 0, 1 << 40},
		{"Atomic64.StoreRelease", func(t *task.Task) uint64 { b.StoreRelease(t, 5); return 0 }, 0, task.OpStoreRelease, unsafe.Pointer(&b), 1 << 40, 5},
		{"Atomic64.ReadOnce", func(t *task.Task) uint64 { return b.ReadOnce(t) }, 5, task.OpReadOnce, unsafe.Pointer(&b), 5, 5},
		{"Atomic64.LoadAcquire", func(t *task.Task) uint64 { return b.LoadAcquire(t) }, 5, task.OpLoadAcquire, unsafe.Pointer(&b), 5, 5},
		{"Atomic64.Xchg", func(t *task.Task) uint64 { return b.Xchg(t, 6) }, 5, task.OpXchg, unsafe.Pointer(&b), 5, 6},
		{"Atomic64.CmpXchg", func(t *task.Task) uint64 { return b2u(b.CmpXchg(t, 6, 9)) }, 1, task.OpCmpXchg, unsafe.Pointer(&b), 6, 9},
		{"Atomic64.CmpXchg fails", func(t *task.Task) uint64 { return b2u(b.CmpXchg(t, 6, 1)) }, 0, task.OpCmpXchg, unsafe.Pointer(&b), 9, 9},
		{"Atomic64.Add", func(t *task.Task) uint64 { return b.Add(t, 2) }, 11, task.OpFetchAdd, unsafe.Pointer(&b), 9, 11},
		{"Pointer.WriteOnce", func(t *task.Task) uint64 { p.WriteOnce(t, &x); return 0 }, 0, task.OpWriteOnce, unsafe.Pointer(&p), 0, xAddr},
		{"Pointer.StoreRelease", func(t *task.Task) uint64 { p.StoreRelease(t, &y); return 0 }, 0, task.OpStoreRelease, unsafe.Pointer(&p), xAddr, yAddr},
		{"Pointer.ReadOnce", func(t *task.Task) uint64 { return uint64(*p.ReadOnce(t)) }, 2, task.OpReadOnce, unsafe.Pointer(&p), yAddr, yAddr},
		{"Pointer.LoadAcquire", func(t *task.Task) uint64 { return uint64(*p.LoadAcquire(t)) }, 2, task.OpLoadAcquire, unsafe.Pointer(&p), yAddr, yAddr},
		{"Plain.Write", func(t *task.Task) uint64 { c.Write(t, 3); return 0 }, 0, task.OpPlainWrite, unsafe.Pointer(&c), 0, 3},
		{"Flags64.Write", func(t *task.Task) uint64 { f.Write(t, 4); return 0 }, 0, task.OpPlainWrite, unsafe.Pointer(&f), 0, 4},
		{"Flags64.SetBits", func(t *task.Task) uint64 { f.SetBits(t, 3); return 0 }, 0, task.OpSetBit, unsafe.Pointer(&f), 4, 7},
		{"Flags64.ReadOnce", func(t *task.Task) uint64 { return f.ReadOnce(t) }, 7, task.OpReadOnce, unsafe.Pointer(&f), 7, 7},
		{"Flags64.Read", func(t *task.Task) uint64 { return f.Read(t) }, 7, task.OpPlainRead, unsafe.Pointer(&f), 7, 7},
		{"Plain.Read", func(t *task.Task) uint64 { return uint64(c.Read(t)) }, 3, task.OpPlainRead, unsafe.Pointer(&c), 3, 3},
	}
	plain := new(reports).tasks(1)[0]
	for _, test := range tests {
		if got := test.do(plain); got != test.result {
			t.Errorf("%s: %d, want %d", test.name, got, test.result)
		}
	}
	a, b, c, f = Atomic32{}, Atomic64{}, Plain[int32]{}, Flags64{}
	p.WriteOnce(plain, nil)
	for _, test := range tests {
		tk, ev, _ := observed(0)
		tk.Enter("fn")
		if got := test.do(tk); got != test.result {
			t.Errorf("%s observed: %d, want %d", test.name, got, test.result)
		}
		if len(ev.before) != 1 || len(ev.after) != 1 {
			t.Fatalf("%s: %d announcements before, %d after", test.name, len(ev.before), len(ev.after))
		}
		e := ev.after[0]
		if e.Op != test.op || e.Addr != test.addr || e.Old != test.old || e.New != test.new || e.Func != "fn" {
			t.Errorf("%s announces %+v", test.name, e)
		}
		if ev.before[0].Old != 0 || ev.before[0].New != 0 {
			t.Errorf("%s knows its values too early: %+v", test.name, ev.before[0])
		}
	}
}

// early is an observer in whose memory early loads see an older value.
type early struct {
	*events
	older unsafe.Pointer
}

func (e *early) Load(_ *task.Task, what task.Choice, _, latest unsafe.Pointer) unsafe.Pointer {
	if what == task.StaleWalk {
		return e.older
	}
	return latest
}

func TestLoadEarly(t *testing.T) {
	var p Pointer[int]
	old, latest := new(int), new(int)
	p.Init(latest)
	plain := new(reports).tasks(1)[0]
	if p.LoadEarly(plain, task.StaleWalk) != latest {
		t.Error("a task that nobody observes sees an old value")
	}
	tk, ev, _ := observed(0)
	if p.LoadEarly(tk, task.StaleWalk) != latest {
		t.Error("an old value that the observer does not supply")
	}
	tk.Observer = &early{ev, unsafe.Pointer(old)}
	if p.LoadEarly(tk, task.StaleWalk) != old || p.LoadAcquire(tk) != latest {
		t.Error("LoadEarly does not see the old value, or LoadAcquire does")
	}
	if len(ev.after) != 3 || ev.after[1].Op != task.OpLoadAcquire || ev.after[1].OldPtr != unsafe.Pointer(old) || ev.after[1].NewPtr != unsafe.Pointer(old) {
		t.Errorf("announced %+v", ev.after)
	}
}

func TestPlainOfEverySize(t *testing.T) {
	tk, ev, _ := observed(0)
	var b Plain[bool]
	var h Plain[uint16]
	var w Plain[uint64]
	var s Plain[string]
	var p Plain[*int]
	x := 1
	b.Write(tk, true)
	h.Write(tk, 2)
	w.Write(tk, 1<<50)
	s.Write(tk, "no number")
	p.Write(tk, &x)
	want := []uint64{1, 2, 1 << 50, 0, uint64(uintptr(unsafe.Pointer(&x)))}
	for i, e := range ev.after {
		if e.New != want[i] {
			t.Errorf("write %d announces %d, want %d", i, e.New, want[i])
		}
	}
	if ev.after[4].NewPtr != unsafe.Pointer(&x) || ev.after[3].NewPtr != nil {
		t.Error("only a pointer is announced as one")
	}
	if !b.Peek() || h.Peek() != 2 || s.Peek() != "no number" || *p.Peek() != 1 {
		t.Error("the words hold something else")
	}
}

func TestAnnouncingPublishes(t *testing.T) {
	r := &reports{}
	var p Pointer[[2]int]
	together(r.tasks(2), func(tk *task.Task) {
		if tk.ID == 0 {
			p.StoreRelease(tk, &[2]int{1, 2})
			return
		}
		for {
			if v := p.LoadAcquire(tk); v != nil {
				if *v != [2]int{1, 2} {
					t.Errorf("read %v", *v)
				}
				return
			}
		}
	})
}

func TestFastPathsDoNotAllocate(t *testing.T) {
	tk := new(reports).tasks(1)[0]
	d := NewDomain(task.SlotRCU)
	d.Register(tk)
	var a Atomic64
	var r Refcount
	var l SpinLock
	var s RWSem
	var m Mutex
	var q Seqcount
	r.Init(1)
	if n := testing.AllocsPerRun(100, func() {
		d.ReadLock(tk)
		a.Add(tk, a.ReadOnce(tk))
		r.IncNotZero(tk)
		r.AddNotZero(tk, 2)
		r.SubRelease(tk, 2)
		r.DecAndTest(tk)
		l.Lock(tk)
		l.Unlock(tk)
		d.ReadUnlock(tk)
		s.DownWrite(tk)
		q.WriteBegin(tk)
		q.WriteEnd(tk)
		s.DowngradeWrite(tk)
		s.UpRead(tk)
		m.Lock(tk)
		m.Unlock(tk)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
