package ksync

import (
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"vmasim/internal/task"
)

// HandoffAfter is how long the head of a semaphore's queue waits until it asks for the lock to be handed over: RWSEM_WAIT_TIMEOUT.
const HandoffAfter = 4 * time.Millisecond

// spinRounds makes a spin of under a microsecond. After a longer one two writers take turns at every operation, which moves all that they
// write from one CPU to the other and costs more than a sleep; after none, each release wakes a sleeper.
const spinRounds = 24

// rwsemWaiter is a place in the queue of a semaphore. Its flags change under the semaphore's mu.
type rwsemWaiter struct {
	task    *task.Task
	write   bool
	tries   bool        // observed: it is not given the lock, but has to try
	since   time.Time   // when it came, if it may ask for the hand-off
	woken   atomic.Bool // it was told to try, and has not tried yet
	granted atomic.Bool // it has the lock
}

// semStolen returns the word with the lock taken by t although others wait, if it is free and not to be handed over:
// rwsem_try_write_lock_unqueued, and the stealing of rwsem_down_read_slowpath.
func semStolen(word uint64, t *task.Task, write bool) (uint64, bool) {
	after := word + 1
	if write {
		after = word | semOwner(t)
	}
	return after, word&(semWriter|semReaders|semHandoff) == 0
}

// spin waits outside the queue for a lock that is about to be given back, and reports whether t has got it: rwsem_optimistic_spin.
func (s *RWSem) spin(t *task.Task) bool {
	for round := range spinRounds {
		word := s.word.Load()
		after, free := semStolen(word, t, true)
		switch {
		case free && s.word.CompareAndSwap(word, after):
			return true
		case word&semHandoff != 0 || semOwned(word, t):
			return false
		}
		if round == 0 {
			t.WaitBegins(task.OpDownWrite, s.Class, unsafe.Pointer(s))
		}
		if t.Meter != nil && word&semWanted == 0 {
			s.word.CompareAndSwap(word, word|semWanted)
		}
		for range 20 {
			relax()
		}
	}
	return false
}

// relax takes a nanosecond or two: cpu_relax.
//
//go:noinline
func relax() {}

// downSlow takes the lock after all, or joins the queue.
func (s *RWSem) downSlow(t *task.Task, write bool) (w *rwsemWaiter, before, after uint64) {
	if write && !s.FIFO && t.Observer == nil && s.spin(t) {
		t.WaitEnds()
		return nil, 0, 0 // which only an observer reads, and the search for a task's own lock
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		before = s.word.Load()
		after, free := semTaken(before, t, write)
		if !free && !s.FIFO {
			after, free = semStolen(before, t, write)
		}
		if !free {
			after = before | semWaiters
			if t.Meter != nil {
				after |= semWanted
			}
		}
		if !s.word.CompareAndSwap(before, after) {
			continue
		}
		if free {
			t.WaitEnds() // of a writer that has spun for nothing, and is lucky after all
			return nil, before, after
		}
		return s.join(t, write), before, after
	}
}

// join puts t at the end of the queue.
func (s *RWSem) join(t *task.Task, write bool) *rwsemWaiter {
	w := &rwsemWaiter{task: t, write: write}
	switch {
	case !write || s.FIFO:
	case t.Observer == nil:
		w.since = time.Now()
	default:
		w.tries = t.Choose(task.Steal, 2) == 1
	}
	s.queue = append(s.queue, w)
	return w
}

