package tasktest_test

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
)

// adders returns a program whose tasks each add 1 to a counter n times under a spinlock.
func adders(cfg tasktest.Config, tasks, n int) (tasktest.Result, uint64, error) {
	var lock ksync.SpinLock
	var count ksync.Plain[uint64]
	cfg.Names = map[unsafe.Pointer]string{unsafe.Pointer(&lock): "lock", unsafe.Pointer(&count): "count"}
	var program []tasktest.Task
	for i := range tasks {
		program = append(program, tasktest.Task{Name: string(rune('a' + i)), Body: func(t *task.Task) {
			t.Enter("add")
			defer t.Leave()
			for range n {
				lock.Lock(t)
				count.Write(t, count.Read(t)+1)
				lock.Unlock(t)
			}
		}})
	}
	res, err := tasktest.Run(cfg, program...)
	return res, count.Peek(), err
}

func TestLog(t *testing.T) {
	res, count, err := adders(tasktest.Config{}, 2, 1)
	if err != nil || count != 2 {
		t.Fatalf("count %d, error %v", count, err)
	}
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
	if res.Log != want {
		t.Errorf("log:\n%swant:\n%s", res.Log, want)
	}
}

func TestSameScheduleSameLog(t *testing.T) {
	for seed := range uint64(50) {
		first, count, err := adders(tasktest.Config{Turn: tasktest.Random(seed)}, 3, 4)
		if err != nil || count != 12 {
			t.Fatalf("seed %d: count %d, error %v", seed, count, err)
		}
		again, _, _ := adders(tasktest.Config{Turn: tasktest.Random(seed)}, 3, 4)
		if again.Log != first.Log {
			t.Fatalf("seed %d gives two logs:\n%s\n%s", seed, first.Log, again.Log)
		}
		replayed, _, _ := adders(tasktest.Config{Turn: tasktest.Schedule(first.Schedule()...)}, 3, 4)
		if replayed.Log != first.Log {
			t.Fatalf("seed %d: the replay's log differs:\n%s\n%s", seed, first.Log, replayed.Log)
		}
	}
	one, _, _ := adders(tasktest.Config{Turn: tasktest.Random(1)}, 3, 4)
	two, _, _ := adders(tasktest.Config{Turn: tasktest.Random(2)}, 3, 4)
	if one.Log == two.Log {
		t.Error("two seeds give the same log")
	}
}

func TestDeadlockSaysWhoWaitsOnWhat(t *testing.T) {
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
	cfg := tasktest.Config{
		Turn:  tasktest.Schedule(0, 1),
		Names: map[unsafe.Pointer]string{unsafe.Pointer(&a): "A", unsafe.Pointer(&b): "B"},
	}
	res, err := tasktest.Run(cfg, tasktest.Task{Name: "ab", Body: lockBoth(&a, &b)}, tasktest.Task{Name: "ba", Body: lockBoth(&b, &a)})
	want := "deadlock after 2 steps: ab waits in spin_lock on B (lock_both); ba waits in spin_lock on A (lock_both)"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if len(res.Violations) > 0 {
		t.Errorf("unwinding reports %v", res.Violations)
	}
}

func TestLivelock(t *testing.T) {
	var flag ksync.Atomic32
	res, err := tasktest.Run(tasktest.Config{MaxSteps: 20}, tasktest.Task{Name: "spinner", Body: func(t *task.Task) {
		for flag.ReadOnce(t) == 0 {
		}
	}})
	var livelock *tasktest.LivelockError
	if !errors.As(err, &livelock) || livelock.Steps != 20 || len(res.Steps) != 20 {
		t.Fatalf("error %v after %d steps", err, len(res.Steps))
	}
	if !strings.HasSuffix(err.Error(), "spinner READ_ONCE cell#1 0x0->0x0") {
		t.Errorf("error %q does not show the last steps", err)
	}
}

func TestKilledTaskGoesOn(t *testing.T) {
	var sem ksync.RWSem
	var tasks [2]*task.Task
	cfg := tasktest.Config{New: func(id int, name string, report func(task.Violation)) *task.Task {
		tasks[id] = task.New(id, name, report)
		return tasks[id]
	}}
	var err error
	res, runErr := tasktest.Run(cfg,
		tasktest.Task{Name: "holder", Body: func(t *task.Task) {
			sem.DownWrite(t)
			var step ksync.Atomic32
			for !sem.Contended() {
				step.ReadOnce(t)
			}
			tasks[1].Kill(t)
		}},
		tasktest.Task{Name: "victim", Body: func(t *task.Task) { err = sem.DownReadKillable(t) }})
	if runErr != nil || err == nil {
		t.Errorf("run: %v, victim: %v", runErr, err)
	}
	if !strings.Contains(res.Log, "victim rwsem wait cell#1 interrupted") {
		t.Errorf("the log does not show the interrupted wait:\n%s", res.Log)
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
	cfg := tasktest.Config{Names: map[unsafe.Pointer]string{unsafe.Pointer(slab): "slab"}}
	res, err := tasktest.Run(cfg, tasktest.Task{Name: "t", Body: func(t *task.Task) {
		a, _ := slab.Alloc(t)
		b, _ := slab.Alloc(t)
		a.Next.StoreRelease(t, b)
		b.Count.SetRelease(t, 1)
		slab.Free(t, b)
		b.Count.Read(t)
		_, _ = slab.Alloc(t)
		a.Next.ReadOnce(t)
	}})
	want := strings.TrimPrefix(`
t kmem_cache_alloc slab nil->cell#1
t born thing#1
t kmem_cache_alloc slab nil->cell#2
t born thing#2
t smp_store_release thing#1.next nil->thing#2
t refcount_set_release thing#2.count 0x0->0x1
t kmem_cache_free slab thing#2->nil
t died thing#2
t READ_ONCE thing#2(freed).count 0x1->0x1
t kmem_cache_alloc slab nil->thing#2(freed)
t born thing#3
t READ_ONCE thing#1.next thing#3->thing#3
`, "\n")
	if err != nil || res.Log != want {
		t.Errorf("error %v, log:\n%swant:\n%s", err, res.Log, want)
	}
}

func TestViolationsAreCollected(t *testing.T) {
	var lock ksync.Mutex
	res, err := tasktest.Run(tasktest.Config{}, tasktest.Task{Name: "t", Body: func(t *task.Task) { lock.Unlock(t) }})
	if err != nil || len(res.Violations) != 1 || res.Violations[0].Oracle != "unlock-not-held" {
		t.Errorf("error %v, violations %v", err, res.Violations)
	}
	if !strings.Contains(res.Log, "t violation unlock-not-held") {
		t.Errorf("the log lacks the violation:\n%s", res.Log)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	unwound := false
	defer func() {
		if v := recover(); v != "boom" || !unwound {
			t.Errorf("recovered %v, other task unwound: %v", v, unwound)
		}
	}()
	var cell ksync.Atomic32
	_, _ = tasktest.Run(tasktest.Config{},
		tasktest.Task{Name: "other", Body: func(t *task.Task) {
			defer func() { unwound = true }()
			cell.ReadOnce(t)
		}},
		tasktest.Task{Name: "bad", Body: func(*task.Task) { panic("boom") }})
}
