package fault_test

import (
	"math/rand/v2"
	"slices"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
)

// footprint is what a pending operation touches: cells by the order in which a run announces them, which runs with the same
// beginning share.
type footprint struct {
	task, cell int
	write      bool
	target     int // of a wake-up; -1: none
}

func (a footprint) conflicts(b footprint) bool {
	if a.task == b.task || a.target == b.task || b.target == a.task {
		return true
	}
	return a.cell == b.cell && (a.write || b.write)
}

// search goes through the schedules of a program depth first, with sleep sets: without those that only exchange
// neighbouring steps that do not conflict.
type search struct {
	path    []*node
	pending map[int]footprint
	cells   map[unsafe.Pointer]int
	lengths []int // steps of each task, the most seen so far
}

// node is a state on the path, and the step taken there.
type node struct {
	enabled []int
	pending map[int]footprint
	sleep   map[int]footprint // steps whose schedules were all run elsewhere
	taken   int
}

// graceCell is the cell of all read-side sections and grace periods.
const graceCell = -1

// note remembers a task's pending operation.
func (x *search) note(t *task.Task, id int, e *task.Event, ids map[*task.Task]int) {
	kind := e.Op.Info().Kind
	f := footprint{task: id, write: kind != task.Read && (kind != task.Wait || e.Killable), target: -1}
	switch e.Op {
	case task.OpSectionBegin, task.OpSectionEnd:
		f.cell, f.write = graceCell, false
	case task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpBarrier:
		f.cell, f.write = graceCell, true
	default:
		n, known := x.cells[e.Addr]
		if !known {
			n = len(x.cells)
			x.cells[e.Addr] = n
		}
		f.cell = n
	}
	if e.Target != nil {
		if n, ok := ids[e.Target]; ok {
			f.target = n
		}
	}
	x.pending[id] = f
}

// turn repeats the path and goes on from its end. A run that could only repeat others is finished in any order.
func (x *search) turn() tasktest.Turn {
	depth, redundant := 0, false
	return func(enabled []int) int {
		if depth == len(x.path) && !redundant {
			c := &node{enabled: enabled, pending: map[int]footprint{}, sleep: map[int]footprint{}}
			for _, id := range enabled {
				c.pending[id] = x.pending[id]
			}
			if depth > 0 {
				last := x.path[depth-1]
				for id, f := range last.sleep {
					if !f.conflicts(last.pending[last.taken]) {
						c.sleep[id] = f
					}
				}
			}
			if redundant = !c.next(); !redundant {
				x.path = append(x.path, c)
			}
		}
		if redundant {
			return enabled[0]
		}
		depth++
		return x.path[depth-1].taken
	}
}

// measure notes how long the tasks were.
func (x *search) measure(steps []tasktest.Step, tasks int) {
	lengths := make([]int, tasks)
	for _, s := range steps {
		lengths[s.Task]++
	}
	for i, n := range x.lengths {
		lengths[i] = max(lengths[i], n)
	}
	x.lengths = lengths
}

// turns gives one task after the other a number of steps: up to its whole length, and often that.
func turns(seed uint64, lengths []int) tasktest.Turn {
	r := rand.New(rand.NewPCG(seed, 0))
	who, left := -1, 0
	return func(enabled []int) int {
		if left > 0 && slices.Contains(enabled, who) {
			left--
			return who
		}
		others := slices.DeleteFunc(slices.Clone(enabled), func(id int) bool { return id == who })
		if len(others) > 0 {
			who = others[r.IntN(len(others))]
		}
		if left = r.IntN(lengths[who]); r.IntN(4) == 0 {
			left = lengths[who]
		}
		return who
	}
}

// next moves to the first step that has to be tried, and reports whether there is one.
func (c *node) next() bool {
	for _, id := range c.enabled {
		if _, asleep := c.sleep[id]; !asleep {
			c.taken = id
			return true
		}
	}
	return false
}

// backtrack goes back to the last state where another step has to be tried, and reports whether there is one.
func (x *search) backtrack() bool {
	for len(x.path) > 0 {
		c := x.path[len(x.path)-1]
		c.sleep[c.taken] = c.pending[c.taken]
		if c.next() {
			return true
		}
		x.path = x.path[:len(x.path)-1]
	}
	return false
}

// spy notes a task's pending operation on its way to the scheduler.
type spy struct {
	task.Observer
	x   *search
	id  int
	ids map[*task.Task]int
}

func (s spy) Before(t *task.Task, e *task.Event) {
	s.x.note(t, s.id, e, s.ids)
	s.Observer.Before(t, e)
}
