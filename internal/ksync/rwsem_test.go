package ksync

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// queued waits until n tasks are in the queue.
func (s *RWSem) queued(t *testing.T, n int) {
	t.Helper()
	parked(t, fmt.Sprintf("%d tasks wait", n), func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.queue) == n })
}

// hold is a way to hold the lock.
type hold struct {
	name string
	try  func(*RWSem, *task.Task) bool
	up   func(*RWSem, *task.Task)
}

var (
	holdRead      = hold{"R", (*RWSem).DownReadTrylock, (*RWSem).UpRead}
	holdWrite     = hold{"W", (*RWSem).DownWriteTrylock, (*RWSem).UpWrite}
	holdDowngrade = hold{"D", func(s *RWSem, t *task.Task) bool {
		ok := s.DownWriteTrylock(t)
		if ok {
			s.DowngradeWrite(t)
		}
		return ok
	}, (*RWSem).UpRead}
)

// TestRWSemExclusion is the matrix of Documentation/mm/process_addrs.rst: whether the one can be got while the other is
// held, in both orders. A D beside a held R is got only as a W, so it has to wait; an R beside a held D need not.
func TestRWSemExclusion(t *testing.T) {
	for _, c := range []struct {
		held, asked hold
		excluded    bool
	}{
		{holdRead, holdRead, false},
		{holdRead, holdDowngrade, true},
		{holdRead, holdWrite, true},
		{holdDowngrade, holdRead, false},
		{holdDowngrade, holdDowngrade, true},
		{holdDowngrade, holdWrite, true},
		{holdWrite, holdRead, true},
		{holdWrite, holdDowngrade, true},
		{holdWrite, holdWrite, true},
	} {
		t.Run(c.held.name+c.asked.name, func(t *testing.T) {
			r := &reports{}
			ts := r.tasks(2)
			var s RWSem
			if !c.held.try(&s, ts[0]) {
				t.Fatal("the free lock cannot be taken")
			}
			got := c.asked.try(&s, ts[1])
			if got == c.excluded {
				t.Errorf("got it: %v", got)
			}
			if got {
				c.asked.up(&s, ts[1])
			}
			c.held.up(&s, ts[0])
			if s.Held() || !c.asked.try(&s, ts[1]) {
				t.Error("the lock is not free afterwards")
			}
			r.want(t)
		})
	}
}

func TestRWSemReaderDoesNotPassWaitingWriter(t *testing.T) {
	synctest.Test(t, rwsemReaderDoesNotPassWaitingWriter)
}

func rwsemReaderDoesNotPassWaitingWriter(t *testing.T) {
	r := &reports{}
	ts := r.tasks(5)
	var s RWSem
	var mu sync.Mutex
	var order []string
	note := func(what string) { mu.Lock(); defer mu.Unlock(); order = append(order, what) }
	var wg sync.WaitGroup
	s.DownRead(ts[0])
	for i, step := range []struct {
		name     string
		down, up func(*task.Task)
	}{
		{"writer", s.DownWrite, s.UpWrite},
		{"reader", s.DownRead, s.UpRead},
		{"reader", s.DownRead, s.UpRead},
		{"last writer", s.DownWrite, s.UpWrite},
	} {
		wg.Go(func() {
			step.down(ts[i+1])
			note(step.name)
			step.up(ts[i+1])
		})
		s.queued(t, i+1)
	}
	if s.DownReadTrylock(ts[0]) || s.DownWriteTrylock(ts[0]) {
		t.Error("a trylock passed the waiting writer")
	}
	if !s.Contended() {
		t.Error("nobody waits")
	}
	s.UpRead(ts[0])
	wg.Wait()
	if want := []string{"writer", "reader", "reader", "last writer"}; !slices.Equal(order, want) {
		t.Errorf("order %v", order)
	}
	r.want(t)
}

func TestRWSemDowngradeLetsReadersIn(t *testing.T) { synctest.Test(t, rwsemDowngradeLetsReadersIn) }

func rwsemDowngradeLetsReadersIn(t *testing.T) {
	r := &reports{}
	ts := r.tasks(3)
	var s RWSem
	s.DownWrite(ts[0])
	read := make(chan bool)
	go func() { s.DownRead(ts[1]); read <- true }()
	s.queued(t, 1)
	go func() { s.DownWrite(ts[2]); read <- false }()
	s.queued(t, 2)
	s.DowngradeWrite(ts[0])
	if !<-read {
		t.Error("the writer came first")
	}
	if s.WriteHeldBy(ts[0]) || s.WriteHeldBy(ts[2]) {
		t.Error("a writer holds the downgraded lock")
	}
	s.UpRead(ts[0])
	s.UpRead(ts[1])
	if <-read || !s.WriteHeldBy(ts[2]) {
		t.Error("the writer did not get the lock")
	}
	s.UpWrite(ts[2])
	r.want(t)
}

func TestRWSemKilledWaiterLeavesTheQueue(t *testing.T) {
	synctest.Test(t, rwsemKilledWaiterLeavesTheQueue)
}

