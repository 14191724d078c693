// Package ksync holds the cells: the typed primitives through which tasks share state. Each method takes the task,
// is named after the kernel's operation and its memory order, announces the access to the task's observer if there is
// one, and then performs it. This package and package task are the only places of the protocol that touch sync,
// sync/atomic and time.
//
// A cell carries no name: its address identifies it, and the [task.Layout] of the object it lies in names it. That
// keeps a vm_area_struct at two cache lines.
//
// Every method keeps to one shape: the fast path is a nil check and the operation, small enough to be inlined; the
// observed path is a function of its own.
package ksync

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// Atomic32 is a 32-bit word that tasks share.
type Atomic32 struct{ v task.Word32 }

// ReadOnce reads with no ordering: READ_ONCE.
func (a *Atomic32) ReadOnce(t *task.Task) uint32 {
	if t.Observer != nil {
		return a.read(t, task.OpReadOnce)
	}
	return a.v.Load()
}

// LoadAcquire reads, ordered before what follows: smp_load_acquire.
func (a *Atomic32) LoadAcquire(t *task.Task) uint32 {
	if t.Observer != nil {
		return a.read(t, task.OpLoadAcquire)
	}
	return a.v.Load()
}

func (a *Atomic32) read(t *task.Task, op task.Op) uint32 {
	t.Begin(op, unsafe.Pointer(a))
	v := a.v.Load()
	if old, _, stale := t.See(unsafe.Pointer(a), uint64(v), nil); stale {
		v = uint32(old)
	}
	t.End(uint64(v), uint64(v))
	return v
}

// WriteOnce writes with no ordering: WRITE_ONCE.
func (a *Atomic32) WriteOnce(t *task.Task, v uint32) {
	if t.Observer != nil {
		a.write(t, task.OpWriteOnce, v)
		return
	}
	store32(&a.v, v)
}

// StoreRelease writes, ordered after what went before: smp_store_release.
func (a *Atomic32) StoreRelease(t *task.Task, v uint32) {
	if t.Observer != nil {
		a.write(t, task.OpStoreRelease, v)
		return
	}
	store32(&a.v, v)
}

func (a *Atomic32) write(t *task.Task, op task.Op, v uint32) {
	t.Begin(op, unsafe.Pointer(a))
	old := a.v.Load()
	if !t.Overtaken(unsafe.Pointer(a), uint64(old)) {
		a.v.Store(v)
	}
	t.End(uint64(old), uint64(v))
}

// FetchAdd adds d and returns the value before.
func (a *Atomic32) FetchAdd(t *task.Task, d uint32) uint32 {
	if t.Observer != nil {
		return a.addObserved(t, d) - d
	}
	return a.v.Add(d) - d
}

func (a *Atomic32) addObserved(t *task.Task, d uint32) uint32 {
	t.Begin(task.OpFetchAdd, unsafe.Pointer(a))
	v := a.v.Add(d)
	t.End(uint64(v-d), uint64(v))
	return v
}

// Init sets the word in an object that no other task can see, without announcing.
func (a *Atomic32) Init(v uint32) { store32(&a.v, v) }

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (a *Atomic32) Peek() uint32 { return a.v.Load() }

// Atomic64 is a 64-bit word that tasks share.
type Atomic64 struct{ v task.Word64 }

// Init sets the value of a cell that no other task can find.
func (a *Atomic64) Init(v uint64) { a.v.Store(v) }

// ReadOnce reads with no ordering: READ_ONCE.
func (a *Atomic64) ReadOnce(t *task.Task) uint64 {
	if t.Observer != nil {
		return a.read(t, task.OpReadOnce)
	}
	return a.v.Load()
}

// LoadAcquire reads, ordered before what follows: smp_load_acquire.
func (a *Atomic64) LoadAcquire(t *task.Task) uint64 {
	if t.Observer != nil {
		return a.read(t, task.OpLoadAcquire)
	}
	return a.v.Load()
}

func (a *Atomic64) read(t *task.Task, op task.Op) uint64 {
	t.Begin(op, unsafe.Pointer(a))
	v := a.v.Load()
	if old, _, stale := t.See(unsafe.Pointer(a), v, nil); stale {
		v = old
	}
	t.End(v, v)
	return v
}

// WriteOnce writes with no ordering: WRITE_ONCE.
func (a *Atomic64) WriteOnce(t *task.Task, v uint64) {
	if t.Observer != nil {
		a.write(t, task.OpWriteOnce, v)
		return
	}
	store64(&a.v, v)
}

// StoreRelease writes, ordered after what went before: smp_store_release.
func (a *Atomic64) StoreRelease(t *task.Task, v uint64) {
	if t.Observer != nil {
		a.write(t, task.OpStoreRelease, v)
		return
	}
	store64(&a.v, v)
}

func (a *Atomic64) write(t *task.Task, op task.Op, v uint64) {
	t.Begin(op, unsafe.Pointer(a))
	old := a.v.Load()
	if !t.Overtaken(unsafe.Pointer(a), old) {
		a.v.Store(v)
	}
	t.End(old, v)
}

