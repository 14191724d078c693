package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// spinDetector finds tasks that go round a loop without getting anywhere: a task that takes very many steps while nothing that
// another task could see changes, and that comes back to one of its operations again and again, with no cell that is new to it, is held
// back until another changes something. When only such tasks are left that is a livelock. It needs no annotation of the loop, and it
// costs completeness only where a schedule would starve the others for as long; a loop that does change things is found by
// [cycleDetector] or runs into the limit on steps instead.
type spinDetector struct {
	spinning taskSet        // the tasks that are held back
	loops    [maxTasks]loop // by task
	changes  uint32         // steps that changed something
	after    int            // after how many steps that change nothing a task may be held back
}

// loop is the run of steps of one task during which nothing changed.
type loop struct {
	changes uint32 // spinDetector.changes when it began
	steps   int
	op      task.Op // the operation it is expected to come back to
	addr    unsafe.Pointer
	rounds  int
	met     map[unsafe.Pointer]bool // the cells that it came to since
}

// fresh reports whether the loop has not been at the cell: then it gets on, as one does that goes through a table and looks each time at
// what holds that.
func (l *loop) fresh(cell unsafe.Pointer) bool {
	if l.met == nil {
		l.met = map[unsafe.Pointer]bool{}
	}
	known := l.met[cell]
	l.met[cell] = true
	return !known
}

const (
	spinSettles = 100  // steps after which a loop should be in its rounds
	spinSteps   = 1000 // steps, where a strategy picks,
	spinRounds  = 20   // and rounds that make it a loop without end
)

func (s *spinDetector) reset() { s.spinning, s.loops, s.changes = 0, [maxTasks]loop{}, 0 }

// note takes a step into account.
func (s *spinDetector) note(i int, e *task.Event) {
	if changes(e) {
		s.changes++
		s.spinning = 0
		return
	}
	l := &s.loops[i]
	if l.changes != s.changes {
		*l = loop{changes: s.changes}
	}
	l.steps++
	switch {
	case l.steps < spinSettles:
	case l.steps == spinSettles:
		l.op, l.addr = e.Op, e.Addr
	case l.fresh(e.Addr):
		l.rounds = 0
	case e.Op == l.op && e.Addr == l.addr:
		l.rounds++
		if l.steps >= s.after && l.rounds >= spinRounds {
			s.spinning |= 1 << i
		}
	}
}

// changes reports whether another task could see that the operation was performed.
func changes(e *task.Event) bool {
	switch e.Op.Info().Kind {
	case task.Read:
		return false
	case task.Wait:
		return e.Op == task.OpSchedule || e.Interrupted
	case task.Try, task.RMW:
		return e.Old != e.New || !conditional(e.Op)
	}
	return true
}

// conditional reports whether the operation writes only if what it finds allows it; otherwise it is a read.
func conditional(op task.Op) bool {
	switch op {
	case task.OpCmpXchg, task.OpAtomicIncNotZero, task.OpRefIncNotZero, task.OpRefIncNotZeroLimitedAcquire, task.OpRefIncMoreThanOneLimitedAcquire,
		task.OpRefIncLimitedAcquire, task.OpRefAddNotZero, task.OpDownReadTrylock, task.OpDownWriteTrylock, task.OpMutexTrylock, task.OpSpinTrylock:
		return true
	}
	return false
}

// cycleDetector finds, in an execution that is cut off, that the tasks go round: in its second half they take the same steps with the
// same values again and again, all that can go on take part, and none of them gets on with what its program is to do. Being
// deterministic, they will do so for ever. A program that merely takes very long does not: it gets on, or its steps differ.
type cycleDetector struct {
	from     int      // the last step of the first half
	steps    []uint64 // of the second, hashed
	tasks    []uint8  // whose they were
	progress int      // of the world after the first half
}

// cycleRounds is how often the tasks have to go round.
const cycleRounds = 3

func (c *cycleDetector) reset() { c.steps, c.tasks = c.steps[:0], c.tasks[:0] }

func (c *cycleDetector) note(i int, e *task.Event) {
	h := Mix(uint64(i)<<32|uint64(e.Op), uint64(uintptr(e.Addr)))
	c.steps = append(c.steps, Mix(Mix(h, e.Old), e.New))
	c.tasks = append(c.tasks, uint8(i))
}

// period returns after how many steps all repeats itself, 0 if it does not.
func (c *cycleDetector) period() int {
	n := len(c.steps)
	border := make([]int, n+1) // by length of a beginning: the longest proper end of it that it also begins with
	border[0] = -1
	for i, k := 0, -1; i < n; {
		for k >= 0 && c.steps[i] != c.steps[k] {
			k = border[k]
		}
		i++
		k++
		border[i] = k
	}
	if p := n - border[n]; p*cycleRounds <= n {
		return p
	}
	return 0
}

// cut says what it is when the limit on steps is reached.
func (x *Executor) cut() Ending {
	c := &x.cycle
	p := c.period()
	if p == 0 || x.world.Progress() != c.progress {
		return Truncated
	}
	var round taskSet
	for _, i := range c.tasks[len(c.tasks)-p:] {
		round |= 1 << i
	}
	if x.enabled&^round != 0 { // one that could go on was not let
		return Truncated
	}
	x.res.blocked = x.blockedNow()
	for i := range x.res.blocked {
		b := &x.res.blocked[i]
		for j, q := range x.procs[:x.tasks] {
			b.Spins = b.Spins || q.task.Name == b.Task && round.has(j)
		}
	}
	return Livelock
}
