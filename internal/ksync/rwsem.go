package ksync

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"vmasim/internal/task"
)

// RWSem is a reader-writer semaphore as the kernel's rw_semaphore: first come, first served, so no new reader passes a
// waiting writer, and a writer can downgrade.
//
// Who excludes whom, D being a read lock got by downgrading (Documentation/mm/process_addrs.rst); D needs a writer
// before it, so it also excludes another D:
//
//	      R    D    W
//	R     -    -    x
//	D     -    x    x
//	W     x    x    x
//
// One word says who holds it; as long as there is no waiter, that word is all that is touched.
type RWSem struct {
	word  atomic.Uint64
	mu    sync.Mutex // guards the queue, for a few instructions
	queue []*rwsemWaiter
}

// The lock word: the number of readers in the low half, flags, and above them the writer's task ID plus one.
const (
	semReaders    = 1<<32 - 1
	semWriter     = 1 << 32
	semWaiters    = 1 << 33 // the queue is not empty: only the holder of mu changes the word
	semState      = 1<<34 - 1
	semOwnerShift = 34
)

func semOwner(t *task.Task) uint64 { return uint64(t.ID+1)<<semOwnerShift | semWriter }

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

type rwsemWaiter struct {
	task    *task.Task
	write   bool
	granted atomic.Bool
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
	if before&^semState == semOwner(t)&^semState {
		t.Violate("recursive-lock", "%s of a lock that the task holds for writing", op)
	}
	if w == nil {
		t.MightSleep(op)
		return false, nil
	}
	return true, s.wait(t, w, mode)
}

// downSlow takes the lock after all, or joins the queue.
func (s *RWSem) downSlow(t *task.Task, write bool) (w *rwsemWaiter, before, after uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		before = s.word.Load()
		after, free := semTaken(before, t, write)
		if !free {
			after = before | semWaiters
		}
		if !s.word.CompareAndSwap(before, after) {
			continue
		}
		if !free {
			w = &rwsemWaiter{task: t, write: write}
			s.queue = append(s.queue, w)
		}
		return w, before, after
	}
}

func (s *RWSem) wait(t *task.Task, w *rwsemWaiter, mode task.WaitMode) error {
	if w.write {
		t.Reach(task.WaitWrite)
	} else {
		t.Reach(task.WaitRead)
	}
	err := t.Await(task.OpRWSemWait, unsafe.Pointer(s), mode, w.granted.Load)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	if w.granted.Load() { // granted between the signal and here
		s.mu.Unlock()
		return nil
	}
	s.queue = slices.DeleteFunc(s.queue, func(q *rwsemWaiter) bool { return q == w })
	woken := s.grant() // those behind it may have waited for it alone
	s.mu.Unlock()
	wake(woken)
	return err
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

// grant gives the lock to the head of the queue: one writer, or all readers up to the next writer. The caller holds
// s.mu while semWaiters is set, and wakes the tasks returned after giving s.mu back.
func (s *RWSem) grant() (woken []*task.Task) {
	word := s.word.Load()
	n := 0
	for n < len(s.queue) && word&semWriter == 0 {
		w := s.queue[n]
		if w.write && word&semReaders > 0 {
			break
		}
		if w.write {
			word |= semOwner(w.task)
		} else {
			word++
		}
		n++
	}
	granted := s.queue[:n]
	s.queue = s.queue[n:]
	if len(s.queue) == 0 {
		word &^= semWaiters
	}
	s.word.Store(word) // first: a waiter that sees its grant may give the lock back at once
	for _, w := range granted {
		w.granted.Store(true)
		woken = append(woken, w.task)
	}
	return woken
}

func wake(tasks []*task.Task) {
	for _, t := range tasks {
		t.Unpark()
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
	held := word&^semState == semOwner(t)&^semState
	word &= semReaders | semWaiters
	if op == task.OpDowngradeWrite {
		word++
	}
	return word, held
}

func (s *RWSem) up(t *task.Task, op task.Op) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	before := s.word.Load()
	after, held := semReleased(before, t, op)
	var woken []*task.Task
	if held && (before&semWaiters != 0 || !s.word.CompareAndSwap(before, after)) {
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
}

// upSlow unlocks, and hands the lock over if there is a waiter.
func (s *RWSem) upSlow(t *task.Task, op task.Op) (woken []*task.Task, before, after uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		before = s.word.Load()
		if after, _ = semReleased(before, t, op); s.word.CompareAndSwap(before, after) {
			break
		}
	}
	if after&semWaiters != 0 {
		woken = s.grant()
	}
	return woken, before, s.word.Load()
}

// ReadersOnly reports whether a step on a lock has found neither a writer nor a waiter, by the value that it announced.
func ReadersOnly(before uint64) bool { return before&(semWriter|semWaiters) == 0 }

// WriteHeldBy reports whether t holds the lock for writing.
func (s *RWSem) WriteHeldBy(t *task.Task) bool {
	return s.word.Load()&^semState == semOwner(t)&^semState
}

// Held reports whether any task holds the lock.
func (s *RWSem) Held() bool { return s.word.Load()&(semWriter|semReaders) != 0 }

// Contended reports whether the lock has a waiter.
func (s *RWSem) Contended() bool { return s.word.Load()&semWaiters != 0 }
