package ksync

import (
	"math"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// RefMax is the largest count; the next increment saturates, as the kernel's refcount_t does.
const RefMax = math.MaxInt32

// Refcount is a reference count: refcount_t. Overflow and underflow are reported as violations and leave the count saturated.
//
// The word is a bare one, because DecAndTest is then within the compiler's budget for inlining.
type Refcount struct{ v int32 }

// Init sets the count of an object that no other task can see.
func (r *Refcount) Init(v int32) { storeInt32(&r.v, v) }

// Read reads the count with no ordering.
func (r *Refcount) Read(t *task.Task) int32 {
	if t.Observer != nil {
		return r.readObserved(t, task.OpReadOnce)
	}
	return atomic.LoadInt32(&r.v)
}

// ReadAcquire reads the count, ordered before what follows: refcount_read and smp_acquire__after_ctrl_dep.
func (r *Refcount) ReadAcquire(t *task.Task) int32 {
	if t.Observer != nil {
		return r.readObserved(t, task.OpLoadAcquire)
	}
	return atomic.LoadInt32(&r.v)
}

func (r *Refcount) readObserved(t *task.Task, op task.Op) int32 {
	t.Begin(op, unsafe.Pointer(r))
	v := atomic.LoadInt32(&r.v)
	if old, _, stale := t.See(unsafe.Pointer(r), uint64(v), nil); stale {
		v = int32(old)
	}
	t.End(uint64(v), uint64(v))
	return v
}

// SetRelease sets the count and publishes what was written before: refcount_set_release.
func (r *Refcount) SetRelease(t *task.Task, v int32) {
	if t.Observer != nil {
		r.setObserved(t, task.OpRefSetRelease, v)
		return
	}
	storeInt32(&r.v, v)
}

func (r *Refcount) setObserved(t *task.Task, op task.Op, v int32) {
	t.Begin(op, unsafe.Pointer(r))
	old := atomic.LoadInt32(&r.v)
	if !t.Overtaken(unsafe.Pointer(r), uint64(old)) {
		atomic.StoreInt32(&r.v, v)
	}
	t.End(uint64(old), uint64(v))
}

// Inc takes a reference next to one that the caller holds.
func (r *Refcount) Inc(t *task.Task) { r.inc(t, task.OpRefInc) }

func (r *Refcount) inc(t *task.Task, op task.Op) {
	old, _ := r.add(t, op, 1, true)
	if old <= 0 {
		t.Violate("refcount-underflow", "reference taken on a count of %d", old)
	}
}

// IncNotZero takes a reference unless there is none, and reports whether it did.
func (r *Refcount) IncNotZero(t *task.Task) bool {
	_, ok := r.add(t, task.OpRefIncNotZero, 1, false)
	return ok
}

// IncNotZeroLimitedAcquire takes a reference unless there is none or the count would exceed limit. It returns the
// count before, and whether it took one; a success is ordered before what follows.
func (r *Refcount) IncNotZeroLimitedAcquire(t *task.Task, limit int32) (old int32, ok bool) {
	if t.Observer != nil {
		return r.incLimitedObserved(t, limit)
	}
	return r.incLimited(limit)
}

// incFirst takes the first reference. One is the usual count, of an object that no other task uses at the moment. Guessing it spares a load, which under
// contention would fetch the cache line once more.
func (r *Refcount) incFirst(limit int32) bool {
	return limit > 1 && atomic.CompareAndSwapInt32(&r.v, 1, 2)
}

func (r *Refcount) incLimited(limit int32) (old int32, ok bool) {
	if r.incFirst(limit) {
		return 1, true
	}
	for {
		old = atomic.LoadInt32(&r.v)
		if old == 0 || old >= limit || old < 0 {
			return old, false
		}
		if atomic.CompareAndSwapInt32(&r.v, old, old+1) {
			return old, true
		}
	}
}

func (r *Refcount) incLimitedObserved(t *task.Task, limit int32) (old int32, ok bool) {
	t.Begin(task.OpRefIncNotZeroLimitedAcquire, unsafe.Pointer(r))
	if t.Memory != nil {
		if old, stale := r.fails(t, func(v int32) bool { return v <= 0 || v >= limit }); stale {
			return old, false
		}
	}
	old, ok = r.incLimited(limit)
	now := old
	if ok {
		now++
	}
	t.End(uint64(old), uint64(now))
	return old, ok
}

// IncMoreThanOneLimitedAcquire is IncNotZeroLimitedAcquire for a count of which one is no reference that others may add theirs to.
func (r *Refcount) IncMoreThanOneLimitedAcquire(t *task.Task, limit int32) (old int32, ok bool) {
	if t.Observer != nil {
		t.Begin(task.OpRefIncMoreThanOneLimitedAcquire, unsafe.Pointer(r))
		if t.Memory != nil {
			if old, stale := r.fails(t, func(v int32) bool { return v <= 1 || v >= limit }); stale {
				return old, false
			}
		}
	}
	for {
		old = atomic.LoadInt32(&r.v)
		if ok = old > 1 && old < limit; !ok || atomic.CompareAndSwapInt32(&r.v, old, old+1) {
			break
		}
	}
	if t.Observer != nil {
		now := old
		if ok {
			now++
		}
		t.End(uint64(old), uint64(now))
	}
	return old, ok
}

// IncLimitedAcquire is IncNotZeroLimitedAcquire of a task that takes a reference even if there is none.
func (r *Refcount) IncLimitedAcquire(t *task.Task, limit int32) (old int32, ok bool) {
	if t.Observer != nil {
		t.Begin(task.OpRefIncLimitedAcquire, unsafe.Pointer(r))
		if t.Memory != nil {
			if old, stale := r.fails(t, func(v int32) bool { return v >= limit }); stale {
				return old, false
			}
		}
	}
	for {
		old = atomic.LoadInt32(&r.v)
		if ok = old < limit; !ok || atomic.CompareAndSwapInt32(&r.v, old, old+1) {
			break
		}
	}
	if t.Observer != nil {
		now := old
		if ok {
			now++
		}
		t.End(uint64(old), uint64(now))
	}
	return old, ok
}

// fails reports whether the operation on the count that is being performed fails because of an older value that it sees: one that fails is
// no more than a relaxed load. may says with which values it would fail.
func (r *Refcount) fails(t *task.Task, may func(v int32) bool) (old int32, stale bool) {
	v, _, stale := t.See(unsafe.Pointer(r), uint64(atomic.LoadInt32(&r.v)), func(v uint64) bool { return may(int32(v)) })
	if stale {
		t.End(v, v)
	}
	return int32(v), stale
}

// AddNotZero adds d unless the count is zero, and reports whether it did.
func (r *Refcount) AddNotZero(t *task.Task, d int32) bool {
	_, ok := r.add(t, task.OpRefAddNotZero, d, false)
	return ok
}

// add adds d, to a count of zero only if fromZero. It returns the count before, and whether it added. A count past
// RefMax saturates.
func (r *Refcount) add(t *task.Task, op task.Op, d int32, fromZero bool) (old int32, ok bool) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(r))
		if t.Memory != nil {
			if old, stale := r.fails(t, func(v int32) bool { return !fromZero && v <= 0 }); stale {
				return old, false
			}
		}
	}
	var now int32
	for {
		old = atomic.LoadInt32(&r.v)
		now = old
		if ok = fromZero || old > 0; !ok {
			break
		}
		now = int32(min(int64(old)+int64(d), RefMax))
		if atomic.CompareAndSwapInt32(&r.v, old, now) {
			break
		}
	}
	if t.Observer != nil {
		t.End(uint64(old), uint64(now))
	}
	if ok && now != old+d {
		t.Violate("refcount-overflow", "count %d cannot be raised by %d", old, d)
	}
	return old, ok
}

