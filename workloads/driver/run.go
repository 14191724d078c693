package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vmasim/fault"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
	"vmasim/workloads/measure"
)

// phase is how far a run has come; it only grows.
type phase int32

const (
	going    phase = iota
	draining       // the foreground has ended: the loops of background threads end after the pass they are in
	killed         // everything ends after the statement it is in
)

// run is one scenario being run.
type run struct {
	phase atomic.Int32 // read before every statement by every task, so alone on its cache line
	_     [60]byte

	*Plan
	sc      *workloads.Scenario
	opts    *Options
	machine *mm.Machine
	epoch   time.Time
	hall    *hall
	meters  *meters

	recorder *recorder          // nil: the run is not recorded
	recorded []*worker          // whose faults the counters count
	seen     [2]uint64          // faults, and those of them under mmap_lock, when the counters were sampled
	cpus     *cpus              // nil: each task has one
	files    []*phys.File       // by workloads.File
	regions  []workloads.Region // that init has bound

	violations  violations
	interrupted atomic.Bool
	crashed     atomic.Bool // a task panicked: what it held stays held
	abandoned   bool        // some goroutine did not end: the machine must stay as it is
	patience    time.Duration

	killing sync.Once
	killed  chan struct{} // closed in phase killed
	mu      sync.Mutex    // guards tasks
	tasks   []*task.Task  // to be killed

	workers  []*worker // of all blocks
	measured []*worker // of the blocks that count
	elapsed  time.Duration
	cpuShare float64 // of cpusUsed, which the measured workers could use at once
	cpusUsed int
	cpuTime  time.Duration // of this process, meanwhile
}

// defaultPatience is how long killed tasks may take to end. A bug may keep them waiting.
const defaultPatience = 10 * time.Second

func newRun(sc *workloads.Scenario, p *Plan, opts *Options) (*run, error) {
	r := &run{Plan: p, sc: sc, opts: opts, epoch: time.Now(), killed: make(chan struct{}), patience: defaultPatience}
	cfg := p.Config()
	cfg.ValidateWrites, cfg.Report = opts.Validate, r.violations.report
	var err error
	if r.machine, err = fault.NewMachine(cfg); err != nil {
		return nil, err
	}
	r.meters = newMeters(r.machine, r.epoch)
	r.recorder = newRecorder(opts.Recorder, r.meters)
	r.hall = &hall{
		spaces:   make([]space, len(sc.MMs)),
		barriers: make([]interp.Rendezvous, len(sc.Barriers)), milestones: interp.NewMilestones(sc, p.Counts), sc: sc,
		drain: func() { r.phase.CompareAndSwap(int32(going), int32(draining)) },
	}
	tasks := 0
	for _, n := range p.Counts {
		tasks += n
	}
	r.cpus = newCPUs(r.machine, tasks, r.now)
	if err := r.setUp(); err != nil {
		return nil, errors.Join(err, r.machine.Close())
	}
	return r, nil
}

// setUp makes the address spaces that exist from the start, and opens the files.
func (r *run) setUp() (err error) {
	t := r.machine.NewTask("setup")
	defer r.machine.EndTask(t)
	for i, m := range r.sc.MMs {
		if m.Forked {
			continue
		}
		if r.hall.spaces[i].mm, err = interp.NewMM(t, r.machine, r.sc, m.Name); err != nil {
			return fmt.Errorf("address space %s: %w", m.Name, err)
		}
	}
	r.files, err = interp.OpenFiles(t, r.machine.Mem, r.sc)
	return err
}

// over tells that the run has come to phase p.
func (r *run) over(p phase) bool { return phase(r.phase.Load()) >= p }

