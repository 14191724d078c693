package ksync

import (
	"unsafe"

	"vmasim/internal/task"
)

// Flags64 is a word, such as of flags, that a lock protects, like a [Plain] word; but single bits may be set without it, and it may be read
// beside a writer.
type Flags64 struct{ v task.Word64 }

// Read reads the word.
func (f *Flags64) Read(t *task.Task) uint64 {
	if t.Observer != nil {
		return f.see(t, task.OpPlainRead)
	}
	return f.v.Load()
}

func (f *Flags64) see(t *task.Task, op task.Op) uint64 {
	t.Begin(op, unsafe.Pointer(f))
	v := f.v.Load()
	if old, _, stale := t.See(unsafe.Pointer(f), v, nil); stale {
		v = old
	}
	t.End(v, v)
	return v
}

// ReadOnce reads the word beside a writer, and orders nothing. The caller finds out in another way whether it is to believe what it read.
func (f *Flags64) ReadOnce(t *task.Task) uint64 {
	if t.Observer != nil {
		return f.see(t, task.OpReadOnce)
	}
	return f.v.Load()
}

// Write writes the word.
func (f *Flags64) Write(t *task.Task, v uint64) {
	if t.Observer != nil {
		f.writeObserved(t, v)
		return
	}
	store64(&f.v, v)
}

func (f *Flags64) writeObserved(t *task.Task, v uint64) {
	t.Begin(task.OpPlainWrite, unsafe.Pointer(f))
	old := f.v.Load()
	if !t.Overtaken(unsafe.Pointer(f), old) {
		f.v.Store(v)
	}
	t.End(old, v)
}

// SetBits sets bits, with no ordering, and loses none that others set meanwhile: set_bit.
func (f *Flags64) SetBits(t *task.Task, bits uint64) {
	if t.Observer != nil {
		f.setObserved(t, bits)
		return
	}
	f.v.Or(bits)
}

func (f *Flags64) setObserved(t *task.Task, bits uint64) {
	t.Begin(task.OpSetBit, unsafe.Pointer(f))
	old := f.v.Or(bits)
	t.End(old, old|bits)
}

// Peek reads without announcing: for reports and checks of a quiescent state.
func (f *Flags64) Peek() uint64 { return f.v.Load() }
