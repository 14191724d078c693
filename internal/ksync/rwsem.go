package ksync

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// RWSem is a reader-writer semaphore as the kernel's rw_semaphore: no new reader passes a waiting writer while the lock is held, and a
// writer can downgrade.
//
// Writers compete: a writer whose turn has come is woken to try, and another that comes by, or spins for the lock, may be faster, until the one
// at the head of the queue has waited for [HandoffAfter] and the lock is handed over to it. Under an observer a lock that has waiters is
// handed over, first come, first served, unless a writer is one that has to try: the choice [task.Steal].
//
// Who excludes whom, D being a read lock got by downgrading (Documentation/mm/process_addrs.rst); D needs a writer
// before it, so it also excludes another D:
//
//	      R    D    W
//	R     -    -    x
//	D     -    x    x
//	W     x    x    x
//
// One word says who holds it; as long as there is no waiter, or the first one is on its way to try, that word is all that is touched by an up.
type RWSem struct {
	word  atomic.Uint64
	mu    sync.Mutex // guards the queue, for a few instructions
	queue []*rwsemWaiter
	FIFO  bool           // the lock is always handed over to the waiter that came first; set before the lock is used
	Class task.LockClass // set before the lock is used
}

// The lock word: the number of readers in the low half, flags, and above them the writer's task ID plus one.
const (
	semReaders    = 1<<32 - 1
	semWriter     = 1 << 32
	semWaiters    = 1 << 33 // the queue is not empty: only the holder of mu takes the flag away
	semState      = 1<<34 - 1
	semHandoff    = 1 << 34 // the head of the queue has waited for too long: the lock is its next
	semWanted     = 1 << 35 // a writer that spins measures how long, and wants to know who had the lock
	semTold       = 1 << 36 // the head of the queue is on its way to try: a release has no task to tell; set and taken away under mu
	semOwnerShift = 37
)

func semOwner(t *task.Task) uint64 { return uint64(t.ID+1)<<semOwnerShift | semWriter }

// semOwned reports whether t has the lock for writing.
func semOwned(word uint64, t *task.Task) bool { return word>>semOwnerShift == uint64(t.ID+1) }

// semTaken returns the word with the lock taken by t, if it is free for t and there is no waiter.
func semTaken(word uint64, t *task.Task, write bool) (uint64, bool) {
	switch {
	case word&(semWriter|semWaiters) != 0:
		return word, false
	case !write:
		return word + 1, true
	default:
		return word | semOwner(t), word&semReaders == 0
	}
}

// DownRead takes the lock for reading.
func (s *RWSem) DownRead(t *task.Task) {
	_, _ = s.down(t, task.OpDownRead, false, task.Uninterruptible)
}

// DownReadKillable takes the lock for reading; EINTR if a fatal signal arrives first.
func (s *RWSem) DownReadKillable(t *task.Task) error {
	_, err := s.down(t, task.OpDownRead, false, task.Killable)
	return err
}

// DownWrite takes the lock for writing.
func (s *RWSem) DownWrite(t *task.Task) { _, _ = s.DownWriteMode(t, task.Uninterruptible) }

// DownWriteKillable takes the lock for writing; EINTR if a fatal signal arrives first.
func (s *RWSem) DownWriteKillable(t *task.Task) error {
	_, err := s.DownWriteMode(t, task.Killable)
	return err
}

// DownWriteMode is DownWrite or DownWriteKillable, and reports whether it had to wait.
func (s *RWSem) DownWriteMode(t *task.Task, mode task.WaitMode) (waited bool, err error) {
	return s.down(t, task.OpDownWrite, true, mode)
}

// DownReadTrylock takes the lock for reading unless that would mean waiting.
func (s *RWSem) DownReadTrylock(t *task.Task) bool { return s.try(t, task.OpDownReadTrylock, false) }

// DownWriteTrylock takes the lock for writing unless that would mean waiting.
func (s *RWSem) DownWriteTrylock(t *task.Task) bool { return s.try(t, task.OpDownWriteTrylock, true) }

// down is two steps: take the lock or join the queue, then wait for one's turn. It reports whether there was a wait.
func (s *RWSem) down(t *task.Task, op task.Op, write bool, mode task.WaitMode) (waited bool, err error) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	before := s.word.Load()
	after, free := semTaken(before, t, write)
	var w *rwsemWaiter
	if !free || !s.word.CompareAndSwap(before, after) {
		w, before, after = s.downSlow(t, write)
	}
	if t.Observer != nil {
		t.End(before&semState, after&semState)
	}
	if semOwned(before, t) {
		t.Violate("recursive-lock", "%s of a lock that the task holds for writing", op)
	}
	if w == nil {
		t.MightSleep(op)
		return false, nil
	}
	return true, s.wait(t, w, mode)
}

func (s *RWSem) try(t *task.Task, op task.Op, write bool) bool {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	for {
		before := s.word.Load()
		after, free := semTaken(before, t, write)
		if free && !s.word.CompareAndSwap(before, after) {
			continue
		}
		if t.Observer != nil {
			if !free {
				after = before
			}
			t.End(before&semState, after&semState)
		}
		return free
	}
}

// UpRead gives a read lock back.
func (s *RWSem) UpRead(t *task.Task) { s.up(t, task.OpUpRead) }

// UpWrite gives the write lock back.
func (s *RWSem) UpWrite(t *task.Task) { s.up(t, task.OpUpWrite) }

// DowngradeWrite turns the write lock into a read lock, with no moment in between at which another writer could enter.
func (s *RWSem) DowngradeWrite(t *task.Task) { s.up(t, task.OpDowngradeWrite) }

// semReleased returns the word after the unlock operation op of t, if t holds the lock so.
func semReleased(word uint64, t *task.Task, op task.Op) (uint64, bool) {
	if op == task.OpUpRead {
		return word - 1, word&semReaders > 0
	}
	held := semOwned(word, t)
	word &= semReaders | semWaiters | semHandoff | semTold
	if op == task.OpDowngradeWrite {
		word++
	}
	return word, held
}

// semQuiet reports whether a release has nothing to do but to change the word.
func semQuiet(word uint64) bool {
	return word&(semWaiters|semWanted) == 0 || word&(semTold|semHandoff|semWanted) == semTold
}

func (s *RWSem) up(t *task.Task, op task.Op) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	before := s.word.Load()
	after, held := semReleased(before, t, op)
	var woken []*task.Task
	slow := held && (!semQuiet(before) || !s.word.CompareAndSwap(before, after))
	if slow {
		woken, before, after = s.upSlow(t, op)
	}
	if !held {
		after = before
	}
	if t.Observer != nil {
		t.End(before&semState, after&semState)
	}
	if !held {
		t.Violate("unlock-not-held", "%s without holding the lock", op)
	}
	wake(woken)
	if slow && before&(semWaiters|semWanted) != 0 {
		t.Released(unsafe.Pointer(s))
	}
}

// ReadersOnly reports whether a step on a lock has found neither a writer nor a waiter, by the value that it announced.
func ReadersOnly(before uint64) bool { return before&(semWriter|semWaiters) == 0 }

// WriteHeldBy reports whether t holds the lock for writing.
func (s *RWSem) WriteHeldBy(t *task.Task) bool { return semOwned(s.word.Load(), t) }

// Held reports whether any task holds the lock.
func (s *RWSem) Held() bool { return s.word.Load()&(semWriter|semReaders) != 0 }

// Contended reports whether the lock has a waiter.
func (s *RWSem) Contended() bool { return s.word.Load()&semWaiters != 0 }
