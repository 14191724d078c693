package ksync

import (
	"errors"
	"testing"
	"testing/synctest"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestRCUWaitLosesNoWakeUp passes a token to and fro, by a full barrier and by a relaxed store. A lost wake-up hangs it.
func TestRCUWaitLosesNoWakeUp(t *testing.T) {
	const rounds = 20000
	for name, pass := range map[string]func(*Atomic32, *task.Task){
		"rmw":     func(turn *Atomic32, tk *task.Task) { turn.FetchAdd(tk, 1) },
		"relaxed": func(turn *Atomic32, tk *task.Task) { turn.WriteOnce(tk, turn.ReadOnce(tk)+1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := &reports{}
			var waits [2]RCUWait
			var turn Atomic32
			together(r.tasks(2), func(tk *task.Task) {
				me := uint32(tk.ID)
				for range rounds {
					err := waits[me].WaitEvent(tk, unsafe.Pointer(&turn), task.Uninterruptible, func() bool { return turn.Peek()%2 == me })
					if err != nil {
						t.Error(err)
					}
					pass(&turn, tk)
					waits[1-me].WakeUp(tk)
				}
			})
			if turn.Peek() != 2*rounds {
				t.Errorf("the token went %d times", turn.Peek())
			}
			r.want(t)
		})
	}
}

func TestRCUWaitKillable(t *testing.T) { synctest.Test(t, rcuWaitKillable) }

func rcuWaitKillable(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	var w RCUWait
	var never Atomic32
	done := make(chan error)
	go func() {
		done <- w.WaitEvent(ts[0], unsafe.Pointer(&never), task.Killable, func() bool { return never.Peek() == 1 })
	}()
	parked(t, "the task waits", func() bool { return w.waiter.Peek() == ts[0] })
	w.WakeUp(ts[1]) // to no avail
	ts[0].Kill(nil)
	if err := <-done; !errors.Is(err, linux.EINTR) {
		t.Errorf("the wait ended with %v", err)
	}
	if w.waiter.Peek() != nil {
		t.Error("the waiter is still announced")
	}
	w.WakeUp(ts[1]) // without a waiter
	if err := w.WaitEvent(ts[0], unsafe.Pointer(&never), task.Killable, func() bool { return true }); err != nil {
		t.Errorf("a wait for what holds: %v", err)
	}
	r.want(t)
}

func TestRCUWaitAnnouncesHandshake(t *testing.T) {
	tk, ev, _ := observed(0)
	var w RCUWait
	var flag Atomic32
	looks := 0
	err := w.WaitEvent(tk, unsafe.Pointer(&flag), task.Uninterruptible, func() bool {
		looks++
		tk.Unpark() // a wake-up that comes before the sleep ends it
		return looks == 2
	})
	var ops []task.Op
	for _, e := range ev.after {
		ops = append(ops, e.Op)
	}
	want := [...]task.Op{task.OpXchg, task.OpRCUWaitEvent, task.OpSchedule, task.OpRCUWaitEvent, task.OpWriteOnce}
	if err != nil || len(ops) != len(want) || [5]task.Op(ops) != want {
		t.Errorf("error %v, announced %v", err, ops)
	}
}

// TestWaitAfterLook: the task sleeps though its condition holds by now, until it is woken, and is known to wait meanwhile.
func TestWaitAfterLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		ts := r.tasks(2)
		var w RCUWait
		var word Atomic32
		done := make(chan error, 1)
		go func() {
			done <- w.WaitAfterLook(ts[0], unsafe.Pointer(&word), task.Uninterruptible, func() bool { return word.Peek() == 1 })
		}()
		synctest.Wait()
		word.WriteOnce(ts[1], 1)
		synctest.Wait()
		if len(done) != 0 || !w.Awaited(ts[1]) {
			t.Fatal("it does not sleep, or nothing tells that it waits")
		}
		w.WakeUp(ts[1])
		synctest.Wait()
		if len(done) != 1 || <-done != nil || w.Awaited(ts[1]) {
			t.Error("it still waits")
		}
		r.want(t)
	})
}
