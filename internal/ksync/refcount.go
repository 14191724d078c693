package ksync

import (
	"math"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// RefMax is the largest count; the next increment saturates, as the kernel's refcount_t does.
const RefMax = math.MaxInt32

// Refcount is a reference count. Overflow and underflow are reported as violations and leave the count saturated.
type Refcount struct{ v atomic.Int32 }

// Init sets the count of an object that nobody else can see.
func (r *Refcount) Init(v int32) { r.v.Store(v) }

// Read reads the count with no ordering.
func (r *Refcount) Read(t *task.Task) int32 {
	if t.Observer != nil {
		return r.readObserved(t)
	}
	return r.v.Load()
}

func (r *Refcount) readObserved(t *task.Task) int32 {
	t.Begin(task.OpReadOnce, unsafe.Pointer(r))
	v := r.v.Load()
	t.End(uint64(v), uint64(v))
	return v
}

// SetRelease sets the count and publishes what was written before: refcount_set_release.
func (r *Refcount) SetRelease(t *task.Task, v int32) {
	if t.Observer != nil {
		t.Begin(task.OpRefSetRelease, unsafe.Pointer(r))
		t.End(uint64(r.v.Swap(v)), uint64(v))
		return
	}
	r.v.Store(v)
}

// Inc takes a reference next to one that the caller holds.
func (r *Refcount) Inc(t *task.Task) {
	old := r.update(t, task.OpRefInc, func(v int32) (int32, bool) { return v + 1, true })
	if old <= 0 {
		t.Violate("refcount-underflow", "reference taken on a count of %d", old)
	}
}

// IncNotZero takes a reference unless there is none, and reports whether it did.
func (r *Refcount) IncNotZero(t *task.Task) bool {
	return r.update(t, task.OpRefIncNotZero, func(v int32) (int32, bool) { return v + 1, v != 0 }) != 0
}

// IncNotZeroLimitedAcquire takes a reference unless there is none or the count would exceed limit. It returns the
// count before, and whether it took one; a success is ordered before what follows.
func (r *Refcount) IncNotZeroLimitedAcquire(t *task.Task, limit int32) (old int32, ok bool) {
	if t.Observer != nil {
		return r.incLimitedObserved(t, limit)
	}
	return r.incLimited(limit)
}

func (r *Refcount) incLimited(limit int32) (old int32, ok bool) {
	for {
		old = r.v.Load()
		if old == 0 || old >= limit || old < 0 {
			return old, false
		}
		if r.v.CompareAndSwap(old, old+1) {
			return old, true
		}
	}
}

func (r *Refcount) incLimitedObserved(t *task.Task, limit int32) (old int32, ok bool) {
	t.Begin(task.OpRefIncNotZeroLimitedAcquire, unsafe.Pointer(r))
	old, ok = r.incLimited(limit)
	now := old
	if ok {
		now++
	}
	t.End(uint64(old), uint64(now))
	return old, ok
}

// AddNotZero adds d unless the count is zero, and reports whether it did.
func (r *Refcount) AddNotZero(t *task.Task, d int32) bool {
	return r.update(t, task.OpRefAddNotZero, func(v int32) (int32, bool) { return v + d, v != 0 }) != 0
}

// SubRelease subtracts d, ordered after what went before, and returns the new count: refcount_sub_and_test.
func (r *Refcount) SubRelease(t *task.Task, d int32) int32 { return r.sub(t, task.OpRefSubRelease, d) }

// DecAndTest drops a reference, ordered after what went before, and returns the new count: __refcount_dec_and_test.
func (r *Refcount) DecAndTest(t *task.Task) int32 {
	if t.Observer == nil {
		if v := r.v.Add(-1); v >= 0 {
			return v
		}
		r.v.Add(1) // let the slow path see and report it
	}
	return r.sub(t, task.OpRefDecAndTest, 1)
}

func (r *Refcount) sub(t *task.Task, op task.Op, d int32) int32 {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(r))
	}
	v := r.v.Add(-d)
	if t.Observer != nil {
		t.End(uint64(v+d), uint64(v))
	}
	if v < 0 {
		r.underflow(t, v)
	}
	return v
}

func (r *Refcount) underflow(t *task.Task, v int32) {
	r.v.Store(0) // saturate where it does least harm: nobody can take a reference any more
	t.Violate("refcount-underflow", "more references dropped than taken: count %d", v)
}

// update applies f until it succeeds or declines, and returns the count before. An increment past RefMax saturates.
func (r *Refcount) update(t *task.Task, op task.Op, f func(int32) (int32, bool)) (old int32) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(r))
	}
	var now int32
	for {
		var ok bool
		old = r.v.Load()
		if now, ok = f(old); !ok {
			now = old
			break
		}
		if now < old && old > 0 {
			t.Violate("refcount-overflow", "count %d cannot be raised", old)
			now = RefMax
		}
		if r.v.CompareAndSwap(old, now) {
			break
		}
	}
	if t.Observer != nil {
		t.End(uint64(old), uint64(now))
	}
	return old
}

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (r *Refcount) Peek() int32 { return r.v.Load() }
