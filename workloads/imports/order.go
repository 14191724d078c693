package imports

import (
	"cmp"
	"slices"

	"vmasim/workloads"
)

// place is where a task stands in the order of the calls: a call that begins when another has ended comes behind it, and calls that
// overlap have no order.
type place struct {
	index  int     // of the task
	known  []int   // by task: the last statement that this one comes behind; never changed, as others look at it
	done   int     // the last statement of the calls that have ended
	when   int     // the number of the end of that
	before []point // what had ended when its call began, where that has not ended yet
}

// point is a statement of a task that has ended, and what that comes behind.
type point struct {
	task, stmt, when int
	known            []int
}

// begins notes that a call of a task begins, and goes on beside others.
func (im *importer) begins(t *task) { t.order.before = im.ended(t, t.order.before[:0]) }

// ended lists for each other task its last statement that has ended and that t does not come behind yet.
func (im *importer) ended(t *task, points []point) []point {
	for _, u := range im.busy {
		if u != t && u.order.done > behind(t.order.known, u.order.index) {
			points = append(points, point{u.order.index, u.order.done, u.order.when, u.order.known})
		}
	}
	return points
}

func behind(known []int, task int) int {
	if task < len(known) {
		return known[task]
	}
	return 0
}

// ends notes that the call of a task has ended.
func (im *importer) ends(t *task) {
	if t.stmts > t.order.done {
		if t.order.done == 0 {
			im.busy = append(im.busy, t)
		}
		im.clock++
		t.order.done, t.order.when = t.stmts, im.clock
	}
}

// ordered has a task wait for the calls that had ended when its own began, and that it does not come behind yet: first for those that
// ended last, as they come behind others themselves.
func (im *importer) ordered(t *task) {
	points := t.order.before
	t.order.before = points[:0]
	if len(points) == 0 {
		return
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(b.when, a.when) })
	known := slices.Clone(t.order.known)
	for _, p := range points {
		if p.stmt <= behind(known, p.task) {
			continue
		}
		im.waits(t, im.all[p.task], p.stmt)
		if n := max(len(p.known), p.task+1); len(known) < n {
			known = append(known, make([]int, n-len(known))...)
		}
		for i, stmt := range p.known {
			known[i] = max(known[i], stmt)
		}
		known[p.task] = p.stmt
	}
	t.order.known = known
}

// waits writes that a task waits for a statement of another.
func (im *importer) waits(t, other *task, stmt int) {
	after := workloads.Stmt{Kind: workloads.KindAfter, After: &workloads.Term{Thread: workloads.Ref{Name: other.name}, Stmt: stmt}}
	im.write(t, after.String())
	im.report.Waits++
}