func rwsemKilledWaiterLeavesTheQueue(t *testing.T) {
	r := &reports{}
	ts := r.tasks(3)
	var s RWSem
	s.DownRead(ts[0])
	killed, behind := make(chan error), make(chan error)
	go func() { killed <- s.DownWriteKillable(ts[1]) }()
	s.queued(t, 1)
	go func() { behind <- s.DownReadKillable(ts[2]) }()
	s.queued(t, 2)
	ts[1].Kill(nil)
	if err := <-killed; !errors.Is(err, linux.EINTR) {
		t.Errorf("the killed writer got %v", err)
	}
	if err := <-behind; err != nil { // though ts[0] still reads
		t.Errorf("the reader behind got %v", err)
	}
	s.UpRead(ts[2])
	s.UpRead(ts[0])
	if s.Held() || s.Contended() {
		t.Error("something is left")
	}
	if err := s.DownWriteKillable(ts[1]); err != nil {
		t.Errorf("a killed task gets a free lock: %v", err)
	}
	if err := s.DownReadKillable(ts[1]); !errors.Is(err, linux.EINTR) { // it would wait for itself
		t.Errorf("a killed task waits: %v", err)
	}
	r.want(t, "recursive-lock")
}

// TestRWSemSignalByChoice: a signal is offered to a task that has to wait, and to no other.
func TestRWSemSignalByChoice(t *testing.T) {
	tk := new(reports).tasks(1)[0]
	tk.Observer = chooses{what: task.Signal}
	holder := new(reports).tasks(1)[0]
	var s RWSem
	if err := s.DownWriteKillable(tk); err != nil || tk.Killed() {
		t.Errorf("a free lock: %v, killed %v", err, tk.Killed())
	}
	s.UpWrite(tk)
	s.DownRead(holder)
	if err := s.DownReadKillable(tk); err != nil || tk.Killed() {
		t.Errorf("a lock that readers share: %v, killed %v", err, tk.Killed())
	}
	s.UpRead(tk)
	if err := s.DownWriteKillable(tk); !errors.Is(err, linux.EINTR) || s.Contended() {
		t.Errorf("a lock that is held: %v, waiters left: %v", err, s.Contended())
	}
	s.UpRead(holder)
}

func TestRWSemUninterruptibleIgnoresKill(t *testing.T) {
	synctest.Test(t, rwsemUninterruptibleIgnoresKill)
}

func rwsemUninterruptibleIgnoresKill(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	var s RWSem
	s.DownWrite(ts[0])
	done := make(chan bool)
	go func() { s.DownRead(ts[1]); done <- true }()
	s.queued(t, 1)
	ts[1].Kill(nil)
	s.queued(t, 1)
	s.UpWrite(ts[0])
	<-done
	s.UpRead(ts[1])
	r.want(t)
}

func TestRWSemMisuse(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := NewDomain(task.SlotRCU)
	d.Register(ts[0])
	var s RWSem
	s.UpRead(ts[0])
	s.UpWrite(ts[0])
	s.DowngradeWrite(ts[0])
	r.want(t, "unlock-not-held", "unlock-not-held", "unlock-not-held")
	s.DownWrite(ts[0])
	s.UpWrite(ts[1])
	s.DowngradeWrite(ts[1])
	s.UpRead(ts[1])
	r.want(t, "unlock-not-held", "unlock-not-held", "unlock-not-held")
	if !s.WriteHeldBy(ts[0]) {
		t.Error("a stranger's unlock took the lock away")
	}
	s.UpWrite(ts[0])
	d.ReadLock(ts[0])
	s.DownRead(ts[0])
	r.want(t, "sleep-in-rcu")
}

// TestRWSemStress: many tasks take the lock in every way, are killed, give up, downgrade; a task inside checks which
// others are.
func TestRWSemStress(t *testing.T) {
	r := &reports{}
	var s RWSem
	var readers, writers, downgraded, interrupted atomic.Int32
	value := 0 // plain: the race detector watches it
	check := func(what string, ok bool) {
		if !ok {
			t.Errorf("%s beside %d readers, %d writers, %d downgraded", what, readers.Load(), writers.Load(), downgraded.Load())
		}
	}
	read := func(tk *task.Task) {
		readers.Add(1)
		check("reader", writers.Load() == 0)
		_ = value
		readers.Add(-1)
		s.UpRead(tk)
	}
	write := func(tk *task.Task, downgrade bool) {
		check("writer", writers.Add(1) == 1 && readers.Load() == 0 && downgraded.Load() == 0)
		value++
		writers.Add(-1)
		if !downgrade {
			s.UpWrite(tk)
			return
		}
		s.DowngradeWrite(tk)
		check("downgraded", downgraded.Add(1) == 1 && writers.Load() == 0)
		_ = value
		downgraded.Add(-1)
		s.UpRead(tk)
	}
	together(r.tasks(6), func(tk *task.Task) {
		if tk.ID == 5 {
			tk.Kill(nil) // all its killable waits end at once
		}
		rng := rand.New(rand.NewPCG(1, uint64(tk.ID)))
		for range 1500 {
			switch rng.IntN(6) {
			case 0, 1:
				s.DownRead(tk)
				read(tk)
			case 2:
				s.DownWrite(tk)
				write(tk, rng.IntN(2) == 0)
			case 3:
				if s.DownWriteKillable(tk) != nil {
					interrupted.Add(1)
					continue
				}
				write(tk, rng.IntN(2) == 0)
			case 4:
				if s.DownReadKillable(tk) != nil {
					interrupted.Add(1)
					continue
				}
				read(tk)
			case 5:
				if s.DownWriteTrylock(tk) {
					write(tk, false)
				} else if s.DownReadTrylock(tk) {
					read(tk)
				}
			}
		}
	})
	if s.Held() || s.Contended() {
		t.Error("something is left")
	}
	t.Logf("%d waits were interrupted", interrupted.Load())
	r.want(t)
}
