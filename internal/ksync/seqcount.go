package ksync

import (
	"unsafe"

	"vmasim/internal/task"
)

// Seqcount is a sequence counter: odd while a writer is inside. One writer at a time, which the caller's lock ensures.
type Seqcount struct{ seq Atomic32 }

// ReadOnce reads the counter with no ordering.
func (s *Seqcount) ReadOnce(t *task.Task) uint32 { return s.seq.ReadOnce(t) }

// ReadAcquire reads the counter, ordered before what follows: raw_read_seqcount.
func (s *Seqcount) ReadAcquire(t *task.Task) uint32 {
	if t.Observer != nil {
		return s.seq.read(t, task.OpSeqReadAcquire)
	}
	return s.seq.v.Load()
}

// WriteBegin makes the counter odd, before the writes that follow: do_raw_write_seqcount_begin.
func (s *Seqcount) WriteBegin(t *task.Task) { s.stepFrom(t, task.OpSeqBegin, 0) }

// WriteEnd makes the counter even, after the writes before it: do_raw_write_seqcount_end.
func (s *Seqcount) WriteEnd(t *task.Task) { s.stepFrom(t, task.OpSeqEnd, 1) }

// Advance moves the counter on, after the writes before it, where it is a plain counter without an odd state: what
// vma_end_write_all did before 6.14.
func (s *Seqcount) Advance(t *task.Task) { s.step(t, task.OpStoreRelease) }

// AdvanceOnce moves the counter on with no ordering: what ended all write locks before 6.4.8.
func (s *Seqcount) AdvanceOnce(t *task.Task) { s.step(t, task.OpWriteOnce) }

// stepFrom increments the counter, whose low bit must be parity.
func (s *Seqcount) stepFrom(t *task.Task, op task.Op, parity uint32) {
	if old := s.step(t, op); old&1 != parity {
		t.Violate("seqcount-parity", "%s at sequence %d", op, old)
	}
}

// step increments the counter and returns what it was.
func (s *Seqcount) step(t *task.Task, op task.Op) (old uint32) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	old = s.seq.v.Load()
	store32(&s.seq.v, old+1)
	if t.Observer != nil {
		t.End(uint64(old), uint64(old+1))
	}
	return old
}

// Set places the counter, for tests and scenarios of wrap-around. No task may use it meanwhile.
func (s *Seqcount) Set(v uint32) { s.seq.v.Store(v) }

// Peek reads without announcing.
func (s *Seqcount) Peek() uint32 { return s.seq.v.Load() }
