package ksync

import (
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// oldMemory is a memory model in which every load that may sees the same old value, and every store is overtaken.
type oldMemory struct {
	task.NoObserver
	old     uint64
	pointer unsafe.Pointer
}

func (m *oldMemory) See(_ *task.Task, _ unsafe.Pointer, _ uint64, may func(uint64) bool) (uint64, unsafe.Pointer, bool) {
	if may != nil && !may(m.old) {
		return 0, nil, false
	}
	return m.old, m.pointer, true
}

func (m *oldMemory) Overtaken(*task.Task, unsafe.Pointer, uint64) bool { return true }

func oldTask(old uint64, pointer unsafe.Pointer) *task.Task {
	t := task.New(0, "t", nil)
	m := &oldMemory{old: old, pointer: pointer}
	t.Observer, t.Memory = m, m
	return t
}

// TestLoadsSeeOldValues: each kind of cell asks the memory model what a load sees.
func TestLoadsSeeOldValues(t *testing.T) {
	tk := oldTask(7, nil)
	var a32 Atomic32
	var a64 Atomic64
	var flags Flags64
	var count Refcount
	var seq Seqcount
	var p8 Plain[uint8]
	var p16 Plain[uint16]
	var p32 Plain[int32]
	var p64 Plain[uint64]
	var wide Plain[[2]uint64] // is no word, and has no history
	for name, got := range map[string]uint64{
		"READ_ONCE 32": uint64(a32.ReadOnce(tk)), "acquire 32": uint64(a32.LoadAcquire(tk)), "READ_ONCE 64": a64.ReadOnce(tk), "acquire 64": a64.LoadAcquire(tk),
		"flags": flags.Read(tk), "flags once": flags.ReadOnce(tk), "count": uint64(count.Read(tk)), "count acquire": uint64(count.ReadAcquire(tk)),
		"sequence": uint64(seq.ReadAcquire(tk)), "8": uint64(p8.Read(tk)), "16": uint64(p16.Read(tk)), "32": uint64(p32.Read(tk)), "64": p64.Read(tk),
		"wide": wide.Read(tk)[0] + 7,
	} {
		if got != 7 {
			t.Errorf("%s sees %d, expected 7", name, got)
		}
	}
	x := new(int)
	tk = oldTask(0, unsafe.Pointer(x))
	var p Pointer[int]
	var plain Plain[*int]
	if p.ReadOnce(tk) != x || p.LoadEarly(tk, task.StaleWalk) != x || plain.Read(tk) != x {
		t.Error("a pointer does not see the old one")
	}
}

// TestStoresAreOvertaken: a store that takes an earlier place leaves the cell as it is.
func TestStoresAreOvertaken(t *testing.T) {
	tk := oldTask(0, nil)
	var a32 Atomic32
	var a64 Atomic64
	var flags Flags64
	var count Refcount
	var p Pointer[int]
	var plain Plain[uint64]
	a32.WriteOnce(tk, 1)
	a64.StoreRelease(tk, 1)
	flags.Write(tk, 1)
	count.SetRelease(tk, 1)
	p.WriteOnce(tk, new(int))
	plain.Write(tk, 1)
	if a32.Peek() != 0 || a64.Peek() != 0 || flags.Peek() != 0 || count.Peek() != 0 || p.Peek() != nil || plain.Peek() != 0 {
		t.Error("a store that was overtaken has changed its cell")
	}
}

// TestUpdatesFailByOldValues: a read-modify-write may see an old value if it fails by it, and otherwise works on the last.
func TestUpdatesFailByOldValues(t *testing.T) {
	for _, c := range []struct {
		old  int32
		name string
		do   func(r *Refcount, t *task.Task) bool
	}{
		{0, "inc not zero", func(r *Refcount, t *task.Task) bool { return r.IncNotZero(t) }},
		{0, "add not zero", func(r *Refcount, t *task.Task) bool { return r.AddNotZero(t, 2) }},
		{9, "limited", func(r *Refcount, t *task.Task) bool { _, ok := r.IncNotZeroLimitedAcquire(t, 9); return ok }},
		{1, "more than one", func(r *Refcount, t *task.Task) bool { _, ok := r.IncMoreThanOneLimitedAcquire(t, 9); return ok }},
		{9, "limited from zero", func(r *Refcount, t *task.Task) bool { _, ok := r.IncLimitedAcquire(t, 9); return ok }},
	} {
		var r Refcount
		r.Init(3)
		if c.do(&r, oldTask(uint64(c.old), nil)) || r.Peek() != 3 {
			t.Errorf("%s does not fail by %d, or changes the count to %d", c.name, c.old, r.Peek())
		}
		if !c.do(&r, oldTask(2, nil)) || r.Peek() <= 3 {
			t.Errorf("%s fails by 2, by which it cannot", c.name)
		}
	}
	var a Atomic64
	a.Init(5)
	if a.CmpXchg(oldTask(4, nil), 5, 6) || a.Peek() != 5 {
		t.Error("cmpxchg does not fail by an old value")
	}
	if !a.CmpXchg(oldTask(5, nil), 5, 6) || a.Peek() != 6 {
		t.Error("cmpxchg fails by the value that it expects")
	}
	if got := a.CmpXchgObserved(oldTask(9, nil), 9, 1); got != 6 {
		t.Errorf("cmpxchg finds %d, expected 6", got)
	}
}