// Xchg writes v and returns the value before.
func (a *Atomic64) Xchg(t *task.Task, v uint64) uint64 {
	if t.Observer != nil {
		return a.xchgObserved(t, v)
	}
	return a.v.Swap(v)
}

func (a *Atomic64) xchgObserved(t *task.Task, v uint64) uint64 {
	t.Begin(task.OpXchg, unsafe.Pointer(a))
	old := a.v.Swap(v)
	t.End(old, v)
	return old
}

// CmpXchg writes v if the value is old, and reports whether it was.
func (a *Atomic64) CmpXchg(t *task.Task, old, v uint64) bool {
	if t.Observer != nil {
		return a.cmpXchgObserved(t, old, v)
	}
	return a.v.CompareAndSwap(old, v)
}

//go:noinline
func (a *Atomic64) cmpXchgObserved(t *task.Task, old, v uint64) bool {
	return a.CmpXchgObserved(t, old, v) == old
}

// CmpXchgObserved is CmpXchg of a task that has an observer, and returns the value that was found.
func (a *Atomic64) CmpXchgObserved(t *task.Task, old, v uint64) uint64 {
	t.Begin(task.OpCmpXchg, unsafe.Pointer(a))
	if t.Memory != nil {
		if v, _, stale := t.See(unsafe.Pointer(a), a.v.Load(), func(v uint64) bool { return v != old }); stale {
			t.End(v, v)
			return v
		}
	}
	ok := a.v.CompareAndSwap(old, v)
	now := a.v.Load()
	if ok {
		t.End(old, v)
		return old
	}
	t.End(now, now)
	return now
}

// Add adds d and returns the new value.
func (a *Atomic64) Add(t *task.Task, d uint64) uint64 {
	if t.Observer != nil {
		return a.addObserved(t, d)
	}
	return a.v.Add(d)
}

func (a *Atomic64) addObserved(t *task.Task, d uint64) uint64 {
	t.Begin(task.OpFetchAdd, unsafe.Pointer(a))
	v := a.v.Add(d)
	t.End(v-d, v)
	return v
}

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (a *Atomic64) Peek() uint64 { return a.v.Load() }

// Pointer is a pointer that tasks share. Underneath it is untyped: what works on it is then no generic code, which the
// compiler does not inline.
type Pointer[T any] struct {
	_ [0]*T
	p pointer
}

// ReadOnce reads with no ordering but the address dependency: READ_ONCE, rcu_dereference.
func (p *Pointer[T]) ReadOnce(t *task.Task) *T {
	if t.Observer != nil {
		return (*T)(p.p.read(t, task.OpReadOnce))
	}
	return (*T)(atomic.LoadPointer(&p.p.v))
}

// LoadAcquire reads, ordered before what follows: smp_load_acquire.
func (p *Pointer[T]) LoadAcquire(t *task.Task) *T {
	if t.Observer != nil {
		return (*T)(p.p.read(t, task.OpLoadAcquire))
	}
	return (*T)(atomic.LoadPointer(&p.p.v))
}

// LoadEarly is LoadAcquire where only the address dependency orders the load, as rcu_dereference has it, and an explorer may
// see to it that it shows: with the choice what, the processor has performed the load before earlier ones of the task.
func (p *Pointer[T]) LoadEarly(t *task.Task, what task.Choice) *T {
	if t.Observer != nil {
		return (*T)(p.p.readEarly(t, what))
	}
	return (*T)(atomic.LoadPointer(&p.p.v))
}

// WriteOnce writes with no ordering: WRITE_ONCE.
func (p *Pointer[T]) WriteOnce(t *task.Task, v *T) {
	p.p.write(t, task.OpWriteOnce, unsafe.Pointer(v))
}

// StoreRelease publishes v: smp_store_release, rcu_assign_pointer.
func (p *Pointer[T]) StoreRelease(t *task.Task, v *T) {
	p.p.write(t, task.OpStoreRelease, unsafe.Pointer(v))
}

// Xchg writes v, ordered after what went before and before what follows, and returns the pointer before.
func (p *Pointer[T]) Xchg(t *task.Task, v *T) *T { return (*T)(p.p.xchg(t, unsafe.Pointer(v))) }

// Init sets the pointer in an object that no other task can see, without announcing.
func (p *Pointer[T]) Init(v *T) { atomic.StorePointer(&p.p.v, unsafe.Pointer(v)) }

// Peek reads without announcing: for conditions, reports and checks of a quiescent state.
func (p *Pointer[T]) Peek() *T { return (*T)(atomic.LoadPointer(&p.p.v)) }

type pointer struct{ v unsafe.Pointer }

func (p *pointer) read(t *task.Task, op task.Op) unsafe.Pointer {
	t.Begin(op, unsafe.Pointer(p))
	v := atomic.LoadPointer(&p.v)
	if _, old, stale := t.See(unsafe.Pointer(p), uint64(uintptr(v)), nil); stale {
		v = old
	}
	t.EndPointer(v, v)
	return v
}