// kill ends everything soon.
func (r *run) kill() {
	r.killing.Do(func() {
		r.phase.Store(int32(killed))
		close(r.killed)
		if r.cpus != nil {
			r.cpus.release()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, t := range r.tasks {
			t.Kill(nil)
		}
	})
}

func (r *run) newTask(name string) *task.Task {
	t := r.machine.NewTask(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, t)
	if r.over(killed) {
		t.Kill(nil)
	}
	return t
}

func (r *run) run(ctx context.Context) (*Result, error) {
	stop := context.AfterFunc(ctx, func() {
		r.interrupted.Store(true)
		r.kill()
	})
	r.blocks()
	stop()
	return r.finish(ctx)
}

// blocks runs init, the threads and finally. Where init did not give what it states, the threads would run in a world
// they are not written for; where something is broken, finally would.
func (r *run) blocks() {
	if b := r.sc.Init; b != nil {
		w := r.newWorker("init", b, 0)
		r.drive([]*worker{w}, b)
		if r.abandoned {
			return
		}
		r.regions = w.Env.Regions
		if w.findings.total > 0 {
			return
		}
	}
	if len(r.sc.Threads) > 0 && !r.over(killed) {
		r.threads()
	}
	if b := r.sc.Finally; b != nil && !r.over(killed) {
		r.drive([]*worker{r.newWorker("finally", b, 0)}, b)
	}
}

func (r *run) threads() {
	var workers []*worker
	var blocks []*workloads.Block
	for i, th := range r.sc.Threads {
		for n := range r.Counts[i] {
			w := r.newWorker(th.Instance(n), &th.Block, n)
			w.seat = r.hall.join(w.Task, i)
			if r.cpus != nil {
				w.cpu = r.cpus.seat(r.machine, w.Task)
				w.Task.CPU = w.cpu
			}
			if th.Background {
				w.leaveAt = draining
			}
			workers, blocks = append(workers, w), append(blocks, &th.Block)
		}
	}
	r.drive(workers, blocks...)
	if r.cpus != nil && !r.abandoned {
		r.cpus.shutDown(r.machine)
	}
}

// drive runs the workers, each its block, and returns when they have ended.
func (r *run) drive(workers []*worker, blocks ...*workloads.Block) {
	gate, done := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() {
			<-gate
			w.do(blocks[i].Body)
		})
	}
	r.workers = append(r.workers, workers...)
	watch := measure.NewWatch()
	sampled := r.sample(workers)
	start := r.now()
	close(gate)
	go func() {
		all.Wait()
		close(done)
	}()
	if !r.await(done, r.killed, func() { r.progress(workers, start) }) {
		r.abandon(workers)
	}
	sampled()
	if counts := len(r.sc.Threads) == 0 || workers[0].seat != nil; counts {
		took := r.now() - start
		share, cpus := watch.Share(len(workers))
		r.cpuTime += watch.Used()
		r.cpuShare = (r.cpuShare*float64(r.elapsed) + share*float64(took)) / float64(max(r.elapsed+took, 1)) // init and finally may be two
		r.measured, r.elapsed, r.cpusUsed = append(r.measured, workers...), r.elapsed+took, max(r.cpusUsed, cpus)
	}
}

// await waits until done is closed. Once stop is closed it has patience for so long only, and reports false at the end.
func (r *run) await(done, stop <-chan struct{}, tick func()) bool {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	var giveUp <-chan time.Time
	for {
		select {
		case <-done:
			return true
		case <-ticker.C:
			tick()
		case <-stop:
			stop, giveUp = nil, time.After(r.patience)
		case <-giveUp:
			return false
		}
	}
}

// abandon reports the workers that did not end. Their goroutines stay, and so must the memory they may touch.
func (r *run) abandon(workers []*worker) {
	r.abandoned = true
	var names []string
	for _, w := range workers {
		if !w.ended.Load() {
			names = append(names, w.Task.Name)
		}
	}
	r.violations.report(task.Violation{Oracle: "stuck", Task: names[0],
		Message: fmt.Sprintf("killed, but still running %v later: %s", r.patience, strings.Join(names, ", "))})
}

func (r *run) progress(workers []*worker, start time.Duration) {
	if r.opts.Progress == nil {
		return
	}
	p := Progress{Elapsed: r.now() - start}
	for _, w := range workers {
		p.Faults += w.counters()[task.PgFault]
		if !w.ended.Load() {
			p.Tasks++
		}
	}
	r.opts.Progress(p)
}

// validate checks an address space now. The error is EINTR.
func (r *run) validate(t *task.Task, m *mm.MM) error {
	if err := m.MmapWriteLockKillable(t); err != nil {
		return err
	}
	defer m.MmapWriteUnlock(t)
	for _, v := range m.Validate(t) {
		r.violations.report(v)
	}
	return nil
}