// SubRelease subtracts d, ordered after what went before, and returns the new count: refcount_sub_and_test. An
// underflow leaves 0, where no task can take a reference any more, and returns what is missing as a negative count, so
// that the caller does not free a second time.
func (r *Refcount) SubRelease(t *task.Task, d int32) int32 { return r.sub(t, task.OpRefSubRelease, d) }

// DecAndTest drops a reference, ordered after what went before, and returns the new count: __refcount_dec_and_test.
// An underflow is as in SubRelease.
func (r *Refcount) DecAndTest(t *task.Task) (count int32) {
	if t.Observer == nil {
		count = atomic.AddInt32(&r.v, -1)
		if count >= 0 {
			return
		}
	}
	return r.decSlow(t, task.OpRefDecAndTest)
}

// decSlow drops a reference for an observed task; for another it takes back DecAndTest's underflow and reports it.
//
//go:noinline
func (r *Refcount) decSlow(t *task.Task, op task.Op) int32 {
	if t.Observer == nil {
		atomic.AddInt32(&r.v, 1)
	}
	return r.sub(t, op, 1)
}

// DecRelaxed drops a reference with no ordering: atomic_dec_return_relaxed. An underflow is as in SubRelease.
func (r *Refcount) DecRelaxed(t *task.Task) int32 { return r.sub(t, task.OpRefDecRelaxed, 1) }

func (r *Refcount) sub(t *task.Task, op task.Op, d int32) int32 {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(r))
	}
	var old, now int32
	for {
		old = atomic.LoadInt32(&r.v)
		now = max(old-d, 0)
		if atomic.CompareAndSwapInt32(&r.v, old, now) {
			break
		}
	}
	if t.Observer != nil {
		t.End(uint64(old), uint64(now))
	}
	if old < d {
		t.Violate("refcount-underflow", "more references dropped than taken: count %d", old-d)
	}
	return old - d
}

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (r *Refcount) Peek() int32 { return atomic.LoadInt32(&r.v) }
