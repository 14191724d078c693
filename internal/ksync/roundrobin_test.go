package ksync_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore"
	"vmasim/explore/exploretest"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// The cells run here under an observer that blocks and orders the tasks: the same cells, with no change. Every order is tried, so that
// nothing rests on which steps the explorer takes for independent.

// every executes the worlds that next makes in every order, until what wrong reports fails one.
func every(next func(wrong func(string)) exploretest.World) (executions int, err error) {
	return exploretest.Search(explore.Options{Strategy: explore.DFS}, func(report func(task.Violation)) exploretest.World {
		return next(func(message string) { report(task.Violation{Oracle: "test", Message: message}) })
	})
}

// right fails the test if one of the worlds fails.
func right(t *testing.T, next func(wrong func(string)) exploretest.World) {
	t.Helper()
	n, err := every(next)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d executions", n)
}

func world(bodies ...func(*task.Task)) exploretest.World { return exploretest.World{Bodies: bodies} }

func TestObservedSpinLockAndMutexExclude(t *testing.T) {
	type locker interface {
		Lock(*task.Task)
		Unlock(*task.Task)
	}
	for _, made := range []func() locker{func() locker { return &ksync.SpinLock{} }, func() locker { return &ksync.Mutex{} }} {
		right(t, func(wrong func(string)) exploretest.World {
			lock := made()
			var count ksync.Plain[int]
			body := func(t *task.Task) {
				lock.Lock(t)
				count.Write(t, count.Read(t)+1)
				lock.Unlock(t)
			}
			w := world(body, body, body)
			w.Check = func() {
				if count.Peek() != 3 {
					wrong("an increment is lost")
				}
			}
			return w
		})
	}
}

// TestObservedRaceIsFound: without the lock some order loses an increment.
func TestObservedRaceIsFound(t *testing.T) {
	n, err := every(func(wrong func(string)) exploretest.World {
		var count ksync.Plain[int]
		body := func(t *task.Task) { count.Write(t, count.Read(t)+1) }
		w := world(body, body)
		w.Check = func() {
			if count.Peek() != 2 {
				wrong("an increment is lost")
			}
		}
		return w
	})
	if err == nil || !strings.Contains(err.Error(), "an increment is lost") {
		t.Errorf("%d executions, error %v", n, err)
	}
}

func TestObservedRWSem(t *testing.T) {
	right(t, func(wrong func(string)) exploretest.World {
		var sem ksync.RWSem
		var a, b ksync.Plain[int]
		writer := func(t *task.Task) {
			sem.DownWrite(t)
			a.Write(t, 1)
			b.Write(t, 1)
			sem.DowngradeWrite(t)
			sem.UpRead(t)
		}
		reader := func(t *task.Task) {
			sem.DownRead(t)
			if a.Read(t) != b.Read(t) {
				wrong("a reader got in")
			}
			sem.UpRead(t)
		}
		w := world(writer, reader, reader)
		w.Check = func() {
			if sem.Held() {
				wrong("the semaphore is held at the end")
			}
		}
		return w
	})
}

