package driver

import (
	"runtime"
	"sync"

	"vmasim/internal/task"
	"vmasim/mm"
)

// cpusPerCore is how many tasks of a run may be under way for each core of this machine. More would wait for each other in the middle of
// what they do: Go preempts a goroutine anywhere, in a memory access for which a TLB flush waits, and it comes to its turn again when
// all the others have had theirs. A kernel preempts as much, but a CPU's accesses do not stay in progress while it runs another task.
const cpusPerCore = 16

// cpus are the simulated CPUs that the tasks of a run share where they are many. A task has one while it runs; it gives it up to sleep,
// and, if others wait, after a time slice, between two statements.
type cpus struct {
	mu    sync.Mutex
	free  int
	woken queue // tasks that slept, and may hold what others wait for
	ready queue // tasks whose time slice was over, or that begin
	turns int   // of woken tasks in succession
	open  bool  // all tasks may go on: the run is being ended
}

// queue is a list of tasks that wait for a CPU, first come, first served.
type queue struct{ waiting []*cpu }

func (q *queue) pop() *cpu {
	c := q.waiting[0]
	q.waiting = q.waiting[1:]
	return c
}

// newCPUs returns CPUs for so many tasks, nil if each can have one.
func newCPUs(tasks int) *cpus {
	n := cpusPerCore * runtime.GOMAXPROCS(0)
	if tasks <= n {
		return nil
	}
	return &cpus{free: n}
}

// cpu is a task's share in the CPUs. It implements [task.CPU].
type cpu struct {
	of   *cpus
	m    *mm.Machine
	t    *task.Task
	turn chan struct{}
	// slept: it has been woken in the statement that it is in. Its time slice ends with that: many that were woken together may all
	// hold what a writer waits for, as the readers of mmap_lock do, and each is to give it back before any goes on with something else.
	slept bool
}

// seat gives a new task its share.
func (c *cpus) seat(m *mm.Machine, t *task.Task) *cpu {
	m.Offline(t)
	return &cpu{of: c, m: m, t: t, turn: make(chan struct{}, 1)}
}

// Enter implements [task.CPU].
func (c *cpu) Enter() {
	c.wait(&c.of.woken)
	c.slept = true
}

// begin is Enter of a task that has not slept.
func (c *cpu) begin() { c.wait(&c.of.ready) }

func (c *cpu) wait(q *queue) {
	defer c.m.Online(c.t)
	c.of.mu.Lock()
	if c.of.open || c.of.free > 0 {
		c.of.free--
		c.of.mu.Unlock()
		return
	}
	q.waiting = append(q.waiting, c)
	c.of.mu.Unlock()
	c.await()
}

// await waits for the task's turn. Go runs a goroutine that another has woken in place of that, and within its time slice: tasks that hand
// a CPU on to each other would keep those out that stand behind them in Go's queue, one that was woken from a sleep, for 10 ms at a
// time. So each that gets its turn lets them run first.
func (c *cpu) await() {
	<-c.turn
	runtime.Gosched()
}

// Leave implements [task.CPU].
func (c *cpu) Leave() {
	c.m.Offline(c.t)
	c.of.mu.Lock()
	c.of.pass()
	c.of.mu.Unlock()
}

// yield lets the next task run, if one waits for a CPU.
func (c *cpu) yield() {
	c.slept = false
	c.of.mu.Lock()
	if c.of.open || len(c.of.woken.waiting)+len(c.of.ready.waiting) == 0 {
		c.of.mu.Unlock()
		runtime.Gosched()
		return
	}
	c.m.Offline(c.t) // before another task has the CPU
	c.of.pass()
	c.of.ready.waiting = append(c.of.ready.waiting, c)
	c.of.mu.Unlock()
	c.await()
	c.m.Online(c.t)
}

// pass gives a CPU to the next task: one that was woken, as a kernel prefers it, but not for ever. The caller holds c.mu.
func (c *cpus) pass() {
	const most = 3
	woken, ready := len(c.woken.waiting) > 0, len(c.ready.waiting) > 0
	switch {
	case woken && (!ready || c.turns < most):
		c.turns++
		c.woken.pop().turn <- struct{}{}
	case ready:
		c.turns = 0
		c.ready.pop().turn <- struct{}{}
	default:
		c.free++
	}
}

// release lets all tasks go on.
func (c *cpus) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = true
	for _, q := range []*queue{&c.woken, &c.ready} {
		for len(q.waiting) > 0 {
			q.pop().turn <- struct{}{}
		}
	}
}
