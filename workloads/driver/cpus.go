package driver

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"vmasim/internal/task"
	"vmasim/mm"
)

// cpus are the simulated CPUs that the tasks of a run share, where these are more than the cores of this machine: one for each core. Without
// them Go preempts a goroutine anywhere, with a spinlock held, or in a memory access for which a TLB flush waits, and it comes to its turn again
// when all the others have had theirs. A task keeps its CPU until it sleeps or, between two statements, another should run.
type cpus struct {
	clock func() time.Duration
	idle  []*task.Task // of each CPU, whose number is that of the CPU's data: the kernel's swapper

	mu    sync.Mutex
	sched scheduler
	open  bool // all tasks may go on: the run is being ended
}

// newCPUs returns CPUs for so many tasks, nil if each can have one.
func newCPUs(m *mm.Machine, tasks int, clock func() time.Duration) *cpus {
	n := runtime.GOMAXPROCS(0)
	if tasks <= n {
		return nil
	}
	c := &cpus{clock: clock, sched: scheduler{queues: make([]runQueue, n)}}
	for i := range n {
		c.idle = append(c.idle, m.NewTask(fmt.Sprint("swapper/", i)))
	}
	return c
}

// shutDown gives back what the CPUs have cached, when no task is left.
func (c *cpus) shutDown(m *mm.Machine) {
	for _, t := range c.idle {
		m.EndTask(t)
	}
}

// cpu is a task's share in the CPUs. It implements [task.CPU].
type cpu struct {
	share
	of     *cpus
	m      *mm.Machine
	t      *task.Task
	asleep bool
}

// seat gives a new task its share. It has no CPU until it begins.
func (c *cpus) seat(m *mm.Machine, t *task.Task) *cpu {
	m.Offline(t)
	return &cpu{share: share{cpu: t.ID % len(c.idle), turn: make(chan struct{}, 1)}, of: c, m: m, t: t}
}

// begin returns when the task has a CPU.
func (c *cpu) begin() {
	c.of.mu.Lock()
	has := c.start(false)
	c.of.mu.Unlock()
	if !has {
		c.await()
	}
	c.goOn()
}

// start asks for a CPU, and reports whether the task may go on at once. The caller holds c.of.mu.
func (c *cpu) start(slept bool) bool {
	if c.of.open {
		c.cpu = none
		return true
	}
	return c.of.sched.wake(&c.share, slept, c.of.clock())
}

// none is the CPU of a task that goes on without one.
const none = -1

// end gives the task's CPU up for good.
func (c *cpu) end() {
	c.m.Offline(c.t)
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !c.of.open {
		c.leave()
	}
}

// leave gives the task's CPU to the next. The caller holds c.of.mu.
func (c *cpu) leave() {
	if next := c.of.sched.sleep(&c.share, c.of.clock()); next != nil {
		next.turn <- struct{}{}
	}
}

// Sleep implements [task.CPU].
func (c *cpu) Sleep(woken <-chan struct{}) {
	c.m.Offline(c.t) // before another task has the CPU
	c.of.mu.Lock()
	sleeps := len(woken) == 0 && !c.of.open
	if sleeps {
		c.asleep = true
		c.leave()
	}
	c.of.mu.Unlock()
	if sleeps {
		c.await()
	}
	<-woken
	c.goOn()
}

// Wake implements [task.CPU].
func (c *cpu) Wake() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !c.asleep {
		return
	}
	c.asleep = false
	if c.start(true) {
		c.turn <- struct{}{}
	}
}

// yield lets another task run if one waits that should.
func (c *cpu) yield() {
	c.of.mu.Lock()
	var next *share
	if !c.of.open {
		next = c.of.sched.yield(&c.share, c.of.clock())
	}
	if next == nil {
		c.of.mu.Unlock()
		runtime.Gosched()
		return
	}
	c.m.Offline(c.t) // before the other has the CPU
	next.turn <- struct{}{}
	c.of.mu.Unlock()
	c.await()
	c.goOn()
}

// await waits for the task's turn. Go runs a goroutine that another has woken in place of that, and within its time slice: tasks that hand
// a CPU on to each other would keep those out that stand behind them in Go's queue, one that was woken from a sleep, for 10 ms at a
// time. So each that gets its turn lets them run first.
func (c *cpu) await() {
	<-c.turn
	runtime.Gosched()
}

// goOn begins to use the CPU that the task has been given.
func (c *cpu) goOn() {
	if c.t.Processor = c.t.ID; c.cpu != none {
		c.t.Processor = c.of.idle[c.cpu].ID
	}
	c.m.Online(c.t)
}

// release lets all tasks go on.
func (c *cpus) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = true
	for _, s := range c.sched.drain() {
		s.cpu = none
		s.turn <- struct{}{}
	}
}