func (p *pointer) readEarly(t *task.Task, what task.Choice) unsafe.Pointer {
	if t.Memory != nil { // which knows what the dependency orders
		return p.read(t, task.OpReadOnce)
	}
	t.Begin(task.OpLoadAcquire, unsafe.Pointer(p))
	v := t.Observer.Load(t, what, unsafe.Pointer(p), atomic.LoadPointer(&p.v))
	t.EndPointer(v, v)
	return v
}

func (p *pointer) write(t *task.Task, op task.Op, v unsafe.Pointer) {
	if t.Observer == nil {
		storePointer(&p.v, v)
		return
	}
	t.Begin(op, unsafe.Pointer(p))
	old := atomic.LoadPointer(&p.v)
	if !t.Overtaken(unsafe.Pointer(p), uint64(uintptr(old))) {
		atomic.StorePointer(&p.v, v)
	}
	t.EndPointer(old, v)
}

func (p *pointer) xchg(t *task.Task, v unsafe.Pointer) unsafe.Pointer {
	if t.Observer == nil {
		return atomic.SwapPointer(&p.v, v)
	}
	t.Begin(task.OpXchg, unsafe.Pointer(p))
	old := atomic.SwapPointer(&p.v, v)
	t.EndPointer(old, v)
	return old
}

// Plain is a word of shared data that a lock must protect. Its accesses are ordinary ones, so Go's race detector
// watches them; which locks protect it stands in the field's declaration.
type Plain[T comparable] struct{ v T }

// Read reads the word.
func (c *Plain[T]) Read(t *task.Task) T {
	if t.Observer != nil {
		return c.readObserved(t)
	}
	return c.v
}

func (c *Plain[T]) readObserved(t *task.Task) T {
	t.Begin(task.OpPlainRead, unsafe.Pointer(c))
	v := c.v
	if word, pointer := isWord[T](); word || pointer {
		if old, oldPtr, stale := t.See(unsafe.Pointer(c), bits(&v), nil); stale && pointer {
			*(*unsafe.Pointer)(unsafe.Pointer(&v)) = oldPtr
		} else if stale {
			setBits(&v, old)
		}
	}
	endPlain(t, &v, &v)
	return v
}

// Write writes the word.
func (c *Plain[T]) Write(t *task.Task, v T) {
	if t.Observer == nil {
		c.v = v
	} else {
		c.writeObserved(t, v)
	}
}

func (c *Plain[T]) writeObserved(t *task.Task, v T) {
	t.Begin(task.OpPlainWrite, unsafe.Pointer(c))
	old := c.v
	if word, pointer := isWord[T](); !word && !pointer || !t.Overtaken(unsafe.Pointer(c), bits(&old)) {
		c.v = v
	}
	endPlain(t, &old, &v)
}

// Init sets the word in an object that no other task can see, without announcing.
func (c *Plain[T]) Init(v T) { c.v = v }

// Peek reads without announcing: for reports and checks of a quiescent state.
func (c *Plain[T]) Peek() T { return c.v }

func endPlain[T any](t *task.Task, old, new *T) {
	if _, pointer := isWord[T](); pointer {
		t.EndPointer(*(*unsafe.Pointer)(unsafe.Pointer(old)), *(*unsafe.Pointer)(unsafe.Pointer(new)))
		return
	}
	t.End(bits(old), bits(new))
}

// isWord reports whether a T is a number of up to eight bytes, and whether it is a pointer.
func isWord[T any]() (number, pointer bool) {
	kind := reflect.TypeFor[T]().Kind()
	return kind >= reflect.Bool && kind <= reflect.Uintptr, kind == reflect.Pointer
}

// setBits makes *v the number of which bits returns n.
func setBits[T any](v *T, n uint64) {
	switch unsafe.Sizeof(*v) {
	case 1:
		*(*uint8)(unsafe.Pointer(v)) = uint8(n)
	case 2:
		*(*uint16)(unsafe.Pointer(v)) = uint16(n)
	case 4:
		*(*uint32)(unsafe.Pointer(v)) = uint32(n)
	case 8:
		*(*uint64)(unsafe.Pointer(v)) = n
	}
}

// bits returns *v as a number, for reports; 0 if it is no single word.
func bits[T any](v *T) uint64 {
	switch unsafe.Sizeof(*v) {
	case 1:
		return uint64(*(*uint8)(unsafe.Pointer(v)))
	case 2:
		return uint64(*(*uint16)(unsafe.Pointer(v)))
	case 4:
		return uint64(*(*uint32)(unsafe.Pointer(v)))
	case 8:
		return *(*uint64)(unsafe.Pointer(v))
	}
	return 0
}

// Derived holds what can be computed from announced cells at any time, so that whether it is there changes nothing but the speed. An access
// is no step.
type Derived[T any] struct{ p atomic.Pointer[T] }

// Peek returns it, nil if it is not there.
func (d *Derived[T]) Peek() *T { return d.p.Load() }

// Set keeps it.
func (d *Derived[T]) Set(v *T) { d.p.Store(v) }
