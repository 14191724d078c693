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

// TestCPUsAreHandedOn: with one CPU the tasks run one at a time, those that were woken before those that have used up their time, but
// not for ever; and when the run ends, all go on.
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
	shared := &cpus{free: 1}
	names := make([]string, 8)
	seats := make([]*cpu, len(names))
	for i := range seats {
		names[i] = fmt.Sprint(i)
		seats[i] = shared.seat(m, m.NewTask(names[i]))
	}
	ran := make(chan int, len(seats))
	queued := func(n int) { // until so many wait
		for {
			shared.mu.Lock()
			waiting := len(shared.woken.waiting) + len(shared.ready.waiting)
			shared.mu.Unlock()
			if waiting == n {
				return
			}
			runtime.Gosched()
		}
	}
	seats[0].begin()
	for i, enter := range []func(){
		seats[1].begin, seats[2].begin, seats[3].Enter, seats[4].Enter, seats[5].Enter, seats[6].Enter,
	} {
		go func() {
			enter()
			ran <- i + 1
			seats[i+1].Leave()
		}()
		queued(i + 1)
	}
	seats[0].Leave()
	for _, want := range []int{3, 4, 5, 1, 6, 2} {
		if got := <-ran; got != want {
			t.Errorf("task %d had its turn, expected %d", got, want)
		}
	}
	queued(0)
	seats[0].begin()
	go func() { seats[7].begin(); ran <- 7 }()
	queued(1)
	shared.release()
	<-ran
	seats[1].begin() // and no task waits any more
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
	tasks := 2*cpusPerCore*runtime.GOMAXPROCS(0) + 1
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
