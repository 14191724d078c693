package ksync

import (
	"sync"
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
type RWSem struct {
	mu      sync.Mutex // guards what follows, for a few instructions
	readers int
	writer  *task.Task
	queue   []*rwsemWaiter
}

type rwsemWaiter struct {
	task    *task.Task
	write   bool
	granted bool
}

// DownRead takes the lock for reading.
func (s *RWSem) DownRead(t *task.Task) { _ = s.down(t, task.OpDownRead, false, task.Uninterruptible) }

// DownReadKillable takes the lock for reading; EINTR if a fatal signal arrives first.
func (s *RWSem) DownReadKillable(t *task.Task) error {
	return s.down(t, task.OpDownRead, false, task.Killable)
}

// DownWrite takes the lock for writing.
func (s *RWSem) DownWrite(t *task.Task) { _ = s.down(t, task.OpDownWrite, true, task.Uninterruptible) }

// DownWriteKillable takes the lock for writing; EINTR if a fatal signal arrives first.
func (s *RWSem) DownWriteKillable(t *task.Task) error {
	return s.down(t, task.OpDownWrite, true, task.Killable)
}

// DownReadTrylock takes the lock for reading unless that would mean waiting.
func (s *RWSem) DownReadTrylock(t *task.Task) bool { return s.try(t, task.OpDownReadTrylock, false) }

// DownWriteTrylock takes the lock for writing unless that would mean waiting.
func (s *RWSem) DownWriteTrylock(t *task.Task) bool { return s.try(t, task.OpDownWriteTrylock, true) }

// down is two steps: take the lock or join the queue, then wait for one's turn.
func (s *RWSem) down(t *task.Task, op task.Op, write bool, mode task.WaitMode) error {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	s.mu.Lock()
	before := s.state()
	mine := s.writer == t
	var w *rwsemWaiter
	if !s.take(t, write) {
		w = &rwsemWaiter{task: t, write: write}
		s.queue = append(s.queue, w)
	}
	after := s.state()
	s.mu.Unlock()
	if t.Observer != nil {
		t.End(before, after)
	}
	if mine {
		t.Violate("recursive-lock", "%s of a lock that the task holds for writing", op)
	}
	if w == nil {
		t.MightSleep(op)
		return nil
	}
	return s.wait(t, w, mode)
}

func (s *RWSem) wait(t *task.Task, w *rwsemWaiter, mode task.WaitMode) error {
	granted := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return w.granted
	}
	err := t.Await(task.OpRWSemWait, unsafe.Pointer(s), mode, granted)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	if w.granted { // granted between the signal and here
		s.mu.Unlock()
		return nil
	}
	for i, q := range s.queue {
		if q == w {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			break
		}
	}
	woken := s.grant()
	s.mu.Unlock()
	wake(woken)
	return err
}

func (s *RWSem) try(t *task.Task, op task.Op, write bool) bool {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	s.mu.Lock()
	before := s.state()
	ok := s.take(t, write)
	after := s.state()
	s.mu.Unlock()
	if t.Observer != nil {
		t.End(before, after)
	}
	return ok
}

// take gets the lock if it is free for the asker and nobody waits. The caller holds s.mu.
func (s *RWSem) take(t *task.Task, write bool) bool {
	if s.writer != nil || len(s.queue) > 0 || write && s.readers > 0 {
		return false
	}
	if write {
		s.writer = t
	} else {
		s.readers++
	}
	return true
}

// grant gives the lock to the head of the queue: one writer, or all readers up to the next writer. The caller holds
// s.mu and wakes the tasks returned after giving it back.
func (s *RWSem) grant() (woken []*task.Task) {
	for len(s.queue) > 0 && s.writer == nil {
		w := s.queue[0]
		if w.write {
			if s.readers > 0 {
				break
			}
			s.writer = w.task
		} else {
			s.readers++
		}
		w.granted = true
		s.queue = s.queue[1:]
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
func (s *RWSem) UpRead(t *task.Task) {
	s.up(t, task.OpUpRead, func() bool {
		if s.readers == 0 {
			return false
		}
		s.readers--
		return true
	})
}

// UpWrite gives the write lock back.
func (s *RWSem) UpWrite(t *task.Task) {
	s.up(t, task.OpUpWrite, func() bool {
		if s.writer != t {
			return false
		}
		s.writer = nil
		return true
	})
}

// DowngradeWrite turns the write lock into a read lock, with no moment in between at which another writer could enter.
func (s *RWSem) DowngradeWrite(t *task.Task) {
	s.up(t, task.OpDowngradeWrite, func() bool {
		if s.writer != t {
			return false
		}
		s.writer = nil
		s.readers++
		return true
	})
}

func (s *RWSem) up(t *task.Task, op task.Op, release func() bool) {
	if t.Observer != nil {
		t.Begin(op, unsafe.Pointer(s))
	}
	s.mu.Lock()
	before := s.state()
	held := release()
	woken := s.grant()
	after := s.state()
	s.mu.Unlock()
	if t.Observer != nil {
		t.End(before, after)
	}
	if !held {
		t.Violate("unlock-not-held", "%s without holding the lock", op)
	}
	wake(woken)
}

// state is the number reported in events: readers, plus 1<<32 if a writer holds it, plus 1<<33 if somebody waits.
func (s *RWSem) state() uint64 {
	n := uint64(s.readers)
	if s.writer != nil {
		n |= 1 << 32
	}
	if len(s.queue) > 0 {
		n |= 1 << 33
	}
	return n
}

// WriteHeldBy reports whether t holds the lock for writing.
func (s *RWSem) WriteHeldBy(t *task.Task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer == t
}

// Held reports whether anybody holds the lock.
func (s *RWSem) Held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer != nil || s.readers > 0
}

// Contended reports whether somebody waits for the lock.
func (s *RWSem) Contended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}
