package driver

import (
	"runtime/debug"
	"sync/atomic"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// worker is the goroutine of one task: it runs a block.
type worker struct {
	interp.Actor
	run    *run
	walker interp.Walker
	seat   *seat // nil in init and finally
	cpu    *cpu  // nil: it has one for itself

	leaveAt phase // its loops end from this phase on
	gone    bool  // it gives up the rest of its block: what it waited for cannot come

	stats     [workloads.NumKinds]opStats
	fault     opStats // accesses to one page that were timed, and were one fault
	findings  findings
	sampler   sampler
	meter     meter
	untilLook uint32 // operations until it looks whether its time slice is over
	sliceEnds time.Duration

	published [task.NumCounters]atomic.Uint64 // the task's counters, up to a time slice ago
	ended     atomic.Bool                     // everything above may be read by others
}

// mainMM is the index of the address space that init and finally run in.
const mainMM = 0

func (r *run) newWorker(name string, b *workloads.Block, index int) *worker {
	t := r.newTask(name)
	w := &worker{
		Actor:     interp.Actor{Task: t, Env: b.NewEnv(r.Seed, index, r.regions), Files: r.files, Decls: r.sc.Files, Window: r.sc.Window},
		run:       r,
		leaveAt:   killed,
		untilLook: lookEvery,
		sampler:   sampler{uint64(t.ID)*0x9e3779b97f4a7c15 | 1},
	}
	w.Host, w.walker.Runner = w, w
	w.startMeter(r.meters)
	return w
}

// do runs the block's statements. A panic in them is a violation; it may have left locks held that others wait for, so
// it ends the run.
func (w *worker) do(body []*workloads.Stmt) {
	defer func() {
		if p := recover(); p != nil {
			w.run.reportPanic(w.Task.Name, w.Task.Func(), p)
			w.run.crashed.Store(true)
			w.run.kill()
		}
		w.leave()
	}()
	if w.cpu != nil {
		w.cpu.begin()
		defer w.cpu.end()
	}
	debug.SetPanicOnFault(true) // a stray access to the arena is a panic like any other
	w.begin()
	if !w.stopped() {
		w.walker.Run(w.Env, body)
	}
	w.Leave()
	w.run.machine.EndTask(w.Task)
}

// begin enters the address space of the worker's thread.
func (w *worker) begin() {
	if w.seat == nil {
		w.MM = w.run.hall.acquire(w.Task, mainMM)
		return
	}
	w.MM = w.run.hall.begin(w.seat)
	if th := w.seat.thread; w.MM == nil && !th.Background && !w.run.over(killed) {
		w.gone = true
		w.blame(Unexpected{Pos: th.MM.Pos, Stmt: "thread " + th.Name, Got: "no address space " + th.MM.Name, Expected: "some task to fork it"})
	}
	w.gone = w.gone || w.MM == nil
}

// leave publishes what the worker has measured.
func (w *worker) leave() {
	w.publish()
	w.meter.rec.flush()
	w.ended.Store(true)
	if w.seat != nil {
		w.run.hall.leave(w.seat)
	}
}

func (w *worker) publish() {
	w.run.machine.RCU.Quiescent(w.Task)
	for i, n := range w.Task.Counters {
		w.published[i].Store(n)
	}
}

// counters returns what was published last. Any goroutine may call it.
func (w *worker) counters() (c task.Counters) {
	for i := range c {
		c[i] = w.published[i].Load()
	}
	return c
}

// blame notes something unexpected that is not the result of a statement.
func (w *worker) blame(u Unexpected) {
	u.Task = w.Task.Name
	w.findings.add(nil, "", func() Unexpected { return u })
}
