package vma

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
)

// footprint names the cells that a pending operation touches.
type footprint struct {
	task   int
	cell   string // by name: each run has cells of its own
	write  bool
	target int // of a wake-up; -1: none
}

// conflicts reports whether the order of two operations can matter.
func (a footprint) conflicts(b footprint) bool {
	if a.task == b.task || a.target == b.task || b.target == a.task {
		return true
	}
	return a.cell == b.cell && (a.write || b.write)
}

// explorer goes through all schedules of a program, leaving out those that only exchange neighbouring steps that do not
// conflict: depth first, with sleep sets.
type explorer struct {
	path    []*choice
	pending map[int]footprint
	names   map[unsafe.Pointer]string // of this run's cells
}

// choice is a state on the path, and the step taken there.
type choice struct {
	enabled []int
	pending map[int]footprint
	sleep   map[int]footprint // steps whose schedules were all run elsewhere
	taken   int
}

// spy notes a task's pending operation for the explorer on its way to the scheduler.
type spy struct {
	task.Observer
	x *explorer
}

func (s spy) Before(t *task.Task, e *task.Event) {
	s.x.note(t, e)
	s.Observer.Before(t, e)
}

func (x *explorer) note(t *task.Task, e *task.Event) {
	kind := e.Op.Info().Kind
	f := footprint{task: t.ID, cell: x.names[e.Addr], write: kind != task.Read && (kind != task.Wait || e.Killable), target: -1}
	switch e.Op {
	case task.OpSectionBegin, task.OpSectionEnd:
		f.cell, f.write = "grace period", false
	case task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpBarrier:
		f.cell, f.write = "grace period", true
	}
	if f.cell == "" {
		panic(fmt.Sprintf("%s %s: the cell has no name", t.Name, e.Op))
	}
	if e.Target != nil {
		f.target = e.Target.ID
	}
	x.pending[t.ID] = f
}

// turn repeats the path and goes on from its end. A run that could only repeat others is finished in any order.
func (x *explorer) turn() tasktest.Turn {
	x.pending = map[int]footprint{}
	depth, redundant := 0, false
	return func(enabled []int) int {
		if depth == len(x.path) && !redundant {
			c := &choice{enabled: enabled, pending: map[int]footprint{}, sleep: map[int]footprint{}}
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

// next moves to the first step that has to be tried, and reports whether there is one.
func (c *choice) next() bool {
	for _, id := range c.enabled {
		if _, asleep := c.sleep[id]; !asleep {
			c.taken = id
			return true
		}
	}
	return false
}

// backtrack goes back to the last state where another step has to be tried, and reports whether there is one.
func (x *explorer) backtrack() bool {
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

// program is the tasks of one run, and what must hold at its end.
type program struct {
	tasks []func(*task.Task)
	check func()
}

// explore runs a program, made anew for each run, in every schedule that can make a difference. It returns how many there
// were, and the first complaint or deadlock with its schedule.
func explore(spec string, make func(l *lab) program) (runs int, err error) {
	x := &explorer{}
	for {
		runs++
		if err := runOnce(spec, make, x.turn(), x); err != nil {
			return runs, err
		}
		if !x.backtrack() {
			return runs, nil
		}
	}
}

func runOnce(spec string, make func(l *lab) program, turn tasktest.Turn, x *explorer) error {
	l := newLab(spec)
	p := make(l)
	x.names = l.names
	for i, body := range p.tasks {
		p.tasks[i] = func(t *task.Task) {
			t.Observer = spy{t.Observer, x}
			body(t)
		}
	}
	res, err := l.run(tasktest.Config{Turn: turn}, p.tasks...)
	if err == nil && p.check != nil {
		p.check()
	}
	if err == nil && len(l.broken) > 0 {
		err = errors.New(strings.Join(l.broken, "; "))
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, res.Log)
	}
	return err
}

// explores fails the test unless the program is right in every schedule.
func explores(t *testing.T, spec string, make func(l *lab) program) {
	t.Helper()
	runs, err := explore(spec, make)
	if err != nil {
		t.Fatalf("rules %q, schedule %d: %v", spec, runs, err)
	}
	t.Logf("rules %q: %d schedules", spec, runs)
}

// breaks fails the test unless some schedule ends with the given complaint.
func breaks(t *testing.T, spec, complaint string, make func(l *lab) program) {
	t.Helper()
	runs, err := explore(spec, make)
	if err == nil || !strings.Contains(err.Error(), complaint) {
		t.Fatalf("rules %q, %d schedules: %v, expected %s", spec, runs, err, complaint)
	}
	t.Logf("rules %q: broken by schedule %d", spec, runs)
}

// TestExplorerMissesNothing compares the outcomes of a program in the schedules that the explorer runs with those in all.
func TestExplorerMissesNothing(t *testing.T) {
	outcomes := map[string]bool{}
	make := func(l *lab) program {
		mm := l.mm("a")
		v := l.attached(mm)
		var res ReadResult
		var start uint64
		return program{
			tasks: []func(*task.Task){
				func(t *task.Task) {
					t.Sections[task.SlotRCU].Depth = 2 // the section that StartRead leaves is not what this is about
					if res = mm.StartRead(t, v); res == ReadLocked {
						start = v.Start(t)
						endRead(t, mm, v)
					}
				},
				func(t *task.Task) {
					v.refcnt.AddNotZero(t, VMALockOffset)
					mm.LockSeq.WriteBegin(t)
					v.seq.WriteOnce(t, mm.LockSeq.Peek())
					v.start.WriteOnce(t, 1)
					v.refcnt.SubRelease(t, VMALockOffset)
				},
			},
			check: func() { outcomes[fmt.Sprint(res, start)] = true },
		}
	}
	reduced, err := explore("", make)
	if err != nil {
		t.Fatal(err)
	}
	few := outcomes
	outcomes = map[string]bool{}
	all, err := tasktest.Explore(10_000, func(turn tasktest.Turn) (tasktest.Result, error) {
		l := newLab("")
		p := make(l)
		res, err := l.run(tasktest.Config{Turn: turn}, p.tasks...)
		p.check()
		return res, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(few) != len(outcomes) || len(few) < 3 || reduced >= all {
		t.Errorf("%d of %d schedules give %v, all give %v", reduced, all, few, outcomes)
	}
	t.Logf("%d of %d schedules, outcomes %v", reduced, all, few)
}
