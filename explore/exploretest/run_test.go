package exploretest_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore"
	"vmasim/explore/exploretest"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// adders returns a world whose tasks each add 1 to a counter n times under a spinlock.
func adders(tasks, n int) exploretest.World {
	var lock ksync.SpinLock
	var count ksync.Plain[uint64]
	return exploretest.World{
		Names: map[unsafe.Pointer]string{unsafe.Pointer(&lock): "lock", unsafe.Pointer(&count): "count"},
		Bodies: slices.Repeat([]func(*task.Task){func(t *task.Task) {
			t.Enter("add")
			defer t.Leave()
			for range n {
				lock.Lock(t)
				count.Write(t, count.Read(t)+1)
				lock.Unlock(t)
			}
		}}, tasks),
	}
}

func TestLog(t *testing.T) {
	res, err := exploretest.Run(nil, adders(2, 1))
	want := strings.TrimPrefix(`
a spin_lock lock 0x0->0x1 add
a read count 0x0->0x0 add
a write count 0x0->0x1 add
a spin_unlock lock 0x1->0x0 add
b spin_lock lock 0x0->0x1 add
b read count 0x1->0x1 add
b write count 0x1->0x2 add
b spin_unlock lock 0x1->0x0 add
`, "\n")
	if err != nil || res.Log() != want || res.Steps(0) != 4 {
		t.Errorf("error %v, %d steps, log:\n%swant:\n%s", err, res.Steps(0), res.Log(), want)
	}
}

func TestSameOrderSameLog(t *testing.T) {
	logs := map[string]bool{}
	for seed := range uint64(50) {
		first, err := exploretest.Run(exploretest.Random(seed), adders(3, 4))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var order []int
		for _, id := range first.Found.Schedule.Tasks {
			order = append(order, int(id))
		}
		again, _ := exploretest.Run(exploretest.Schedule(order...), adders(3, 4))
		if again.Log() != first.Log() {
			t.Fatalf("seed %d: the same order gives two logs:\n%s\n%s", seed, first.Log(), again.Log())
		}
		logs[first.Log()] = true
	}
	if len(logs) < 40 {
		t.Errorf("50 seeds give %d logs", len(logs))
	}
}

func TestFailureSaysWhoWaitsOnWhat(t *testing.T) {
	var a, b ksync.SpinLock
	lockBoth := func(first, second *ksync.SpinLock) func(*task.Task) {
		return func(t *task.Task) {
			t.Enter("lock_both")
			first.Lock(t)
			defer first.Unlock(t) // runs while the deadlocked task is unwound
			second.Lock(t)
			defer second.Unlock(t)
		}
	}
	_, err := exploretest.Run(exploretest.Schedule(0, 1), exploretest.World{
		Names:  map[unsafe.Pointer]string{unsafe.Pointer(&a): "A", unsafe.Pointer(&b): "B"},
		Bodies: []func(*task.Task){lockBoth(&a, &b), lockBoth(&b, &a)},
	})
	var f *exploretest.Failure
	if !errors.As(err, &f) || f.Found.Ending != explore.Deadlock || f.Blocked[0].Cell != "B" || f.Blocked[1].Cell != "A" {
		t.Fatalf("error %v", err)
	}
	if !strings.HasPrefix(err.Error(), "deadlock: a waits in spin_lock (lock_both); b waits in spin_lock (lock_both)\na spin_lock A") {
		t.Errorf("error %v", err)
	}
}

func TestKilledTaskGoesOn(t *testing.T) {
	var sem ksync.RWSem
	var victim *task.Task
	var got error
	res, err := exploretest.Run(nil, exploretest.World{Bodies: []func(*task.Task){
		func(t *task.Task) {
			sem.DownWrite(t)
			var step ksync.Atomic32
			for !sem.Contended() {
				step.ReadOnce(t)
			}
			victim.Kill(t)
		},
		func(t *task.Task) {
			victim = t
			var step ksync.Atomic32
			for !sem.Held() {
				step.ReadOnce(t)
			}
			got = sem.DownReadKillable(t)
		},
	}})
	if err != nil || got == nil {
		t.Errorf("run: %v, victim: %v", err, got)
	}
	if !strings.Contains(res.Log(), "b rwsem wait cell#1 interrupted") {
		t.Errorf("the log does not show the interrupted wait:\n%s", res.Log())
	}
}

// thing is an object with two cells.
type thing struct {
	Count ksync.Refcount
	ksync.Life
	Next ksync.Pointer[thing]
}