// wait returns when w has the lock, or with EINTR and without it.
func (s *RWSem) wait(t *task.Task, w *rwsemWaiter, mode task.WaitMode) error {
	point, op, ready, done := task.WaitRead, task.OpRWSemWait, w.granted.Load, w.granted.Load
	if w.write {
		point = task.WaitWrite
	}
	switch {
	case w.tries:
		op, ready, done = task.OpRWSemTry, func() bool { return s.isNext(w) }, func() bool { return s.take(w) }
	case w.write && !s.FIFO && t.Observer == nil:
		mode |= task.Long // the spin is over
		done = func() bool { return w.granted.Load() || w.woken.Load() && s.take(w) }
	}
	t.Reach(point)
	if w.write {
		t.WaitBegins(task.OpDownWrite, s.Class, unsafe.Pointer(s))
	} else {
		t.WaitBegins(task.OpDownRead, s.Class, unsafe.Pointer(s))
	}
	err := t.AwaitDone(op, unsafe.Pointer(s), mode, ready, done)
	t.WaitEnds()
	if err == nil {
		return nil
	}
	s.mu.Lock()
	if w.granted.Load() { // granted between the signal and here
		s.mu.Unlock()
		return nil
	}
	s.queue = slices.DeleteFunc(s.queue, func(q *rwsemWaiter) bool { return q == w })
	s.word.And(^uint64(semTold)) // w may have been told since it looked last
	woken := s.grant()           // those behind it may have waited for it alone
	s.mu.Unlock()
	wake(woken)
	return err
}

// isNext reports whether the lock is free and w the first to take it.
func (s *RWSem) isNext(w *rwsemWaiter) bool {
	return s.word.Load()&(semWriter|semReaders) == 0 && s.queue[0] == w
}

// take takes the lock for a writer at the head of the queue, if no other was faster: rwsem_try_write_lock. One that has waited for long
// asks for the lock to be handed over.
func (s *RWSem) take(w *rwsemWaiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.woken.Store(false)
	for !w.granted.Load() {
		before := s.word.Load()
		after := before &^ (semHandoff | semTold)
		free := before&(semWriter|semReaders) == 0
		switch {
		case free:
			after |= semOwner(w.task)
			if len(s.queue) == 1 {
				after &^= semWaiters
			}
		case before&semHandoff != 0 || !w.since.IsZero() && time.Since(w.since) > HandoffAfter:
			after |= semHandoff
		}
		if !s.word.CompareAndSwap(before, after) {
			continue
		}
		if !free {
			return false
		}
		s.queue = s.queue[1:]
		w.granted.Store(true)
	}
	return true
}

// upSlow unlocks, and sees to those that wait.
func (s *RWSem) upSlow(t *task.Task, op task.Op) (woken []*task.Task, before, after uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		before = s.word.Load()
		after, _ = semReleased(before, t, op)
		if after &^= semWanted; s.word.CompareAndSwap(before, after) {
			break
		}
	}
	if after&semWaiters != 0 {
		woken = s.grant()
	}
	return woken, before, s.word.Load()
}

// hasToTry reports whether w has to take the lock by itself.
func (w *rwsemWaiter) hasToTry(word uint64) bool {
	return w.tries || !w.since.IsZero() && word&semHandoff == 0
}

// tell tells w, the head of the queue, to try, and returns whom to wake for it. The caller holds s.mu.
func (s *RWSem) tell(w *rwsemWaiter) []*task.Task {
	if !w.tries {
		s.word.Or(semTold)
	}
	if w.woken.Swap(true) {
		return nil // it is on its way
	}
	return []*task.Task{w.task}
}

// grant gives the lock to the head of the queue, one writer or all readers up to the next writer; a writer that has to try is told to:
// rwsem_mark_wake. The caller holds s.mu while semWaiters is set, and wakes the tasks returned after giving s.mu back.
func (s *RWSem) grant() (woken []*task.Task) {
	for {
		before := s.word.Load()
		after, n := before, 0
		for n < len(s.queue) && after&semWriter == 0 {
			w := s.queue[n]
			if w.write && after&semReaders > 0 {
				break
			}
			if w.hasToTry(after) {
				return s.tell(w)
			}
			after &^= semHandoff | semTold
			if w.write {
				after |= semOwner(w.task)
			} else {
				after++
			}
			n++
		}
		if n == len(s.queue) {
			after &^= semWaiters | semHandoff | semTold
		}
		if !s.word.CompareAndSwap(before, after) { // first: a waiter that sees its grant may give the lock back at once
			continue
		}
		granted := s.queue[:n]
		s.queue = s.queue[n:]
		for _, w := range granted {
			w.granted.Store(true)
			woken = append(woken, w.task)
		}
		return woken
	}
}

func wake(others []*task.Task) {
	for _, other := range others {
		other.Unpark()
	}
}
