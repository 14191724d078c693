package measure

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Workload says how to run a candidate's operation. Only Body is required.
type Workload struct {
	// Body performs n operations as thread worker (0 ≤ worker < Threads). It is what is timed.
	Body func(worker, n int)
	// Threads run Body at the same time, behind a start barrier, n operations each. Zero means one.
	Threads int
	// Prepare runs untimed, with no Body running, before each pass.
	Prepare func()
	// PrepareOwn runs untimed on each worker's own thread before each pass, after Prepare: what it touches is then in
	// the cache of the CPU that will use it.
	PrepareOwn func(worker int)
	// PassOps is the number of operations of each thread between two calls of Prepare; every pass has exactly so
	// many. Zero makes a sample one pass of any length.
	PassOps int
	// Ops fixes the operations of each thread in a sample; zero lets the harness find the number.
	Ops int
	// Background, if there, is repeated on a CPU of its own while the sample runs: a writer, or [Spin].
	Background func()
	// Float leaves threads to the scheduler. Needed where Body blocks in sync.Mutex or sync.RWMutex: to park a
	// goroutine that is locked to its thread costs tens of microseconds and would be charged to the lock.
	Float bool
}

// Loop is the workload of one pinned thread that runs f.
func Loop(f func(n int)) Workload {
	return Workload{Body: func(_, n int) { f(n) }}
}

// Spin is a Background that uses its CPU and touches no memory: the fair baseline for a Background that does.
func Spin() {
	for range 100 {
		spinPause()
	}
}

//go:noinline
func spinPause() {}

// Beside returns the workload with a function running on another CPU meanwhile: see [Workload.Background].
func (w Workload) Beside(background func()) Workload {
	w.Background = background
	return w
}

// Timing is what one thread spent inside Body.
type Timing struct {
	Wall, CPU time.Duration
}

// Share is the part of a CPU that the thread had.
func (t Timing) Share() float64 {
	if t.Wall <= 0 {
		return 1
	}
	return float64(t.CPU) / float64(t.Wall)
}

// Sample is one measurement of a workload.
type Sample struct {
	Ops     int // of each thread
	Threads []Timing
	Elapsed time.Duration // in all, with what was not timed
	Dropped int           // samples that were taken before this one, in its place, and dropped

	// Steps and Background are those of the background function; Steps is 0 without one.
	Steps      int
	Background Timing
}

// Wall is the mean wall time that a thread spent in Body.
func (s Sample) Wall() time.Duration {
	var sum time.Duration
	for _, t := range s.Threads {
		sum += t.Wall
	}
	return sum / time.Duration(len(s.Threads))
}

// NS is the mean time of one operation on its thread, in nanoseconds.
func (s Sample) NS() float64 { return float64(s.Wall()) / float64(s.Ops) }

// BackgroundNS is the mean time of one background step, in nanoseconds, or 0.
func (s Sample) BackgroundNS() float64 {
	if s.Steps == 0 {
		return 0
	}
	return float64(s.Background.Wall) / float64(s.Steps)
}

// Share is the smallest share of a CPU that a thread of the sample had, the background's included: without its writer
// a fault measures nothing.
func (s Sample) Share() float64 {
	least := 1.0
	for _, t := range s.Threads {
		least = min(least, t.Share())
	}
	if s.Steps > 0 {
		least = min(least, s.Background.Share())
	}
	return least
}

// run takes one sample of ops operations a thread. Thread i goes to the machine's CPU number i+shift.
func (w Workload) run(m machine, ops, shift int) Sample {
	r := &running{Workload: w, machine: m, ops: ops, shift: shift}
	r.Threads = max(w.Threads, 1)
	if r.PassOps <= 0 {
		r.PassOps = ops
	}
	r.released = make(chan struct{}, r.Threads)
	r.finished = make(chan struct{}, r.Threads)
	r.sample = Sample{Ops: ops, Threads: make([]Timing, r.Threads)}

	start, others := m.now(), m.othersCPU()
	stopBackground := r.startBackground()
	var wg sync.WaitGroup
	for worker := range r.Threads {
		wg.Go(func() { r.worker(worker) })
	}
	wg.Wait()
	stopBackground()
	r.sample.Elapsed = m.now() - start
	if r.Float {
		r.judgeFloating(m.othersCPU() - others)
	}
	return r.sample
}

