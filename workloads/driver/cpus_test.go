package driver

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/fault"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestCPUsAreHandedOn: with one CPU the tasks run one at a time; one that sleeps has it again after it was woken, also by a wake-up that comes before
// it sleeps; and when the run ends, all go on, each with the data of a CPU that is its own.
func TestCPUsAreHandedOn(t *testing.T) {
	m, err := fault.NewMachine(mm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	shared := newCPUs(m, 4, func() time.Duration { return 0 })
	defer shared.shutDown(m)
	idle := shared.idle[0]
	var seats []*cpu
	var woken []chan struct{}
	for i := range 4 {
		seats = append(seats, shared.seat(m, m.NewTask(fmt.Sprint(i))))
		woken = append(woken, make(chan struct{}, 1))
	}
	wake := func(i int) {
		woken[i] <- struct{}{}
		seats[i].Wake()
	}
	ran := make(chan int, 4)
	seats[0].begin()
	go func() {
		seats[1].begin()
		ran <- 1
		seats[1].Sleep(woken[1])
		ran <- 11
		seats[1].Sleep(woken[1])
		ran <- 111
	}()
	queued(shared, 1)
	if seats[0].t.Processor != idle.ID || len(ran) > 0 {
		t.Errorf("the data of CPU %d are used, expected %d; %d others run", seats[0].t.Processor, idle.ID, len(ran))
	}
	wake(0)
	seats[0].Sleep(woken[0]) // not at all
	go wake(0)
	seats[0].Sleep(woken[0]) // until the next one sleeps
	if got := <-ran; got != 1 {
		t.Errorf("%d had its turn", got)
	}
	wake(1)
	if seats[0].end(); <-ran != 11 {
		t.Error("the task that was woken did not go on")
	}
	seats[2].begin() // the CPU was idle
	go func() { seats[3].begin(); ran <- 3 }()
	queued(shared, 1)
	shared.release()
	if got := <-ran; got != 3 || seats[3].t.Processor != seats[3].t.ID {
		t.Errorf("%d goes on with the data of %d", got, seats[3].t.Processor)
	}
	wake(1)
	if got := <-ran; got != 111 || seats[1].t.Processor != seats[1].t.ID {
		t.Errorf("%d goes on with the data of %d", got, seats[1].t.Processor)
	}
}

// queued returns when so many tasks wait for a CPU.
func queued(c *cpus, n int) {
	for waiting := -1; waiting != n; runtime.Gosched() {
		c.mu.Lock()
		waiting = len(c.sched.woken)
		for i := range c.sched.queues {
			waiting += len(c.sched.queues[i].ready)
		}
		c.mu.Unlock()
	}
}

// manyTasks is a scenario in which tasks that are many share an address space with a writer, and touch 2^18 times between them.
func manyTasks(tasks int) string {
	const touches = 1 << 18
	return fmt.Sprintf(`
init
    mmap A 1M rw private anon
    touch A A.size write
thread faulter * %d
    repeat %d
        repeat 64
            touch random(A) write => ok | SEGV_ACCERR
        madvise A dontneed
thread protector background
    forever
        mprotect A+256K 256K r
        mprotect A+256K 256K rw
finally
    maps
        A..A.end rw private anon
`, tasks, touches/64/tasks)
}

func TestManyTasks(t *testing.T) { mustPass(t, manyTasks(2048), Options{}) }

// BenchmarkManyTasks tells the CPU time of a touch: it does not grow with the tasks, of which few are under way. Before there were CPUs to
// share, four thousand cost five times as much as a hundred, and an mprotect waited for seconds.
func BenchmarkManyTasks(b *testing.B) {
	for _, tasks := range []int{64, 2048} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			begun := cpuTime(b)
			for range b.N {
				mustPass(b, manyTasks(tasks), Options{})
			}
			b.ReportMetric(float64((cpuTime(b)-begun).Nanoseconds())/float64(b.N)/(1<<18), "cpu-ns/touch")
		})
	}
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestMeetingsOfManyTasks: tasks that wait at a barrier, or for an address space, leave their CPUs to the others.
func TestMeetingsOfManyTasks(t *testing.T) {
	tasks := 32 * runtime.GOMAXPROCS(0)
	sc := parse(t, fmt.Sprintf(`
mm child
init
    mmap A 1M rw private anon
thread forker
    barrier start
    fork child
thread native in child * %d
    touch A write
thread meeting * %d
    barrier start
    touch A+$i*8 write
    barrier middle
    store A+$i*8 $i
`, tasks, tasks))
	r, err := Run(t.Context(), sc, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Unexpected) > 0 || len(r.Violations) > 0 {
		t.Errorf("%v, %v", r.Unexpected, r.Violations)
	}
}

var _ task.CPU = (*cpu)(nil)
