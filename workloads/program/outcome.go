package program

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/workloads"
	"vmasim/workloads/actor"
)

// outcome is what an execution ended in: the result of each statement, and what is mapped at the end.
type outcome struct {
	text       string
	answers    []bool           // to each question: its terms hold
	results    map[string]bool  // "reader.1 = ok"
	violations []task.Violation // of what always is asked
	linear     linearization
}

// outcome returns that of the execution just run. The same results give the same one.
func (a *arena) outcome() *outcome {
	slices.SortStableFunc(a.log, func(x, y entry) int { return cmp.Compare(x.slot, y.slot) })
	a.key = a.key[:0]
	for _, e := range a.log {
		a.key = binary.AppendUvarint(a.key, uint64(e.slot))
		a.key = append(a.key, byte(e.outcome.Kind))
		a.key = binary.AppendUvarint(a.key, uint64(e.outcome.Errno))
		a.key = binary.AppendUvarint(a.key, e.outcome.Value)
		a.key = append(a.key, byte(e.space), byte(e.made))
	}
	for i := range a.spaces {
		a.key = append(a.key, byte(i))
		a.eachVMA(i, func(e tree.Entry) {
			_, _, pgoff, flags := e.VMA.Snapshot()
			a.key = binary.AppendUvarint(a.key, e.Start)
			a.key = binary.AppendUvarint(a.key, e.End)
			a.key = binary.AppendUvarint(a.key, pgoff)
			a.key = binary.AppendUvarint(a.key, uint64(flags))
		})
	}
	if o := a.outcomes[string(a.key)]; o != nil {
		return o
	}
	o := a.describe()
	a.outcomes[string(a.key)] = o
	return o
}

// eachVMA visits an address space, at a moment when nothing changes it.
func (a *arena) eachVMA(space int, visit func(tree.Entry)) {
	m := a.spaces[space].mm.Peek()
	if m == nil || m.Tree == nil { // half made
		return
	}
	m.Tree.Ascend(&a.nobody, 0, func(e tree.Entry) bool {
		visit(e)
		return true
	})
}

// describe words the outcome and answers the questions.
func (a *arena) describe() *outcome {
	o := &outcome{results: map[string]bool{}}
	var words []string
	for _, e := range a.log {
		s := a.p.slots[e.slot]
		result := a.word(s.stmt, e.outcome)
		words = append(words, s.name+"="+result)
		o.results[s.name+" = "+result] = true
	}
	for i, space := range a.p.scenario.MMs {
		words = append(words, space.Name+": "+strings.Join(a.mapLines(i), ", "))
	}
	o.text = strings.Join(words, "; ")
	for _, q := range a.p.scenario.Questions {
		holds := len(q.Terms) > 0
		for _, term := range q.Terms {
			holds = holds && a.termHolds(term, q.Kind == workloads.KindAlways)
		}
		o.answers = append(o.answers, holds)
		if q.Kind == workloads.KindAlways && !holds {
			o.violations = append(o.violations, task.Violation{Oracle: q.Kind.String(), Task: setupName, Stmt: q.String(),
				Message: fmt.Sprintf("%s does not hold: %s", q, o.text)})
		}
	}
	a.p.note(o)
	return o
}

func (a *arena) word(s *workloads.Stmt, out workloads.Outcome) string {
	if out.Kind == workloads.ResultOK && s.Kind != workloads.KindMmap && s.Spec().Results&workloads.GivesValue != 0 {
		return fmt.Sprint(out.Value)
	}
	return actor.Label(out)
}

// termHolds tells that a statement gave a result: one of its executions in one of the thread's tasks, or all.
func (a *arena) termHolds(term *workloads.Term, all bool) bool {
	some, every := false, true
	for i, r := range a.threads {
		if a.threadOf(i) != term.Thread.Index {
			continue
		}
		for _, e := range a.log {
			if i := e.slot - r.first; 0 <= i && i < len(r.nth) && a.p.number[a.p.slots[e.slot].stmt] == term.Stmt {
				ok := term.Result.Allows(e.outcome, r.Env)
				some, every = some || ok, every && ok
			}
		}
	}
	return some && (every || !all)
}

// threadOf returns the thread that a task belongs to.
func (a *arena) threadOf(index int) int {
	for i, n := range a.p.plan.Counts {
		if index < n {
			return i
		}
		index -= n
	}
	panic("no such task")
}

// note keeps an outcome that an arena has seen for the first time.
func (p *Program) note(o *outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcomes[o.text] = o
}

// mapLines draws what an address space maps, a line for each VMA.
func (a *arena) mapLines(space int) (lines []string) {
	if a.spaces[space].mm.Peek() == nil {
		return []string{"does not exist"}
	}
	a.eachVMA(space, func(e tree.Entry) { lines = append(lines, a.mapLine(e)) })
	if lines == nil {
		return []string{"empty"}
	}
	return lines
}

func (a *arena) mapLine(e tree.Entry) string {
	_, _, pgoff, flags := e.VMA.Snapshot()
	file, _, _, _ := e.VMA.Quiescent()
	line := fmt.Sprintf("%s..%s %s", a.place(e.Start), a.place(e.End), flags.Perms())
	switch {
	case file == nil:
		return line + " anon"
	case file.Shmem():
		return line + " shmem"
	}
	for i, f := range a.files {
		if f == file {
			line += fmt.Sprintf(" file %s+%#x", a.p.scenario.Files[i].Name, pgoff<<mm.PageShift)
		}
	}
	return line
}

// nearby is how far from a region an address is still worded relative to it.
const nearby = 16 << 20

// place words an address relative to a region that init has bound.
func (a *arena) place(addr uint64) string {
	for i, r := range a.regions {
		if r.Size == 0 || addr < r.Base || addr > r.Base+r.Size+nearby {
			continue
		}
		base := &workloads.Expr{Op: workloads.ExprBase, Region: workloads.Ref{Name: a.setup.block.Regions[i], Index: i}}
		if addr == r.Base {
			return base.String()
		}
		by := &workloads.Expr{Op: workloads.ExprConst, Value: addr - r.Base}
		return (&workloads.Expr{Op: workloads.ExprAdd, X: base, Y: by}).String()
	}
	return fmt.Sprintf("%#x", addr)
}