// running is one sample being taken.
type running struct {
	Workload
	machine machine
	ops     int
	shift   int
	sample  Sample

	released, finished chan struct{} // worker 0 lets the others into a pass, and hears that they are done with it
	arrived            atomic.Int64  // workers that ever reached the start of a pass
}

func (r *running) worker(worker int) {
	timer := r.newTimer(worker)
	defer timer.close()
	for pass := 1; pass <= r.ops/r.PassOps; pass++ {
		r.enter(worker, pass)
		timer.start()
		r.Body(worker, r.PassOps)
		timer.stop()
		r.leave(worker)
	}
	r.sample.Threads[worker] = timer.Timing
}

// enter prepares the pass on worker 0 and holds every worker until all are running, so that none measures a head start.
func (r *running) enter(worker, pass int) {
	if worker == 0 {
		if r.Prepare != nil {
			r.Prepare()
		}
		for range r.Threads - 1 {
			r.released <- struct{}{}
		}
	} else {
		<-r.released
	}
	if r.PrepareOwn != nil {
		r.PrepareOwn(worker)
	}
	r.arrived.Add(1)
	for spins := 1; r.arrived.Load() < int64(pass*r.Threads); spins++ {
		if spins%1000 == 0 {
			r.machine.yield() // the others may need this very CPU to arrive
		}
	}
}

func (r *running) leave(worker int) {
	if worker != 0 {
		r.finished <- struct{}{}
		return
	}
	for range r.Threads - 1 {
		<-r.finished
	}
}

// startBackground starts the background function, waits until it runs, and returns what stops it.
func (r *running) startBackground() (stop func()) {
	if r.Background == nil {
		return func() {}
	}
	var stopping atomic.Bool
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		timer := r.newTimer(r.Threads)
		defer timer.close()
		timer.start()
		r.Background() // once before the sample begins, or a short sample could be over before it
		close(started)
		steps := 1
		for ; !stopping.Load(); steps++ {
			r.Background()
		}
		timer.stop()
		r.sample.Steps, r.sample.Background = steps, timer.Timing
	})
	<-started
	return func() {
		stopping.Store(true)
		wg.Wait()
	}
}

// timer accumulates the timed parts of one thread.
type timer struct {
	Timing
	machine     machine
	float       bool
	unpin       func()
	wall0, cpu0 time.Duration
}

// newTimer prepares the calling goroutine for being measured as thread number index.
func (r *running) newTimer(index int) *timer {
	t := &timer{machine: r.machine, float: r.Float, unpin: func() {}}
	if !r.Float {
		runtime.LockOSThread()
		t.unpin = r.machine.pin(index + r.shift)
	}
	return t
}

func (t *timer) close() {
	t.unpin()
	if !t.float {
		runtime.UnlockOSThread()
	}
}

// start and stop read the CPU clock outside the wall clock: it is a system call, the wall clock is not.
func (t *timer) start() {
	t.cpu0 = t.cpu()
	t.wall0 = t.machine.now()
}

func (t *timer) stop() {
	t.Wall += t.machine.now() - t.wall0
	t.CPU += t.cpu() - t.cpu0
}

// cpu is the time of the thread, or 0 for a floating goroutine, which has none: see judgeFloating.
func (t *timer) cpu() time.Duration {
	if t.float {
		return 0
	}
	return t.machine.threadCPU()
}

// judgeFloating charges to the sample's threads what other processes used of the CPUs that those threads needed, all of them where there are
// more threads. How
// long the threads were kept waiting would not do: those that contend for a lock keep each other waiting.
func (r *running) judgeFloating(others time.Duration) {
	threads := len(r.sample.Threads)
	if r.Background != nil {
		threads++
	}
	share := shareOf(min(threads, r.machine.cpus()), r.machine.cpus(), r.sample.Elapsed, others, -1)
	for i := range r.sample.Threads {
		r.sample.Threads[i].CPU = time.Duration(share * float64(r.sample.Threads[i].Wall))
	}
	r.sample.Background.CPU = time.Duration(share * float64(r.sample.Background.Wall))
}