func TestObjectsAreNamed(t *testing.T) {
	layout := &task.Layout{Type: "thing", Size: unsafe.Sizeof(thing{}), Fields: []task.Field{
		{Name: "count", Offset: unsafe.Offsetof(thing{}.Count), Size: 4},
		{Name: "next", Offset: unsafe.Offsetof(thing{}.Next), Size: 8},
	}}
	slab := ksync.NewSlab[thing](ksync.SlabConfig[thing]{Name: "thing", Layout: layout})
	res, err := exploretest.Run(nil, exploretest.World{
		Names: map[unsafe.Pointer]string{unsafe.Pointer(slab): "slab"},
		Bodies: []func(*task.Task){func(t *task.Task) {
			a, _ := slab.Alloc(t)
			b, _ := slab.Alloc(t)
			a.Next.StoreRelease(t, b)
			b.Count.SetRelease(t, 1)
			slab.Free(t, b)
			_, _ = slab.Alloc(t)
			a.Next.ReadOnce(t)
		}},
	})
	want := strings.TrimPrefix(`
a kmem_cache_alloc slab nil->cell#1
a born thing#1
a kmem_cache_alloc slab nil->cell#2
a born thing#2
a smp_store_release thing#1.next nil->thing#2
a refcount_set_release thing#2.count 0x0->0x1
a kmem_cache_free slab thing#2->nil
a died thing#2
a kmem_cache_alloc slab nil->thing#2(freed)
a born thing#3
a READ_ONCE thing#1.next thing#3->thing#3
`, "\n")
	if err != nil || res.Log() != want {
		t.Errorf("error %v, log:\n%swant:\n%s", err, res.Log(), want)
	}
}

// TestBrokenRules: a broken rule and a panic end an execution whose tasks are the world's own.
func TestBrokenRules(t *testing.T) {
	var lock ksync.Mutex
	for want, body := range map[string]func(*task.Task){
		"unlock-not-held": lock.Unlock,
		"panic":           func(*task.Task) { panic("boom") },
	} {
		_, err := exploretest.Run(nil, exploretest.World{Bodies: []func(*task.Task){body}})
		var f *exploretest.Failure
		if !errors.As(err, &f) || f.Found.Kind() != want {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestFailNowReachesTheCaller: wherever the tasks stand, those that have not ended are unwound, and the caller ends.
func TestFailNowReachesTheCaller(t *testing.T) {
	for _, after := range []int{0, 1, 2, 3} {
		var cell ksync.Atomic32
		var lock ksync.SpinLock
		unwound, came := 0, false
		other := func(t *task.Task) {
			defer func() { unwound++ }()
			lock.Lock(t)
			defer lock.Unlock(t) // an operation while the task is unwound
			for {
				cell.ReadOnce(t)
			}
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = exploretest.Run(nil, exploretest.World{Bodies: []func(*task.Task){
				other, other, func(t *task.Task) {
					for range after {
						cell.ReadOnce(t)
					}
					runtime.Goexit()
				}, other,
			}})
			came = true
		}()
		<-done
		// The last is not begun yet when the other ends before its first step.
		if want := map[bool]int{true: 2, false: 3}[after == 0]; came || unwound != want {
			t.Errorf("after %d steps: %d tasks are unwound, expected %d; the caller went on: %v", after, unwound, want, came)
		}
	}
}

func TestSearchTriesEveryOrder(t *testing.T) {
	for _, c := range []struct {
		counts []int
		want   int // the multinomial coefficient
	}{{[]int{3}, 1}, {[]int{1, 1}, 2}, {[]int{3, 3}, 20}, {[]int{2, 2, 2}, 90}, {[]int{0, 2}, 1}} {
		n, err := exploretest.Search(explore.Options{Strategy: explore.DFS}, func(func(task.Violation)) exploretest.World {
			var cell ksync.Atomic64
			var w exploretest.World
			for _, n := range c.counts {
				w.Bodies = append(w.Bodies, func(t *task.Task) {
					for range n {
						cell.Add(t, 1)
					}
				})
			}
			return w
		})
		if err != nil || n != c.want {
			t.Errorf("%v: %d executions, error %v, expected %d", c.counts, n, err, c.want)
		}
	}
}

func TestSearchFinds(t *testing.T) {
	made := 0
	lost := func(report func(task.Violation)) exploretest.World {
		made++
		var count ksync.Plain[int]
		add := func(t *task.Task) { count.Write(t, count.Read(t)+1) }
		return exploretest.World{Bodies: []func(*task.Task){add, add}, Check: func() {
			if count.Peek() != 2 {
				report(task.Violation{Oracle: "test", Message: "an increment is lost"})
			}
		}}
	}
	n, err := exploretest.Search(explore.Options{}, lost)
	var f *exploretest.Failure
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "an increment is lost") || !strings.Contains(err.Error(), "b write cell#1 0x0->0x1") {
		t.Errorf("%d executions, error %v", n, err)
	}
	if made < n {
		t.Errorf("%d executions in %d worlds", n, made)
	}
	if n, err := exploretest.Search(explore.Options{Executions: 1}, func(func(task.Violation)) exploretest.World { return adders(2, 2) }); err == nil || n != 1 {
		t.Errorf("a limit: %d executions, error %v", n, err)
	}
}
