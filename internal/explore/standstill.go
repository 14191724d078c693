package explore

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/task"
)

// Blocked is a task that cannot go on.
type Blocked struct {
	Task  string
	Op    task.Op
	Addr  unsafe.Pointer // of the cell it waits for
	Func  string
	Stack []string // kernel functions, outermost first

	Slept bool // the condition that it sleeps for holds: its wake-up was lost
	Spins bool // it is not blocked but goes round a loop that changes nothing
}

// statement returns the statement that it waits in, "" outside any.
func (b *Blocked) statement() string { return outermost(b.Stack) }

// outermost returns the outermost of nested functions, which in a scenario is the statement; "" for none.
func outermost(stack []string) string {
	if len(stack) == 0 {
		return ""
	}
	return stack[0]
}

func (b Blocked) String() string {
	does := "waits in"
	switch {
	case b.Slept:
		does = "sleeps, though its condition holds, in"
	case b.Spins:
		does = "goes round for ever in"
	}
	s := fmt.Sprintf("%s %s %s", b.Task, does, b.Op)
	if b.Func != "" {
		s += " (" + b.Func + ")"
	}
	return s
}

func describeBlocked(all []Blocked) string {
	var who []string
	for _, b := range all {
		who = append(who, b.String())
	}
	return strings.Join(who, "; ")
}

// blockedNow returns the tasks that have not ended.
func (x *executor) blockedNow() []Blocked {
	var all []Blocked
	for i, p := range x.procs[:x.tasks] {
		if e := x.pending[i].Event; e != nil {
			all = append(all, Blocked{Task: p.task.Name, Op: e.Op, Addr: e.Addr, Func: e.Func,
				Stack: slices.Clone(p.task.Stack()), Spins: x.stall.spinning.has(i)})
		}
	}
	return all
}

// probe reports whether a deadlock is a lost wake-up: it wakes each sleeping task, as a spurious wake-up would, and sees
// whether its own code then goes on or lies down again. The execution is over, so what this changes does not matter.
func (x *executor) probe() bool {
	tracker, watcher, before := x.tracker, x.watcher, x.res.violations
	x.tracker, x.watcher, x.running, x.chosen = nil, nil, false, x.maxChosen
	lost := false
	blocked := 0
	for i, p := range x.procs[:x.tasks] {
		e := x.pending[i].Event
		if e == nil {
			continue
		}
		if e.Op == task.OpSchedule {
			p.task.Unpark()
			p.next() // wakes up
			p.next() // looks
			if e := x.pending[i].Event; e == nil || e.Op != task.OpSchedule {
				x.res.blocked[blocked].Slept = true
				lost = true
			}
		}
		blocked++
	}
	x.tracker, x.watcher, x.running, x.res.violations = tracker, watcher, true, before
	return lost
}

// stall finds tasks that go round a loop without getting anywhere: a task that takes very many steps while nothing that
// anybody could see changes, and that comes back to one of its operations again and again, is held back until somebody
// changes something. When only such tasks are left that is a livelock. It needs no annotation of the loop, and it
// costs completeness only where a schedule would starve the others for as long; a loop that does change things runs
// into the limit on steps instead.
type stall struct {
	spinning taskSet
	loops    [maxTasks]loop
	changes  uint32 // steps that changed something
}

// loop is the run of steps of one task during which nothing changed.
type loop struct {
	changes uint32 // stall.changes when it began
	steps   int
	op      task.Op // the operation it is expected to come back to
	addr    unsafe.Pointer
	rounds  int
}

const (
	stallSettles = 100  // steps after which a loop should be in its rounds
	stallSteps   = 1000 // steps
	stallRounds  = 20   // and rounds that make it a stall
)

func (s *stall) reset() { *s = stall{} }

// note takes a step into account.
func (s *stall) note(i int, e *task.Event) {
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
	case l.steps < stallSettles:
	case l.steps == stallSettles:
		l.op, l.addr = e.Op, e.Addr
	case e.Op == l.op && e.Addr == l.addr:
		l.rounds++
		if l.steps >= stallSteps && l.rounds >= stallRounds {
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
	case task.OpCmpXchg, task.OpRefIncNotZero, task.OpRefIncNotZeroLimitedAcquire, task.OpRefAddNotZero,
		task.OpDownReadTrylock, task.OpDownWriteTrylock, task.OpMutexTrylock, task.OpSpinTrylock:
		return true
	}
	return false
}
