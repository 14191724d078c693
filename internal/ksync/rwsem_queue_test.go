package ksync

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vmasim/internal/task"
)

// TestRWSemSteal: a writer that comes by takes a free lock before the one that was told to try, which then waits again; where the lock is first
// come, first served it is handed over before it is free.
func TestRWSemSteal(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := &reports{}
			ts := r.tasks(3)
			s := RWSem{FIFO: fifo}
			s.DownWrite(ts[0])
			got := make(chan *task.Task)
			go func() { s.DownWrite(ts[1]); got <- ts[1] }()
			s.queued(t, 1)
			woken, _, _ := s.upSlow(ts[0], task.OpUpWrite)
			if free := !s.Held(); free == fifo {
				t.Errorf("first come, first served: %v, and free: %v", fifo, free)
			}
			if s.DownWriteTrylock(ts[2]) || s.DownReadTrylock(ts[2]) {
				t.Error("a trylock has passed a waiter")
			}
			if !fifo {
				s.DownWrite(ts[2])
				wake(woken)
				s.queued(t, 1)
				if !s.WriteHeldBy(ts[2]) || s.queue[0].woken.Load() {
					t.Error("the lock was not stolen, or its waiter was not heard")
				}
				s.UpWrite(ts[2])
			} else {
				wake(woken)
			}
			if <-got; !s.WriteHeldBy(ts[1]) || s.Contended() {
				t.Error("the waiter does not have the lock")
			}
			s.UpWrite(ts[1])
			r.want(t)
		})
	}
}

// TestRWSemReaderSteals: a reader takes a free lock before a writer that was told to try; a second one queues behind that.
func TestRWSemReaderSteals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		ts := r.tasks(4)
		var s RWSem
		s.DownWrite(ts[0])
		done := make(chan bool)
		go func() { s.DownWrite(ts[1]); s.UpWrite(ts[1]); done <- true }()
		s.queued(t, 1)
		woken, _, _ := s.upSlow(ts[0], task.OpUpWrite)
		s.DownRead(ts[2])
		go func() { s.DownRead(ts[3]); s.UpRead(ts[3]); done <- true }()
		s.queued(t, 2)
		wake(woken)
		s.queued(t, 2)
		s.UpRead(ts[2])
		<-done
		<-done
		if s.Held() || s.Contended() {
			t.Error("something is left")
		}
		r.want(t)
	})
}

// TestRWSemHandoff: one that has tried in vain for too long is handed the lock, which then no other steals.
func TestRWSemHandoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		ts := r.tasks(3)
		var s RWSem
		s.DownWrite(ts[0])
		got := make(chan bool)
		go func() { s.DownWrite(ts[1]); got <- true }()
		s.queued(t, 1)
		steals := 0
		for holder := 0; ; steals++ {
			thief := 2 - holder // 0 and 2 take turns
			woken, _, _ := s.upSlow(ts[holder], task.OpUpWrite)
			if s.Held() { // handed over
				wake(woken)
				break
			}
			s.DownWrite(ts[thief])
			wake(woken)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			holder = thief
		}
		<-got
		if steals != 6 || !s.WriteHeldBy(ts[1]) {
			t.Errorf("handed over after %d steals, a millisecond each", steals)
		}
		s.UpWrite(ts[1])
		if s.word.Load() != 0 {
			t.Errorf("the word is left as %#x", s.word.Load())
		}
		r.want(t)
	})
}

// TestRWSemKilledAfterHandoff: the hand-off that a killed waiter has asked for does not outlive it.
func TestRWSemKilledAfterHandoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		ts := r.tasks(3)
		var s RWSem
		s.DownWrite(ts[0])
		got := make(chan error)
		go func() { got <- s.DownWriteKillable(ts[1]) }()
		s.queued(t, 1)
		woken, _, _ := s.upSlow(ts[0], task.OpUpWrite)
		s.DownWrite(ts[2])
		time.Sleep(2 * HandoffAfter)
		wake(woken)
		s.queued(t, 1)
		if s.word.Load()&semHandoff == 0 {
			t.Fatal("the hand-off is not asked for")
		}
		ts[1].Kill(nil)
		if err := <-got; err == nil {
			t.Error("the killed waiter has the lock")
		}
		s.UpWrite(ts[2])
		if s.word.Load() != 0 {
			t.Errorf("the word is left as %#x", s.word.Load())
		}
		r.want(t)
	})
}

// TestRWSemExcludesEitherWay: writers under stress, first come, first served, and competing.
func TestRWSemExcludesEitherWay(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		r := &reports{}
		s := RWSem{FIFO: fifo}
		var inside atomic.Int32
		value := 0
		together(r.tasks(8), func(tk *task.Task) {
			for range 3000 {
				s.DownWrite(tk)
				if inside.Add(1) != 1 {
					t.Error("two writers")
				}
				value++
				inside.Add(-1)
				s.UpWrite(tk)
			}
		})
		if value != 8*3000 || s.word.Load() != 0 {
			t.Errorf("%d of %d increments, and the word is left as %#x", value, 8*3000, s.word.Load())
		}
		r.want(t)
	}
}

// TestRWSemToldOnce: while the head of the queue is on its way to try, a release tells no task; one that has tried in vain is told again, and where
// a signal ends its wait, the next in the queue is told.
func TestRWSemToldOnce(t *testing.T) {
	for _, killed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := &reports{}
			ts := r.tasks(4)
			var s RWSem
			s.DownWrite(ts[0])
			got := make(chan error)
			go func() { got <- s.DownWriteKillable(ts[1]) }()
			s.queued(t, 1)
			woken, _, _ := s.upSlow(ts[0], task.OpUpWrite)
			s.DownWrite(ts[2])
			if len(woken) != 1 || !semQuiet(s.word.Load()) {
				t.Errorf("%d were told, and a release would tell another", len(woken))
			}
			s.UpWrite(ts[2])
			if s.Held() || s.word.Load()&semTold == 0 {
				t.Errorf("the word is %#x behind a release while the head is on its way", s.word.Load())
			}
			s.DownWrite(ts[2])
			if killed {
				go func() { s.DownWrite(ts[3]); s.UpWrite(ts[3]); got <- nil }()
				s.queued(t, 2)
				ts[1].Kill(nil)
				if err := <-got; err == nil {
					t.Error("the killed waiter has the lock")
				}
			} else {
				wake(woken)
				s.queued(t, 1)
				if semQuiet(s.word.Load()) {
					t.Error("a waiter that has tried in vain is not told again")
				}
			}
			s.UpWrite(ts[2])
			if err := <-got; err != nil {
				t.Error(err)
			}
			if !killed {
				s.UpWrite(ts[1])
			}
			if s.word.Load() != 0 {
				t.Errorf("the word is left as %#x", s.word.Load())
			}
			r.want(t)
		})
	}
}
