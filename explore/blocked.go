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
func (x *Executor) blockedNow() []Blocked {
	var all []Blocked
	for i, p := range x.procs[:x.tasks] {
		if e := x.pending[i].Event; e != nil {
			all = append(all, Blocked{Task: p.task.Name, Op: e.Op, Addr: e.Addr, Func: e.Func,
				Stack: slices.Clone(p.task.Stack()), Spins: x.spins.spinning.has(i)})
		}
	}
	return all
}

// probe reports whether a deadlock is a lost wake-up: it wakes each sleeping task, as a spurious wake-up would, and sees
// whether its own code then goes on or lies down again. The execution is over, so what this changes does not matter.
func (x *Executor) probe() bool {
	tracker, oracle, before := x.tracker, x.oracle, x.res.violations
	x.tracker, x.oracle, x.running, x.chosen = nil, nil, false, x.maxChosen
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
	x.tracker, x.oracle, x.running, x.res.violations = tracker, oracle, true, before
	return lost
}
