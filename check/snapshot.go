package check

import "slices"

// Snapshot is what a checker knew at some moment of an execution. The next execution can begin there, if the world is what it was.
type Snapshot struct {
	cells       []cell
	slots       int // of the table of cells
	objects     []object
	locks       []lockState
	plains      []plainWord
	relied      []reliance
	init, grace clock
	tasks       []taskState
	births      []int      // by shape
	reported    [][2]int32 // orders of locks
}

// Snapshot takes a snapshot.
func (c *Checker) Snapshot() *Snapshot {
	s := &Snapshot{
		cells: make([]cell, len(c.cells.cells)), slots: len(c.cells.slots), objects: slices.Clone(c.objects), relied: slices.Clone(c.relied),
		locks: make([]lockState, len(c.locks)), plains: make([]plainWord, len(c.plains)), tasks: make([]taskState, len(c.tasks)),
		reported: slices.Clone(c.order.reported),
	}
	for i := range s.cells {
		s.cells[i].set(&c.cells.cells[i])
	}
	for i := range s.locks {
		s.locks[i].set(&c.locks[i])
	}
	for i := range s.plains {
		s.plains[i].set(&c.plains[i])
	}
	for i := range s.tasks {
		s.tasks[i].set(c.tasks[i])
	}
	s.init.set(c.init)
	s.grace.set(c.grace)
	for _, shape := range c.shapes {
		s.births = append(s.births, shape.births)
	}
	return s
}

// CanReturn reports whether the checker can still return to the snapshot.
func (c *Checker) CanReturn(s *Snapshot) bool {
	return s.slots == len(c.cells.slots)
}

// Return is Reset to what the checker knew at the snapshot.
func (c *Checker) Return(s *Snapshot) {
	if c.from != s {
		c.cells.truncate(0)
	}
	c.cells.restore(s.cells)
	c.forget()
	c.from = s
	c.objects = append(c.objects, s.objects...)
	c.relied = append(c.relied, s.relied...)
	for i := range s.locks {
		c.locks[c.addLock()].set(&s.locks[i])
	}
	for i := range s.plains {
		c.plains[c.addPlain()].set(&s.plains[i])
	}
	for i, ts := range c.tasks {
		if i < len(s.tasks) && s.tasks[i].task != nil {
			ts.set(&s.tasks[i])
		} else { // begins where the checker first hears of it
			ts.reset()
		}
	}
	c.init.set(s.init)
	c.grace.set(s.grace)
	for i, n := range s.births {
		c.shapes[i].births = n
	}
	c.order.reported = append(c.order.reported, s.reported...)
}

// restore makes the table, which is empty or begins with these cells, hold just them as they were.
func (ct *cellTable) restore(cells []cell) {
	if len(ct.cells) >= len(cells) {
		ct.truncate(len(cells))
	} else {
		ct.cells = slices.Grow(ct.cells, len(cells))[:len(cells)]
	}
	for n := range cells {
		ct.cells[n].set(&cells[n])
		ct.slots[cells[n].slot] = int32(n) + 1
	}
}

// set makes the cell equal to another one, in its own memory.
func (k *cell) set(o *cell) {
	rel := append(k.rel[:0], o.rel...)
	*k = *o
	k.rel = rel
}

func (l *lockState) set(o *lockState) {
	l.fromReaders.set(o.fromReaders)
	l.fromWriters.set(o.fromWriters)
}

func (p *plainWord) set(o *plainWord) { p.write, p.reads = o.write, append(p.reads[:0], o.reads...) }

// set makes the state equal to another one, in its own memory.
func (ts *taskState) set(o *taskState) {
	was := *ts
	*ts = *o
	ts.held, ts.refs, ts.released = append(was.held[:0], o.held...), append(was.refs[:0], o.refs...), append(was.released[:0], o.released...)
	ts.locking = append(was.locking[:0], o.locking...)
	ts.now, ts.later, ts.woken, ts.ended, ts.graced = was.now, was.later, was.woken, was.ended, was.graced
	ts.now.set(o.now)
	ts.later.set(o.later)
	ts.woken.set(o.woken)
	ts.ended.set(o.ended)
	ts.graced.set(o.graced)
	for slot := range ts.sections {
		ts.sections[slot] = was.sections[slot]
		ts.sections[slot].set(o.sections[slot])
	}
}
