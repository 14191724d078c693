package program

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// This file judges whole executions: whether some order of the statements, each performed at once, gives the same results,
// contents and layouts, and no statement comes before one that had ended before it began (Herlihy and Wing:
// Linearizability, TOPLAS 1990). The sequential model says what an order gives; linear_points.go says which statements the
// kernel itself performs in several parts.
//
// Two executions that differ only in the order of independent steps may differ in what ended before what began. The
// exhaustive search runs one of them and judges that.

// linearOracle is the oracle of executions that no sequential order explains.
const linearOracle = "not-linearizable"

// entry is a statement that was performed.
type entry struct {
	slot    int // -1: of init
	outcome workloads.Outcome
	stmt    *workloads.Stmt
	runner  *runner
	nth     int // among all entries
	space   int // the address space it worked on, by world.mms; -1: none
	made    int // the one that it made; -1: none

	// How many steps all tasks had taken before and after.
	begin, end int
}

// steps returns how many steps were taken so far.
func (w *world) steps() int {
	if w.trail == nil {
		return 0
	}
	return len(w.trail.Tasks)
}

// spaceIndex numbers an address space; -1: none.
func (w *world) spaceIndex(m *mm.MM) int { return slices.Index(w.mms, m) }

// maxJudged is how many statements an execution may have for an order of them to be looked for: as many as a set of statements has
// room for.
const maxJudged = 64

// statements is a set of entries of world.log, by their place.
type statements uint64

func (s statements) has(i int) bool { return s>>i&1 != 0 }

// linearization is what is known of executions with one outcome.
type linearization struct {
	orders  []witness      // some that explain it
	refuted [][]statements // what came before each statement where nothing explains it
}

// witness is an order of the statements: when each begins and ends.
type witness struct{ first, last []int }

// respects reports whether no statement begins before all that came before it have ended.
func (w *witness) respects(before []statements) bool {
	for i, set := range before {
		for j := range before {
			if set.has(j) && w.last[j] >= w.first[i] {
				return false
			}
		}
	}
	return true
}

// linearize reports an execution that no sequential order explains. Most have a known outcome and fit a known order.
func (w *world) linearize(o *outcome) {
	if !w.judged() {
		return
	}
	before := w.precedence()
	for i := range o.linear.orders {
		if o.linear.orders[i].respects(before) {
			return
		}
	}
	if !o.linear.refutes(before) {
		witness, found := w.explain(before)
		if found {
			o.linear.orders = append(o.linear.orders, witness)
			return
		}
		o.linear.refuted = append(o.linear.refuted, slices.Clone(before))
	}
	w.violate(task.Violation{Oracle: linearOracle, Task: setupName,
		Message: fmt.Sprintf("no order of the statements gives %s%s", o.text, w.precedences(before))})
}

// refutes reports whether fewer constraints were too many already.
func (l *linearization) refutes(before []statements) bool {
	return slices.ContainsFunc(l.refuted, func(known []statements) bool {
		for i, set := range known {
			if set&^before[i] != 0 {
				return false
			}
		}
		return true
	})
}

// judged reports whether the sequential model knows all that happened. It does not know: a failed allocation and a
// fatal signal, which stop a system call anywhere; limits on memory and VMAs; files that the scenario did not make; and
// statements that are newer than it. Under a weak memory model there need not be an order: the kernel promises none to calls without locks.
func (w *world) judged() bool {
	p := w.p
	if w.trail == nil || p.draws || len(w.log) > maxJudged || !p.watches(linearOracle) {
		return false
	}
	stops := func(c task.Choice) bool {
		return c == task.AllocFails || c == task.Signal || c == task.HookFails || c == task.ChargeFails
	}
	if slices.ContainsFunc(p.choices(), stops) && w.chosen() {
		return false
	}
	if p.scenario.Window != nil || slices.ContainsFunc(p.scenario.Files, func(f *workloads.File) bool { return f.Path != "" || f.Special != 0 || f.Sealed || f.Hooks }) {
		return false
	}
	machine := p.plan.Config()
	limited := machine.Overcommit == linux.OvercommitNever || machine.RAM != 0 ||
		slices.ContainsFunc(p.scenario.Limits, func(l *workloads.Limit) bool { return l.Kind != workloads.LimitVMARefs })
	unknown := func(e entry) bool { return !modelled(e.stmt) || e.stopped(limited) }
	return !slices.ContainsFunc(w.prologue, unknown) && !slices.ContainsFunc(w.log, unknown)
}

