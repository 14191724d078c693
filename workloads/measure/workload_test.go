package measure

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// burn uses the CPU for about n times a fixed amount of work.
func burn(n int) uint64 {
	x := uint64(n)
	for range n * 100 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

var sink atomic.Uint64

// On the real machine a workload of three times the work takes three times as long. The bounds are wide because the
// machine is shared; what is tested is that real clocks are read the right way round.
func TestRealRatio(t *testing.T) {
	c := New("real", Rounds(5), SampleTime(2*time.Millisecond), Quiet(0, 0))
	c.Add("three", Loop(func(n int) { sink.Store(burn(3 * n)) }))
	c.Add("one", Loop(func(n int) { sink.Store(burn(n)) }))
	res := c.Run()
	if dropped, of := res.Dropped(); dropped > 0 {
		t.Skipf("the machine is too busy: %d of %d samples were dropped", dropped, of)
	}
	if got := res.Ratio("three", "one").Median; got < 2 || got > 4.5 {
		t.Errorf("ratio %.2f, want about 3", got)
	}
}

func TestThreadsRunTogetherAndPassesDoNotOverlap(t *testing.T) {
	const threads, passOps, passes = 3, 5, 7
	var ops [threads]atomic.Int64
	var prepared int
	w := Workload{
		Threads: threads,
		PassOps: passOps,
		Prepare: func() {
			prepared++
			for i := range ops {
				if got, want := ops[i].Load(), int64((prepared-1)*passOps); got != want {
					t.Errorf("pass %d prepared when worker %d had done %d operations, want %d", prepared, i, got, want)
				}
			}
		},
		Body: func(worker, n int) { ops[worker].Add(int64(n)) },
	}
	s := w.run(newHost(), passOps*passes, 0)
	if prepared != passes {
		t.Errorf("prepared %d times, want %d", prepared, passes)
	}
	for i := range ops {
		if got := ops[i].Load(); got != passOps*passes {
			t.Errorf("worker %d did %d operations, want %d", i, got, passOps*passes)
		}
	}
	if len(s.Threads) != threads || s.Ops != passOps*passes {
		t.Errorf("sample of %d threads and %d operations", len(s.Threads), s.Ops)
	}
}

// All workers have prepared before any of them goes on.
func TestEachWorkerPreparesItself(t *testing.T) {
	const threads, passes = 2, 3
	var prepared [threads]atomic.Int64
	passed := make([]int64, threads)
	w := Workload{
		Threads:    threads,
		PassOps:    1,
		PrepareOwn: func(worker int) { prepared[worker].Add(1) },
		Body: func(worker, _ int) {
			passed[worker]++
			for i := range prepared {
				if got := prepared[i].Load(); got < passed[worker] {
					t.Errorf("worker %d runs pass %d when worker %d has prepared %d", worker, passed[worker], i, got)
				}
			}
		},
	}
	w.run(newHost(), passes, 0)
	for i := range prepared {
		if got := prepared[i].Load(); got != passes {
			t.Errorf("worker %d prepared %d times, want %d", i, got, passes)
		}
	}
}

func TestPrepareIsNotTimed(t *testing.T) {
	m := &fakeMachine{}
	w := Workload{
		PassOps:    1,
		Prepare:    func() { m.work(20*time.Millisecond, 1) },
		PrepareOwn: func(int) { m.work(20*time.Millisecond, 1) },
		Body:       func(int, int) { m.work(time.Millisecond, 0.5) },
	}
	s := w.run(m, 2, 0)
	if want := (Timing{Wall: 2 * time.Millisecond, CPU: time.Millisecond}); s.Threads[0] != want {
		t.Errorf("two operations of 1 ms: %+v, want %+v", s.Threads[0], want)
	}
	if want := 82 * time.Millisecond; s.Elapsed != want {
		t.Errorf("%v in all, want %v", s.Elapsed, want)
	}
}

func TestBackgroundRunsBesideTheSample(t *testing.T) {
	var steps atomic.Int64
	w := Workload{
		Body: func(int, int) { // ends only when the background has really run meanwhile
			for before := steps.Load(); steps.Load() < before+10; {
				runtime.Gosched()
			}
		},
	}.Beside(func() { steps.Add(1); Spin() })
	s := w.run(newHost(), 1, 0)
	if s.Steps < 10 || int64(s.Steps) != steps.Load() {
		t.Errorf("sample tells %d steps, the background did %d", s.Steps, steps.Load())
	}
	if s.BackgroundNS() <= 0 {
		t.Errorf("a background step took %v ns", s.BackgroundNS())
	}
}

func TestShareIsThatOfTheWorstThread(t *testing.T) {
	s := Sample{
		Ops:        1,
		Threads:    []Timing{{Wall: 100, CPU: 100}, {Wall: 100, CPU: 70}},
		Steps:      1,
		Background: Timing{Wall: 100, CPU: 40},
	}
	if got := s.Share(); got != 0.4 {
		t.Errorf("share %v, want the background's 0.4", got)
	}
	if s.Steps = 0; s.Share() != 0.7 {
		t.Errorf("share %v, want the second thread's 0.7", s.Share())
	}
}

func TestJudgeFloating(t *testing.T) {
	for _, test := range []struct {
		threads    int
		background func()
		others     time.Duration // of 100 on a machine of one CPU
		share      float64
	}{
		{1, nil, 0, 1},
		{1, nil, -5, 1}, // ticks are coarse
		{1, nil, 30, 0.7},
		{2, nil, 0, 1}, // each has its part of what there is
		{2, nil, 30, 0.7},
		{1, Spin, 0, 1},
		{1, nil, 200, 0},
	} {
		r := running{Workload: Workload{Background: test.background}, machine: &fakeMachine{}}
		r.sample = Sample{Ops: 1, Threads: make([]Timing, test.threads), Elapsed: 100}
		for i := range r.sample.Threads {
			r.sample.Threads[i].Wall = 100
		}
		r.judgeFloating(test.others)
		if got := r.sample.Share(); got != test.share {
			t.Errorf("%+v: share %v", test, got)
		}
	}
}

func TestCPUs(t *testing.T) {
	if got := CPUs(); got != runtime.NumCPU() {
		t.Errorf("%d CPUs, the runtime knows of %d", got, runtime.NumCPU())
	}
}
