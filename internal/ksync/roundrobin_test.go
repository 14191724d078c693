package ksync_test

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
)

// The cells run here under an observer that blocks and orders the tasks: the same cells, with no change.

func explore(t *testing.T, run func(tasktest.Turn) (tasktest.Result, error)) {
	t.Helper()
	n, err := tasktest.Explore(200_000, func(turn tasktest.Turn) (tasktest.Result, error) {
		res, err := run(turn)
		if err == nil && len(res.Violations) > 0 {
			err = errors.New(res.Violations[0].String())
		}
		return res, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d schedules", n)
}

func program(bodies ...func(t *task.Task)) []tasktest.Task {
	var p []tasktest.Task
	for i, b := range bodies {
		p = append(p, tasktest.Task{Name: string(rune('a' + i)), Body: b})
	}
	return p
}

func TestObservedSpinLockAndMutexExclude(t *testing.T) {
	for _, lock := range []interface {
		Lock(*task.Task)
		Unlock(*task.Task)
	}{&ksync.SpinLock{}, &ksync.Mutex{}} {
		explore(t, func(turn tasktest.Turn) (tasktest.Result, error) {
			var count ksync.Plain[int]
			body := func(t *task.Task) {
				lock.Lock(t)
				count.Write(t, count.Read(t)+1)
				lock.Unlock(t)
			}
			res, err := tasktest.Run(tasktest.Config{Turn: turn}, program(body, body, body)...)
			if err == nil && count.Peek() != 3 {
				err = errors.New("an increment is lost")
			}
			return res, err
		})
	}
}

// TestObservedRaceIsFound: without the lock some schedule loses an increment.
func TestObservedRaceIsFound(t *testing.T) {
	lost := errors.New("an increment is lost")
	n, err := tasktest.Explore(100, func(turn tasktest.Turn) (tasktest.Result, error) {
		var count ksync.Plain[int]
		body := func(t *task.Task) { count.Write(t, count.Read(t)+1) }
		res, err := tasktest.Run(tasktest.Config{Turn: turn}, program(body, body)...)
		if err == nil && count.Peek() != 2 {
			err = lost
		}
		return res, err
	})
	if !errors.Is(err, lost) {
		t.Errorf("%d schedules, error %v", n, err)
	}
}

func TestObservedRWSem(t *testing.T) {
	explore(t, func(turn tasktest.Turn) (tasktest.Result, error) {
		var sem ksync.RWSem
		var a, b ksync.Plain[int]
		torn := false
		writer := func(t *task.Task) {
			sem.DownWrite(t)
			a.Write(t, 1)
			b.Write(t, 1)
			sem.DowngradeWrite(t)
			sem.UpRead(t)
		}
		reader := func(t *task.Task) {
			sem.DownRead(t)
			torn = torn || a.Read(t) != b.Read(t)
			sem.UpRead(t)
		}
		res, err := tasktest.Run(tasktest.Config{Turn: turn}, program(writer, reader, reader)...)
		if err == nil && (torn || sem.Held()) {
			err = errors.New("a reader got in, or somebody is left")
		}
		return res, err
	})
}

func TestObservedRWSemWaitsShow(t *testing.T) {
	var sem ksync.RWSem
	cfg := tasktest.Config{Names: map[unsafe.Pointer]string{unsafe.Pointer(&sem): "mmap_lock"}}
	res, err := tasktest.Run(cfg, program(
		func(t *task.Task) { sem.DownWrite(t); sem.UpWrite(t) },
		func(t *task.Task) { sem.DownRead(t); sem.UpRead(t) })...)
	want := strings.TrimPrefix(`
a down_write mmap_lock 0x0->0x100000000
b down_read mmap_lock 0x100000000->0x300000000
a up_write mmap_lock 0x300000000->0x1
b rwsem wait mmap_lock
b up_read mmap_lock 0x1->0x0
`, "\n")
	if err != nil || res.Log != want {
		t.Errorf("error %v, log\n%swant\n%s", err, res.Log, want)
	}
}

// handshake is one task that waits for another through an RCUWait.
func handshake(turn tasktest.Turn, wait, wake func(*ksync.RCUWait, *ksync.Atomic32, *task.Task)) (tasktest.Result, error) {
	var w ksync.RCUWait
	var flag ksync.Atomic32
	cfg := tasktest.Config{Turn: turn, Names: map[unsafe.Pointer]string{unsafe.Pointer(&flag): "flag"}}
	return tasktest.Run(cfg, program(
		func(t *task.Task) { wait(&w, &flag, t) },
		func(t *task.Task) { wake(&w, &flag, t) })...)
}

func waitEvent(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
	_ = w.WaitEvent(t, unsafe.Pointer(flag), task.Uninterruptible, func() bool { return flag.Peek() == 1 })
}

func actAndWake(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
	flag.WriteOnce(t, 1)
	w.WakeUp(t)
}

func TestObservedRCUWaitHandshake(t *testing.T) {
	explore(t, func(turn tasktest.Turn) (tasktest.Result, error) { return handshake(turn, waitEvent, actAndWake) })
}

// TestObservedBrokenHandshakes: each of these loses the wake-up in some schedule, and the driver names the waiter.
func TestObservedBrokenHandshakes(t *testing.T) {
	for _, c := range []struct {
		name       string
		wait, wake func(*ksync.RCUWait, *ksync.Atomic32, *task.Task)
	}{
		{"check before announce", func(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
			t.PrepareToWait()
			if flag.ReadOnce(t) == 1 {
				return
			}
			first := true // it looked already: it announces itself and goes to sleep
			_ = w.WaitEvent(t, unsafe.Pointer(flag), task.Uninterruptible, func() bool {
				done := !first && flag.Peek() == 1
				first = false
				return done
			})
		}, actAndWake},
		{"wake before act", waitEvent, func(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
			w.WakeUp(t)
			flag.WriteOnce(t, 1)
		}},
		{"no wake", waitEvent, func(_ *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) { flag.WriteOnce(t, 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := tasktest.Explore(10_000, func(turn tasktest.Turn) (tasktest.Result, error) { return handshake(turn, c.wait, c.wake) })
			var deadlock *tasktest.DeadlockError
			if !errors.As(err, &deadlock) {
				t.Fatalf("%d schedules, error %v", n, err)
			}
			if got := deadlock.Waiting; len(got) != 1 || got[0].Task != "a" || got[0].Op != "schedule" || got[0].Cell != "flag" {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestObservedGracePeriod: a reader that found an object keeps it from being poisoned, in every schedule.
func TestObservedGracePeriod(t *testing.T) {
	explore(t, func(turn tasktest.Turn) (tasktest.Result, error) {
		d := ksync.NewDomain(task.SlotRCU)
		var shared ksync.Pointer[ksync.Atomic32]
		var object, replacement ksync.Atomic32
		poisoned := false
		cfg := tasktest.Config{Turn: turn, New: func(id int, name string, report func(task.Violation)) *task.Task {
			t := task.New(id, name, report)
			d.Register(t)
			if id == 0 {
				shared.WriteOnce(t, &object)
			}
			return t
		}}
		res, err := tasktest.Run(cfg, program(
			func(t *task.Task) {
				d.ReadLock(t)
				poisoned = shared.ReadOnce(t).ReadOnce(t) != 0
				d.ReadUnlock(t)
			},
			func(t *task.Task) {
				shared.StoreRelease(t, &replacement)
				d.Synchronize(t)
				object.WriteOnce(t, poison)
			})...)
		if err == nil && poisoned {
			err = errors.New("the reader sees poison")
		}
		return res, err
	})
}

const poison = 0x6b6b6b6b

// TestObservedKill: a killable waiter goes on when it is killed; one that is not killable is a deadlock.
func TestObservedKill(t *testing.T) {
	for _, killable := range []bool{true, false} {
		var sem ksync.RWSem
		var victim *task.Task
		var got error
		_, err := tasktest.Run(tasktest.Config{}, program(
			func(t *task.Task) {
				victim = t
				sem.DownWrite(t)
				if killable {
					got = sem.DownWriteKillable(t) // waits for itself
				} else {
					sem.DownWrite(t)
				}
			},
			func(t *task.Task) {
				var step ksync.Atomic32
				for !sem.Contended() {
					step.ReadOnce(t)
				}
				victim.Kill(t)
			})...)
		var deadlock *tasktest.DeadlockError
		if killable != (got != nil) || killable == errors.As(err, &deadlock) {
			t.Errorf("killable %v: the waiter got %v, the run %v", killable, got, err)
		}
	}
}