// TestObservedRWSemSteals: where a writer may have to try, another that came later can be first, and a reader, too; they exclude each other all the
// same, none is left waiting, and the reduced search sees each order that the plain one sees.
func TestObservedRWSemSteals(t *testing.T) {
	orders := func(strategy explore.Strategy, choices ...task.Choice) map[string]bool {
		seen := map[string]bool{}
		_, err := exploretest.Search(explore.Options{Strategy: strategy, Choices: choices, MaxChosen: 2}, func(report func(task.Violation)) exploretest.World {
			var sem ksync.RWSem
			var steps ksync.Plain[int]
			inside, order := 0, ""
			enter := func(name string, writers int) {
				order += name
				if inside != 0 {
					report(task.Violation{Oracle: "test", Message: "not alone"})
				}
				inside += writers
			}
			writer := func(name string) func(*task.Task) {
				return func(t *task.Task) {
					sem.DownWrite(t)
					enter(name, 1)
					steps.Write(t, steps.Read(t)+1)
					inside--
					sem.UpWrite(t)
				}
			}
			w := world(
				func(t *task.Task) {
					if sem.DownWriteTrylock(t) {
						sem.UpWrite(t)
						return
					}
					if sem.Contended() { // b waits, and is known to: c cannot come before it but by stealing
						order += "?"
					}
					sem.DownWrite(t)
					enter("c", 0)
					sem.UpWrite(t)
				}, writer("a"), writer("b"))
			w.Check = func() {
				if sem.Held() || sem.Contended() {
					report(task.Violation{Oracle: "test", Message: "something is left"})
				}
				seen[order] = true
			}
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	fifo, steal, reduced := orders(explore.DFS), orders(explore.DFS, task.Steal), orders(explore.DPOR, task.Steal)
	t.Log(fifo, steal)
	if fifo["a?cb"] || !steal["a?cb"] {
		t.Errorf("first come, first served: %v; stealing: %v", fifo, steal)
	}
	for o := range fifo {
		if !steal[o] {
			t.Errorf("stealing never shows %q", o)
		}
	}
	if !maps.Equal(steal, reduced) {
		t.Errorf("the plain search sees %v, the reduced one %v", steal, reduced)
	}
}

func TestObservedRWSemWaitsShow(t *testing.T) {
	var sem ksync.RWSem
	w := world(
		func(t *task.Task) { sem.DownWrite(t); sem.UpWrite(t) },
		func(t *task.Task) { sem.DownRead(t); sem.UpRead(t) })
	w.Names = map[unsafe.Pointer]string{unsafe.Pointer(&sem): "mmap_lock"}
	res, err := exploretest.Run(nil, w)
	want := strings.TrimPrefix(`
a down_write mmap_lock 0x0->0x100000000
b down_read mmap_lock 0x100000000->0x300000000
a up_write mmap_lock 0x300000000->0x1
b rwsem wait mmap_lock
b up_read mmap_lock 0x1->0x0
`, "\n")
	if err != nil || res.Log() != want {
		t.Errorf("error %v, log\n%swant\n%s", err, res.Log(), want)
	}
}

// handshake is one task that waits for another through an RCUWait.
func handshake(wait, wake func(*ksync.RCUWait, *ksync.Atomic32, *task.Task)) exploretest.World {
	var r ksync.RCUWait
	var flag ksync.Atomic32
	w := world(
		func(t *task.Task) { wait(&r, &flag, t) },
		func(t *task.Task) { wake(&r, &flag, t) })
	w.Names = map[unsafe.Pointer]string{unsafe.Pointer(&flag): "flag"}
	return w
}

func waitEvent(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
	_ = w.WaitEvent(t, unsafe.Pointer(flag), task.Uninterruptible, func() bool { return flag.Peek() == 1 })
}

func actAndWake(w *ksync.RCUWait, flag *ksync.Atomic32, t *task.Task) {
	flag.WriteOnce(t, 1)
	w.WakeUp(t)
}

func TestObservedRCUWaitHandshake(t *testing.T) {
	right(t, func(func(string)) exploretest.World { return handshake(waitEvent, actAndWake) })
}

// TestObservedBrokenHandshakes: each of these loses the wake-up in some order, and the explorer names the waiter.
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
			n, err := every(func(func(string)) exploretest.World { return handshake(c.wait, c.wake) })
			var f *exploretest.Failure
			if !errors.As(err, &f) || f.Found.Ending != explore.LostWakeUp {
				t.Fatalf("%d executions, error %v", n, err)
			}
			if got := f.Blocked; len(got) != 1 || got[0].Task != "a" || got[0].Op != task.OpSchedule || got[0].Cell != "flag" {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestObservedGracePeriod: a reader that found an object keeps it from being poisoned, in every order.
func TestObservedGracePeriod(t *testing.T) {
	right(t, func(wrong func(string)) exploretest.World {
		d := ksync.NewDomain(task.SlotRCU)
		var shared ksync.Pointer[ksync.Atomic32]
		var object, replacement ksync.Atomic32
		w := world(
			func(t *task.Task) {
				d.ReadLock(t)
				if shared.ReadOnce(t).ReadOnce(t) != 0 {
					wrong("the reader sees poison")
				}
				d.ReadUnlock(t)
			},
			func(t *task.Task) {
				shared.StoreRelease(t, &replacement)
				d.Synchronize(t)
				object.WriteOnce(t, poison)
			})
		w.New = func(i int, name string) *task.Task {
			t := task.New(i, name, nil)
			d.Register(t)
			if i == 0 {
				shared.WriteOnce(t, &object)
			}
			return t
		}
		return w
	})
}

const poison = 0x6b6b6b6b

// TestObservedKill: a killable waiter goes on when it is killed; one that is not killable is a deadlock.
func TestObservedKill(t *testing.T) {
	for _, killable := range []bool{true, false} {
		var sem ksync.RWSem
		var victim *task.Task
		var got error
		w := world(
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
			})
		recursive := func(task.Violation) {}
		w.New = func(i int, name string) *task.Task { return task.New(i, name, recursive) }
		_, err := exploretest.Run(nil, w)
		var f *exploretest.Failure
		if killable != (got != nil) || killable == (errors.As(err, &f) && f.Found.Ending == explore.Deadlock) {
			t.Errorf("killable %v: the waiter got %v, the run %v", killable, got, err)
		}
	}
}
