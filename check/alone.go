package check

import "vmasim/internal/task"

// Who may do what to an object that no other task has found yet depends on whether another task has found it, which is a step on
// whichever cell that task touches first. That step is independent of the maker's on other cells. So it is not their order in
// this execution that is judged, but whether anything orders them.

// reliance is the last step with which the owner of an object relied on being alone with it.
type reliance struct {
	plainAccess
	oracle Oracle // that would have spoken otherwise
}

// relies notes that what ts does to an object that it made is in order only because no other task has found it.
func (c *Checker) relies(ts *taskState, o *object, oracle Oracle) {
	if !c.on.has(oracle) || o.owner != ts.index || !o.shape.kind.shows() {
		return
	}
	if o.relied < 0 {
		o.relied = int32(len(c.relied))
		c.relied = append(c.relied, reliance{})
	}
	r := &c.relied[o.relied]
	r.set(ts, 0, 0, false)
	r.oracle = oracle
}

// touches notes that ts touches an object. If it was its maker's alone until now, all that the maker relied on that for must come
// before.
func (c *Checker) touches(ts *taskState, o *object) {
	if o.owner >= 0 && o.owner != ts.index && o.shape.kind.shows() {
		c.finds(ts, o)
	}
}

// finds notes that ts is the first beside its maker to touch an object.
func (c *Checker) finds(ts *taskState, o *object) {
	o.owner = noTask
	if o.relied < 0 {
		return
	}
	if r := &c.relied[o.relied]; !c.before(&r.plainAccess, ts, true) {
		c.fail(r.oracle, ts.task, "%s is found by %s, and nothing orders that after what its maker, %s, did in %s as if it were alone with it",
			o, ts.task.Name, c.tasks[r.task].task.Name, r.stack.innerName())
	}
}

// isOwn reports whether only ts can find the object.
func (c *Checker) isOwn(ts *taskState, o *object) bool {
	return o.owner == ts.index || o.owner == anyTask
}

// reliesOn notes that an access is allowed by a rule only because the object is not visible yet.
func (c *Checker) reliesOn(ts *taskState, o *object, rule task.LockRule, have task.LockSet) {
	if have&task.NotYetVisible != 0 && !rule.Allows(have&^task.NotYetVisible) {
		c.relies(ts, o, LockRule)
	}
}
