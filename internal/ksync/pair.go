package ksync

import (
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// The functions of this file make accesses of the fast paths. An observer is told of the same accesses in the same order as by the methods that each function names;
// those that make two say also what the task remembers of both. Those with a parameter [task.Seen] do not ask whether there is an observer, as their caller
// knows; the rest ask once for two accesses, which takes some 2 % off a fault. Some read words as bare ones, and what they do for an observer is not inlined into them, because
// they are then within the compiler's budget for inlining.

// SameOnce reads two words with no ordering, a first, and reports whether they are equal: ReadOnce twice.
func SameOnce[S task.Seen](t *task.Task, a *Atomic32, b *Seqcount) bool {
	if unsafe.Sizeof(*new(S)) != 0 {
		return sameOnce(t, a, b)
	}
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(a))) == atomic.LoadUint32((*uint32)(unsafe.Pointer(b)))
}

//go:noinline
func sameOnce(t *task.Task, a *Atomic32, b *Seqcount) bool {
	return same(t, a, b, task.OpReadOnce)
}

// SameAcquire is SameOnce of which the second read is ordered before what follows: ReadOnce and ReadAcquire.
func SameAcquire[S task.Seen](t *task.Task, a *Atomic32, b *Seqcount) bool {
	if unsafe.Sizeof(*new(S)) != 0 {
		return sameAcquire(t, a, b)
	}
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(a))) == atomic.LoadUint32((*uint32)(unsafe.Pointer(b)))
}

//go:noinline
func sameAcquire(t *task.Task, a *Atomic32, b *Seqcount) bool {
	return same(t, a, b, task.OpSeqReadAcquire)
}

// same is what the task remembers of the two words.
func same(t *task.Task, a *Atomic32, b *Seqcount, second task.Op) bool {
	mark := t.Mark()
	same := a.read(t, task.OpReadOnce) == b.seq.read(t, second)
	t.Keep(mark, b2u(same))
	return same
}

// ReadBoth reads a word that a lock protects, and one with no ordering: Read and ReadOnce.
func ReadBoth(t *task.Task, a *Flags64, b *Atomic64) (uint64, uint64) {
	if t.Observer != nil {
		return readBoth(t, a, b)
	}
	return a.v.Load(), b.v.Load()
}

func readBoth(t *task.Task, a *Flags64, b *Atomic64) (uint64, uint64) {
	first := a.see(t, task.OpPlainRead)
	return first, b.read(t, task.OpReadOnce)
}

// IncAndRead takes a reference as IncNotZeroLimitedAcquire does and, if it could, reads a pointer in the object: IncNotZeroLimitedAcquire and ReadOnce.
// Where it could not, the caller may ask of old whether it is 0, and no more.
func IncAndRead[S task.Seen, T any](t *task.Task, r *Refcount, limit int32, p *Pointer[T]) (old int32, ok bool, v *T) {
	if unsafe.Sizeof(*new(S)) == 0 && r.incFirst(limit) {
		return 1, true, (*T)(atomic.LoadPointer(&p.p.v))
	}
	old, ok, u := incAndRead(t, r, limit, &p.p)
	return old, ok, (*T)(u)
}

//go:noinline
func incAndRead(t *task.Task, r *Refcount, limit int32, p *pointer) (old int32, ok bool, v unsafe.Pointer) {
	mark := t.Mark()
	if old, ok = r.IncNotZeroLimitedAcquire(t, limit); ok {
		v = p.readOnce(t)
	} else {
		t.Keep(mark, b2u(old == 0))
	}
	return old, ok, v
}

func (p *pointer) readOnce(t *task.Task) unsafe.Pointer {
	if t.Observer != nil {
		return p.read(t, task.OpReadOnce)
	}
	return atomic.LoadPointer(&p.v)
}

// PointerOnce reads a pointer: its ReadOnce.
func PointerOnce[S task.Seen, T any](t *task.Task, p *Pointer[T]) *T {
	if unsafe.Sizeof(*new(S)) != 0 {
		return (*T)(p.p.read(t, task.OpReadOnce))
	}
	return (*T)(atomic.LoadPointer(&p.p.v))
}

// Within reads two words with no ordering and reports whether x lies in [low, high): ReadOnce twice, the second time only if x is not below low.
func Within[S task.Seen](t *task.Task, x uint64, low, high *Atomic64) bool {
	if unsafe.Sizeof(*new(S)) != 0 {
		return within(t, x, low, high)
	}
	return x >= atomic.LoadUint64((*uint64)(unsafe.Pointer(low))) && x < atomic.LoadUint64((*uint64)(unsafe.Pointer(high)))
}

//go:noinline
func within(t *task.Task, x uint64, low, high *Atomic64) bool {
	return x >= low.read(t, task.OpReadOnce) && x < high.read(t, task.OpReadOnce)
}

// DecAndTest drops a reference: the method of Refcount.
func DecAndTest[S task.Seen](t *task.Task, r *Refcount) (count int32) {
	if unsafe.Sizeof(*new(S)) == 0 {
		if count = atomic.AddInt32(&r.v, -1); count >= 0 {
			return count
		}
	}
	return r.decSlow(t, task.OpRefDecAndTest)
}

// LockAndRead takes a lock, and reads a word with no ordering: Lock and ReadOnce.
func LockAndRead(t *task.Task, l *SpinLock, a *Atomic64) uint64 {
	if t.Observer == nil && atomic.CompareAndSwapUint32(&l.v, 0, 1) {
		return atomic.LoadUint64((*uint64)(unsafe.Pointer(a)))
	}
	return lockAndRead(t, l, a)
}

func lockAndRead(t *task.Task, l *SpinLock, a *Atomic64) uint64 {
	l.lockSlow(t)
	return a.ReadOnce(t)
}
