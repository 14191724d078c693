package program

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/workloads"
	"vmasim/workloads/interp"
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
func (w *world) outcome() *outcome {
	slices.SortStableFunc(w.log, func(x, y entry) int { return cmp.Compare(x.slot, y.slot) })
	w.key = w.key[:0]
	for _, e := range w.log {
		w.key = binary.AppendUvarint(w.key, uint64(e.slot))
		w.key = append(w.key, byte(e.outcome.Kind))
		w.key = binary.AppendUvarint(w.key, uint64(e.outcome.Errno))
		w.key = binary.AppendUvarint(w.key, e.outcome.Value)
		w.key = append(w.key, byte(e.space), byte(e.made))
	}
	w.key = w.appendMapped(w.key)
	if o := w.outcomes[string(w.key)]; o != nil {
		return o
	}
	o := w.describe()
	w.outcomes[string(w.key)] = o
	return o
}

// appendMapped appends what all address spaces map.
func (w *world) appendMapped(key []byte) []byte {
	for i := range w.spaces {
		key = append(key, byte(i))
		w.eachVMA(i, func(e tree.Entry) {
			_, _, pgoff, flags := e.VMA.Snapshot()
			for _, v := range [...]uint64{e.Start, e.End, pgoff, uint64(flags)} {
				key = binary.AppendUvarint(key, v)
			}
		})
	}
	return key
}

// eachVMA visits an address space, at a moment when nothing changes it.
func (w *world) eachVMA(space int, visit func(tree.Entry)) {
	m := w.spaces[space].mm.Peek()
	if m == nil || m.Tree == nil { // half made
		return
	}
	m.Tree.Ascend(&w.quiet, 0, func(e tree.Entry) bool {
		visit(e)
		return true
	})
}

// describe words the outcome and answers the questions.
func (w *world) describe() *outcome {
	o := &outcome{results: map[string]bool{}}
	var words []string
	for _, e := range w.log {
		s := w.p.slots[e.slot]
		result := w.word(s.stmt, e.outcome)
		words = append(words, s.name+"="+result)
		o.results[s.name+" = "+result] = true
	}
	for i, space := range w.p.scenario.MMs {
		words = append(words, space.Name+": "+strings.Join(w.mapLines(i), ", "))
	}
	o.text = strings.Join(words, "; ")
	for _, q := range w.p.scenario.Questions {
		holds := len(q.Terms) > 0
		for _, term := range q.Terms {
			holds = holds && w.termHolds(term, q.Kind == workloads.KindAlways)
		}
		o.answers = append(o.answers, holds)
		if q.Kind == workloads.KindAlways && !holds {
			o.violations = append(o.violations, task.Violation{Oracle: q.Kind.String(), Task: setupName, Stmt: q.String(),
				Message: fmt.Sprintf("%s does not hold: %s", q, o.text)})
		}
	}
	w.p.note(o)
	return o
}

func (w *world) word(s *workloads.Stmt, out workloads.Outcome) string {
	if out.Kind == workloads.ResultOK && s.Kind != workloads.KindMmap && s.Spec().Results&workloads.GivesValue != 0 {
		return fmt.Sprint(out.Value)
	}
	return interp.Label(out)
}

// termHolds tells that a statement gave a result: one of its executions in one of the thread's tasks, or all.
func (w *world) termHolds(term *workloads.Term, all bool) bool {
	some, every := false, true
	for i, r := range w.threads {
		if w.threadOf(i) != term.Thread.Index {
			continue
		}
		for _, e := range w.log {
			if i := e.slot - r.first; 0 <= i && i < len(r.nth) && w.p.number[w.p.slots[e.slot].stmt] == term.Stmt {
				ok := term.Result.Allows(e.outcome, r.Env)
				some, every = some || ok, every && ok
			}
		}
	}
	return some && (every || !all)
}

// threadOf returns the thread that a task belongs to.
func (w *world) threadOf(index int) int {
	for i, n := range w.p.plan.Counts {
		if index < n {
			return i
		}
		index -= n
	}
	panic("no such task")
}

// note keeps an outcome that a world has seen for the first time.
func (p *Program) note(o *outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcomes[o.text] = o
}

// mapLines draws what an address space maps, a line for each VMA.
func (w *world) mapLines(space int) (lines []string) {
	if w.spaces[space].mm.Peek() == nil {
		return []string{"does not exist"}
	}
	w.eachVMA(space, func(e tree.Entry) { lines = append(lines, w.mapLine(e)) })
	if lines == nil {
		return []string{"empty"}
	}
	return lines
}

func (w *world) mapLine(e tree.Entry) string {
	_, _, pgoff, flags := e.VMA.Snapshot()
	file := e.VMA.FilePeek()
	line := fmt.Sprintf("%s..%s %s", w.place(e.Start), w.place(e.End), flags.Perms())
	switch {
	case file == nil:
		return line + " anon"
	case file.Shmem():
		return line + " shmem"
	}
	for i, f := range w.files {
		if f == file {
			line += fmt.Sprintf(" file %s+%#x", w.p.scenario.Files[i].Name, pgoff<<linux.PageShift)
		}
	}
	return line
}

// nearby is how far from a region an address is still worded relative to it.
const nearby = 16 << 20

// place words an address relative to a region that init has bound.
func (w *world) place(addr uint64) string {
	for i, r := range w.regions {
		if r.Size == 0 || addr < r.Base || addr > r.Base+r.Size+nearby {
			continue
		}
		base := &workloads.Expr{Op: workloads.ExprBase, Region: workloads.Ref{Name: w.setup.block.Regions[i], Index: i}}
		if addr == r.Base {
			return base.String()
		}
		by := &workloads.Expr{Op: workloads.ExprConst, Value: addr - r.Base}
		return (&workloads.Expr{Op: workloads.ExprAdd, X: base, Y: by}).String()
	}
	return fmt.Sprintf("%#x", addr)
}