// stopped reports whether the statement failed for a reason that lies outside the model, as far as one can tell.
func (e *entry) stopped(limited bool) bool {
	if e.outcome.Kind != workloads.ResultErrno {
		return false
	}
	noMemory := e.stmt.Spec().Results&workloads.GivesSignal != 0 || e.stmt.Kind == workloads.KindFork
	return limited || e.outcome.Errno == linux.EINTR || e.outcome.Errno == linux.ENOMEM && noMemory
}

// modelled reports whether the sequential model has the statement, or it is of no consequence to results and contents.
func modelled(s *workloads.Stmt) bool {
	switch s.Kind {
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore, workloads.KindLock, workloads.KindWalk,
		workloads.KindMunmap, workloads.KindMprotect, workloads.KindFork, workloads.KindPtdump, workloads.KindCollapse, workloads.KindSmapsRollup,
		workloads.KindDamonVMAs, workloads.KindTaskVMAs, workloads.KindReadMaps, workloads.KindEachVMA, workloads.KindDriverPages, workloads.KindLockBoth, workloads.KindFindVMAOf, workloads.KindSwapoff, workloads.KindKSM,
		workloads.KindBuildID, workloads.KindUffdRegister, workloads.KindUffdRelease:
		return true
	case workloads.KindExit, workloads.KindSessions, workloads.KindBarrier, workloads.KindAfter, workloads.KindYield, workloads.KindValidate, workloads.KindMaps:
		return true
	case workloads.KindMmap:
		known := s.Backing.Sharing == linux.MAP_PRIVATE || s.Backing.Sharing == linux.MAP_SHARED
		return known && s.Flags&^(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE|linux.MAP_NORESERVE) == 0
	case workloads.KindMadvise:
		return s.Advice == linux.MADV_DONTNEED
	}
	return false
}

// chosen reports whether anything but scheduling was decided otherwise than it normally is.
func (w *world) chosen() bool {
	return slices.ContainsFunc(w.trail.Choices, func(c explore.StepDecision) bool { return c.Value != 0 })
}

// precedence returns, for each entry, those that had ended when it began.
func (w *world) precedence() []statements {
	w.before = w.before[:0]
	for i := range w.log {
		e := &w.log[i]
		first := w.firstStep(e)
		var set statements
		for j := range w.log {
			f := &w.log[j]
			if f.runner == e.runner && f.nth < e.nth || f.runner != e.runner && f.end < first {
				set |= 1 << j
			}
		}
		w.before = append(w.before, set)
	}
	return w.before
}

// firstStep returns the number of an entry's first step; of the step that it was part of, if it took none. The block
// finally comes after all steps.
func (w *world) firstStep(e *entry) int {
	if e.runner == w.final {
		return len(w.trail.Tasks) + 1
	}
	if e.begin == e.end {
		return e.begin
	}
	for n, i := range w.trail.Tasks[e.begin:] {
		if w.threads[i] == e.runner {
			return e.begin + n + 1
		}
	}
	return e.end
}

// precedences words what constrains the order across tasks, but for what follows from the rest.
func (w *world) precedences(before []statements) string {
	var words []string
	for i, set := range before {
		f := &w.log[i]
		for j := range before {
			e := &w.log[j]
			if !set.has(j) || e.runner == f.runner || f.runner == w.final {
				continue
			}
			implied := false
			for k := range before {
				g := &w.log[k]
				implied = implied || set.has(k) && g.runner == e.runner && g.nth > e.nth ||
					before[k].has(j) && g.runner == f.runner && g.nth < f.nth
			}
			if !implied {
				words = append(words, w.p.slots[e.slot].name+" before "+w.p.slots[f.slot].name)
			}
		}
	}
	if words == nil {
		return ""
	}
	return " with " + strings.Join(words, ", ")
}
