package ksync

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"vmasim/internal/task"
)

func domainOf(ts []*task.Task) *Domain {
	d := NewDomain(task.SlotRCU)
	for _, t := range ts {
		d.Register(t)
	}
	return d
}

func TestSynchronizeWaitsForSectionsInProgress(t *testing.T) {
	synctest.Test(t, synchronizeBesideSections)
}

func synchronizeBesideSections(t *testing.T) {
	r := &reports{}
	ts := r.tasks(3)
	d := domainOf(ts)
	d.ReadLock(ts[0])
	d.ReadLock(ts[0]) // nested
	done := make(chan struct{})
	go func() { d.Synchronize(ts[1]); close(done) }()
	synctest.Wait() // it sleeps between two looks
	if e := d.epoch.Load(); e != 2 {
		t.Errorf("epoch %d: no grace period has begun", e)
	}
	d.ReadLock(ts[2]) // begins later: it is not waited for
	d.ReadUnlock(ts[0])
	select {
	case <-done:
		t.Error("the grace period ended inside a section")
	case <-time.After(time.Second): // of the bubble's clock: many looks
	}
	d.ReadUnlock(ts[0])
	<-done
	if d.GracePeriods() != 1 {
		t.Errorf("%d grace periods", d.GracePeriods())
	}
	d.ReadUnlock(ts[2])
	r.want(t)
}

func TestDomainMisuse(t *testing.T) {
	r := &reports{}
	ts := r.tasks(1)
	d := domainOf(ts)
	ran := false
	d.Call(ts[0], func(*task.Task) { ran = true })
	d.ReadLock(ts[0])
	d.Synchronize(ts[0])
	d.Barrier(ts[0])
	r.want(t, "sleep-in-rcu", "sleep-in-rcu")
	if ran || d.Pending() != 1 {
		t.Error("a callback ran inside a section")
	}
	d.Unregister(ts[0])
	r.want(t, "section-leaked")
	d.ReadUnlock(ts[0])
	d.ReadUnlock(ts[0])
	r.want(t, "unlock-not-held")
	d.Register(ts[0])
	d.ReadLock(ts[0])
	if ts[0].Sections[task.SlotRCU].Epoch.Load() == 0 {
		t.Error("after the surplus unlock sections do not count")
	}
	d.ReadUnlock(ts[0])
	d.Barrier(ts[0])
	if !ran {
		t.Error("the callback did not run")
	}
	r.want(t)
}

func TestUnregisteredTaskIsNotWaitedFor(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := domainOf(ts)
	d.Unregister(ts[1])
	d.Synchronize(ts[0])
	if n := len(*d.tasks.Load()); n != 1 {
		t.Errorf("%d tasks registered", n)
	}
	r.want(t)
}

func TestCallBatches(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := domainOf(ts)
	ran := 0
	call := func(n int) {
		for range n {
			d.Call(ts[0], func(*task.Task) { ran++ })
		}
	}
	call(callBatch - 1)
	if ran != 0 || d.GracePeriods() != 0 {
		t.Errorf("%d callbacks ran before a batch was full", ran)
	}
	d.ReadLock(ts[1])
	call(10 * callBatch)
	if ran != 0 || d.Pending() != 11*callBatch-1 {
		t.Errorf("%d callbacks ran beside a section, %d wait", ran, d.Pending())
	}
	d.ReadUnlock(ts[1])
	call(1)
	if ran != callBatch || d.GracePeriods() != 1 {
		t.Errorf("%d callbacks ran after %d grace periods", ran, d.GracePeriods())
	}
	d.Barrier(ts[0])
	if ran != 11*callBatch || d.Pending() != 0 {
		t.Errorf("after the barrier %d ran, %d wait", ran, d.Pending())
	}
	r.want(t)
}

func TestCallsEndGracePeriodsEarly(t *testing.T) {
	r := &reports{}
	ts := r.tasks(1)
	d := domainOf(ts)
	d.EndEarly()
	ran := 0
	call := func() { d.Call(ts[0], func(*task.Task) { ran++ }) }
	ts[0].Observer = chooses{what: task.GraceDelayed}
	for range 3 * callBatch {
		call()
	}
	if ran != 0 {
		t.Errorf("%d ran though no grace period was to end", ran)
	}
	ts[0].Observer = chooses{}
	call()
	call()
	if ran != 3*callBatch+1 {
		t.Errorf("%d ran", ran)
	}
}

// TestCallsDoNotLook: where grace periods are to end late, only a barrier runs callbacks, however many wait, and nothing is chosen.
func TestCallsDoNotLook(t *testing.T) {
	r := &reports{}
	ts := r.tasks(1)
	d := domainOf(ts)
	early := d.CallsLook()
	d.EndLate()
	ran := 0
	ts[0].Observer = chooses{what: task.GraceDelayed}
	for range 3 * callBatch {
		d.Call(ts[0], func(*task.Task) { ran++ })
	}
	ts[0].Observer = nil
	d.Call(ts[0], func(*task.Task) { ran++ })
	if ran != 0 || !early || d.CallsLook() {
		t.Errorf("%d ran; looks: %v, then %v", ran, early, d.CallsLook())
	}
	if d.Barrier(ts[0]); ran != 3*callBatch+1 {
		t.Errorf("%d ran in the barrier", ran)
	}
	r.want(t)
}

// TestBarrierWaitsForRunningCallbacks: also for those that another task has taken and is running.
func TestBarrierWaitsForRunningCallbacks(t *testing.T) {
	synctest.Test(t, barrierBesideCallback)
}

