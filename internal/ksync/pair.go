package ksync

import (
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// The functions of this file make two accesses in a row, and ask once whether an observer is there. An observer is told of the same accesses
// in the same order as by the methods that each function names; some say also what the task remembers of both. Those of a fault alone take some 2 % off it,
// those of a lookup nothing that can be measured. Some read words as bare ones, and what they do for an observer is not inlined into them, because
// they are then within the compiler's budget for inlining.

// SameOnce reads two words with no ordering, a first, and reports whether they are equal: ReadOnce twice.
func SameOnce(t *task.Task, a *Atomic32, b *Seqcount) bool {
	if t.Observer != nil {
		return sameOnce(t, a, b)
	}
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(a))) == atomic.LoadUint32((*uint32)(unsafe.Pointer(b)))
}

//go:noinline
func sameOnce(t *task.Task, a *Atomic32, b *Seqcount) bool {
	return same(t, a, b, task.OpReadOnce)
}

// SameAcquire is SameOnce of which the second read is ordered before what follows: ReadOnce and ReadAcquire.
func SameAcquire(t *task.Task, a *Atomic32, b *Seqcount) bool {
	if t.Observer != nil {
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
func IncAndRead[T any](t *task.Task, r *Refcount, limit int32, p *Pointer[T]) (old int32, ok bool, v *T) {
	if t.Observer != nil {
		return incAndRead(t, r, limit, p)
	}
	if old, ok = r.incLimited(limit); ok {
		v = (*T)(atomic.LoadPointer(&p.p.v))
	}
	return old, ok, v
}

func incAndRead[T any](t *task.Task, r *Refcount, limit int32, p *Pointer[T]) (old int32, ok bool, v *T) {
	mark := t.Mark()
	if old, ok = r.incLimitedObserved(t, limit); ok {
		v = p.ReadOnce(t)
	} else {
		t.Keep(mark, b2u(old == 0))
	}
	return old, ok, v
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
