package task

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"vmasim/internal/linux"
)

func TestAwaitParksUntilUnparked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := New(0, "t", nil)
		var flag, done atomic.Bool
		go func() {
			if err := tk.Await(OpMutexWait, nil, Uninterruptible, flag.Load); err != nil {
				t.Error(err)
			}
			done.Store(true)
		}()
		synctest.Wait()
		tk.Unpark() // spurious
		synctest.Wait()
		if done.Load() {
			t.Fatal("went on too early")
		}
		flag.Store(true)
		tk.Unpark()
		synctest.Wait()
		if !done.Load() {
			t.Error("still waits")
		}
	})
}

func TestAwaitKillable(t *testing.T) {
	never := func() bool { return false }
	var tk *Task
	synctest.Test(t, func(t *testing.T) {
		tk = New(0, "t", nil)
		done := make(chan error)
		go func() { done <- tk.Await(OpMutexWait, nil, Killable, never) }()
		synctest.Wait() // until it is parked
		tk.Kill(nil)
		if err := <-done; !errors.Is(err, linux.EINTR) {
			t.Errorf("the wait ended with %v", err)
		}
	})
	if err := tk.Await(OpMutexWait, nil, Killable|Polled, never); !errors.Is(err, linux.EINTR) {
		t.Errorf("a killed task's wait ended with %v", err)
	}
	if err := tk.Await(OpMutexWait, nil, Killable, func() bool { return true }); err != nil {
		t.Errorf("a killed task's wait for what holds: %v", err)
	}
}

func TestAwaitUninterruptibleIgnoresKill(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Kill(nil)
	looks := 0
	if err := tk.Await(OpMutexWait, nil, Polled, func() bool { looks++; return looks > 2*spins }); err != nil {
		t.Error(err)
	}
}

func TestAwaitPolledNeedsNoWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := New(0, "t", nil)
		var flag atomic.Bool
		time.AfterFunc(2*time.Millisecond, func() { flag.Store(true) })
		if err := tk.Await(OpGracePeriodWait, nil, Polled, flag.Load); err != nil {
			t.Error(err)
		}
	})
}

func TestAwaitInsideReadSection(t *testing.T) {
	var got []Violation
	tk := New(0, "t", func(v Violation) { got = append(got, v) })
	tk.Sections[SlotRCU].Depth = 1
	if err := tk.Await(OpMutexWait, nil, Uninterruptible, func() bool { return true }); err != nil {
		t.Error(err)
	}
	if len(got) != 1 || got[0].Oracle != "sleep-in-rcu" {
		t.Errorf("reported %v", got)
	}
}

func TestPrepareToWaitForgetsWakeUps(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Unpark()
	tk.Unpark()
	tk.PrepareToWait()
	tk.PrepareToWait()
	if len(tk.wake) != 0 {
		t.Error("a wake-up is left")
	}
}

func TestAwaitAnnounces(t *testing.T) {
	var log observerLog
	tk := New(0, "t", nil)
	tk.Observer = &log
	var cell int
	looks := 0
	third := func() bool { looks++; return looks == 3 }
	if err := tk.Await(OpMutexWait, unsafe.Pointer(&cell), Polled, third); err != nil {
		t.Error(err)
	}
	if len(log.before) != 1 || log.before[0].Enabled == nil || log.before[0].Addr != unsafe.Pointer(&cell) || log.before[0].Killable {
		t.Errorf("announced %+v", log.before)
	}
	tk.Kill(nil)
	err := tk.Await(OpRCUWaitEvent, unsafe.Pointer(&cell), Killable|Handshake, func() bool { return false })
	if last := log.after[len(log.after)-1]; !errors.Is(err, linux.EINTR) || !last.Interrupted {
		t.Errorf("error %v, announced %+v", err, last)
	}
}

// observerLog records what is announced.
type observerLog struct {
	NoObserver
	before, after []Event
	born, died    []unsafe.Pointer
}

func (l *observerLog) Before(_ *Task, e *Event)                     { l.before = append(l.before, *e) }
func (l *observerLog) After(_ *Task, e *Event)                      { l.after = append(l.after, *e) }
func (l *observerLog) Born(_ *Task, base unsafe.Pointer, _ *Layout) { l.born = append(l.born, base) }
func (l *observerLog) Died(_ *Task, base unsafe.Pointer)            { l.died = append(l.died, base) }

// TestSleep: a task sleeps until it is woken, whatever it waits for.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := New(0, "t", nil)
		var done atomic.Bool
		tk.PrepareToWait()
		go func() {
			tk.Sleep(nil, Uninterruptible)
			done.Store(true)
		}()
		synctest.Wait()
		if done.Load() {
			t.Fatal("it does not sleep")
		}
		tk.Unpark()
		synctest.Wait()
		if !done.Load() {
			t.Error("it still sleeps")
		}
	})
}

// TestPanicked: what a task panics with is told with the function that it was in.
func TestPanicked(t *testing.T) {
	tk := New(0, "t", nil)
	defer func() {
		if v := tk.Panicked(recover()); v.Oracle != "panic" || v.Message != "broken" || v.Task != "t" {
			t.Errorf("%+v", v)
		}
	}()
	panic("broken")
}