func barrierBesideCallback(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := domainOf(ts)
	started, finish := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	d.Call(ts[0], func(*task.Task) {
		close(started)
		<-finish
		finished.Store(true)
	})
	go d.Barrier(ts[0])
	<-started
	time.AfterFunc(time.Second, func() { close(finish) }) // of the bubble's clock: when the other barrier waits, too
	d.Barrier(ts[1])
	if !finished.Load() {
		t.Error("the barrier did not wait")
	}
	r.want(t)
}

// TestSectionsSeeNoPoison: readers follow a pointer to an object that writers replace and poison after a grace period,
// waited for in each of the ways. No reader may see poison.
func TestSectionsSeeNoPoison(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		readers := rapid.IntRange(1, 3).Draw(rt, "readers")
		writers := rapid.IntRange(1, 2).Draw(rt, "writers")
		ways := rapid.SliceOfN(rapid.IntRange(0, 2), 10, 40).Draw(rt, "ways")
		r := &reports{}
		ts := r.tasks(readers + writers)
		d := domainOf(ts)
		type object struct{ poisoned atomic.Bool }
		var current atomic.Pointer[object]
		current.Store(&object{})
		var writing, poisoned atomic.Int32
		writing.Store(int32(writers))
		together(ts, func(tk *task.Task) {
			if tk.ID < readers {
				for writing.Load() > 0 {
					d.ReadLock(tk)
					o := current.Load()
					for range 20 {
						if o.poisoned.Load() {
							rt.Error("a reader sees poison")
						}
					}
					d.ReadUnlock(tk)
					runtime.Gosched() // on a busy machine the writers need the processor
				}
				return
			}
			for _, way := range ways {
				old := current.Swap(&object{})
				poison := func(*task.Task) { old.poisoned.Store(true); poisoned.Add(1) }
				switch way {
				case 0:
					d.Synchronize(tk)
					poison(tk)
				case 1:
					d.Call(tk, poison)
				case 2:
					d.Call(tk, poison)
					d.Barrier(tk)
				}
			}
			writing.Add(-1)
		})
		d.Barrier(ts[0])
		if int(poisoned.Load()) != writers*len(ways) {
			rt.Errorf("%d of %d callbacks ran", poisoned.Load(), writers*len(ways))
		}
		if len(r.all) > 0 {
			rt.Error(r.all)
		}
	})
}

// TestLazySections has readers in a lazy domain look at an object that a writer replaces, and poisons after a grace period.
func TestLazySections(t *testing.T) {
	r := &reports{}
	ts := r.tasks(3)
	d := NewLazyDomain(task.SlotRCU)
	for _, tk := range ts {
		d.Register(tk)
	}
	const poison = 1 << 40
	var current Pointer[Atomic64]
	current.Init(&Atomic64{})
	var stop atomic.Bool
	bad := make(chan uint64, 2)
	for _, tk := range ts[:2] {
		go func() {
			seen := uint64(0)
			for i := 0; !stop.Load(); i++ {
				d.ReadLock(tk)
				d.ReadLock(tk)
				p := current.ReadOnce(tk)
				d.ReadUnlock(tk)
				runtime.Gosched()
				if v := p.ReadOnce(tk); v == poison {
					seen++
				}
				d.ReadUnlock(tk)
				if i%64 == 0 {
					d.Quiescent(tk)
				}
			}
			d.Unregister(tk)
			bad <- seen
		}()
	}
	writer := ts[2]
	for i := range 3000 {
		old := current.Xchg(writer, &Atomic64{})
		if i%3 == 0 {
			d.Synchronize(writer)
			old.WriteOnce(writer, poison)
			continue
		}
		for cookie := d.StartPoll(writer); !d.Poll(writer, cookie); {
			runtime.Gosched()
		}
		old.WriteOnce(writer, poison)
	}
	stop.Store(true)
	if n := <-bad + <-bad; n > 0 {
		t.Errorf("%d reads of a poisoned object inside a section", n)
	}
	r.want(t)
}

// TestWaitingTaskIsQuiescent lets a grace period of a lazy domain end although a task that was in a section never begins
// another: it waits.
func TestWaitingTaskIsQuiescent(t *testing.T) { synctest.Test(t, waitingTaskIsQuiescent) }

func waitingTaskIsQuiescent(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	d := NewLazyDomain(task.SlotRCU)
	d.Register(ts[0])
	d.Register(ts[1])
	var wake atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.ReadLock(ts[0])
		d.ReadUnlock(ts[0])
		_ = ts[0].Await(task.OpMutexLock, nil, task.Uninterruptible, wake.Load)
	}()
	parked(t, "the waiting task's section ends", func() bool { return d.Poll(ts[1], d.StartPoll(ts[1])) })
	wake.Store(true)
	ts[0].Unpark()
	<-done
}

func TestPollingIsAnnounced(t *testing.T) {
	tk, ev, _ := observed(0)
	other := new(reports).tasks(1)[0]
	d := domainOf([]*task.Task{other})
	d.ReadLock(other)
	cookie := d.StartPoll(tk)
	before := d.Poll(tk, cookie)
	d.ReadUnlock(other)
	if after := d.Poll(tk, cookie); before || !after {
		t.Errorf("the grace period has ended: %v inside the section, %v afterwards", before, after)
	}
	var got []string
	for _, e := range ev.after {
		got = append(got, fmt.Sprint(e.Op, " ", e.New))
		if e.Addr != unsafe.Pointer(d) {
			t.Errorf("%s of another cell", e.Op)
		}
	}
	if want := []string{"start_poll_synchronize_rcu 2", "poll_state_synchronize_rcu 0", "poll_state_synchronize_rcu 1"}; !slices.Equal(got, want) {
		t.Errorf("announced %v, want %v", got, want)
	}
}
