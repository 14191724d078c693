package program

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// recording is an oracle that takes down the names and values of what the steps of one execution access, which mean something
// only at that moment. It passes on what it is told to the oracles.
type recording struct {
	*oracles
	names   namer
	p       *Program
	started bool
	ended   bool
	tasks   map[string]*task.Task
	notes   []note          // of the steps
	writers map[written]int // by step, from 1
	bulks   []bulk          // writes of many cells at once
	read    int             // the step that wrote the word that the last read was of
	finally []Performed
	before  []Map
	after   []Map
}

// written is what a step has written: a cell, and the pointer if it is one, because a load may see one that was overwritten.
type written struct{ cell, value unsafe.Pointer }

// bulk is a step, from 1, that has written to size bytes.
type bulk struct {
	base unsafe.Pointer
	size uintptr
	step int
}

// note is what the recording adds to a step.
type note struct {
	cell    string
	was, is string
	from    int // of single cells
	word    int // of memory, which is written in bulk, too
	words   []string
}

func newRecording(p *Program) *recording {
	return &recording{p: p, names: newNamer(), tasks: map[string]*task.Task{}, writers: map[written]int{}}
}

// Reset implements [explore.Oracle]: the recording is of the execution that begins.
func (r *recording) Reset() {
	r.oracles.Reset()
	again := newRecording(r.p)
	again.oracles = r.oracles
	*r = *again
}

// begin is called when the world is set up.
func (r *recording) begin(w *world) {
	r.started = true
	r.names.begin(w)
	for _, t := range w.threads {
		r.tasks[t.Task.Name] = t.Task
	}
	r.before = r.look(w)
}

// end is called where the execution ends, or first goes wrong.
func (r *recording) end(w *world) {
	if r.started && !r.ended {
		r.ended = true
		r.after = r.look(w)
	}
}

// look draws the address spaces. What is broken may be half made, in any way: then it says so.
func (r *recording) look(w *world) (all []Map) {
	defer func() {
		if v := recover(); v != nil {
			message, _ := task.Panicked(v)
			all = []Map{{"everything", []string{"cannot be read: " + message}}}
		}
	}()
	return w.maps()
}

func (w *world) maps() (all []Map) {
	for i, m := range w.p.scenario.MMs {
		all = append(all, Map{m.Name, w.mapLines(i)})
	}
	return all
}

// follows reports whether what t does is a step.
func (r *recording) follows(t *task.Task) bool { return r.started && r.tasks[t.Name] == t }

// Before implements [explore.Oracle].
func (r *recording) Before(t *task.Task, e *task.Event) {
	if r.follows(t) {
		r.notes = append(r.notes, note{cell: r.names.cell(e)})
	}
	r.oracles.Before(t, e)
}

// After implements [explore.Oracle].
func (r *recording) After(t *task.Task, e *task.Event) {
	if r.follows(t) {
		n := &r.notes[len(r.notes)-1]
		n.was, n.is = r.names.value(e, e.Old, e.OldPtr), r.names.value(e, e.New, e.NewPtr)
		n.from, n.word = r.writers[written{e.Addr, e.OldPtr}], r.writerOf(e)
		switch kind := e.Op.Info().Kind; {
		case kind == task.Write && e.Size > 0:
			r.bulks = append(r.bulks, bulk{e.Addr, e.Size, len(r.notes)})
		case kind == task.Write || e.Old != e.New:
			r.writers[written{e.Addr, e.NewPtr}] = len(r.notes)
		}
	} else if r.started && e.Op.Info().Kind == task.Read {
		r.read = r.writerOf(e)
	}
	r.oracles.After(t, e)
}

// writerOf returns the step that last wrote the word of memory that an event is about, 0 for none.
func (r *recording) writerOf(e *task.Event) int {
	step := r.writers[written{e.Addr, nil}]
	for _, b := range r.bulks {
		if uintptr(e.Addr)-uintptr(b.base) < b.size {
			step = max(step, b.step)
		}
	}
	return step
}

// performed notes what came of a statement of finally.
func (r *recording) performed(s *workloads.Stmt, result string) {
	done := Performed{Text: r.p.text[s], Result: result}
	if s.Kind == workloads.KindLoad {
		done.From = r.read
	}
	r.finally = append(r.finally, done)
}

// Born implements [explore.Oracle].
func (r *recording) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	o := r.names.born(base, layout)
	if r.follows(t) && len(r.notes) > 0 {
		words := o.name + " is born"
		if o.before != "" {
			words += " in the memory of " + o.before
		}
		n := &r.notes[len(r.notes)-1]
		n.words = append(n.words, words)
	}
	r.oracles.Born(t, base, layout)
}

// Died implements [explore.Oracle].
func (r *recording) Died(t *task.Task, base unsafe.Pointer) {
	if o := r.names.objects[base]; o != nil && r.follows(t) && len(r.notes) > 0 {
		n := &r.notes[len(r.notes)-1]
		n.words = append(n.words, o.name+" is freed")
	}
	r.oracles.Died(t, base)
}

// trace joins what the explorer and the recording know.
func (r *recording) trace(t *explore.Trace) *Trace {
	out := &Trace{
		Before: r.before, After: r.after, Ending: t.Found.Ending, Violated: t.Found.Violations, Outcome: t.World,
		Objects: r.names.list(),
	}
	for _, th := range r.names.world.threads {
		out.Tasks = append(out.Tasks, th.Task.Name)
	}
	// What comes after the threads have ended is watched, too, but no step.
	var late []task.Violation
	steps := slices.DeleteFunc(t.Steps, func(s explore.Step) bool {
		if r.tasks[s.Task] == nil {
			late = append(late, s.Violations...)
			for _, v := range s.Passed {
				out.Passed = append(out.Passed, explore.Passed{Violation: v})
			}
			return true
		}
		return false
	})
	out.Finally, out.End = r.judged(late)
	if len(t.Steps) == 0 {
		out.Start = t.Found.Violations
	}
	for i, s := range steps {
		n := r.notes[i]
		step := Step{Step: s, Cell: n.cell, Was: n.was, Is: n.is, Notes: n.words}
		if n.from > 0 && steps[n.from-1].Task != s.Task {
			step.From = n.from
		}
		if step.Word() && s.Op.Info().Kind == task.Read {
			step.From = n.word
		}
		for _, v := range s.Passed {
			if !slices.ContainsFunc(out.Passed, func(p explore.Passed) bool { return p.Violation.Oracle == v.Oracle }) {
				step.Notes = append(step.Notes, v.Oracle+", and on")
			}
			out.Passed = append(out.Passed, explore.Passed{Step: i + 1, Violation: v})
		}
		if slices.ContainsFunc(s.Choices, func(v int) bool { return v != 0 }) {
			step.Notes = append(step.Notes, "chosen: "+strings.Trim(fmt.Sprint(s.Choices), "[]"))
		}
		out.Steps = append(out.Steps, step)
	}
	share(out.Steps)
	for _, b := range t.Found.Blocked {
		out.Blocked = append(out.Blocked, r.blocked(b))
	}
	return out
}

// judged gives what was found after the threads had ended to the statements of finally whose results it is about, and
// returns the rest.
func (r *recording) judged(late []task.Violation) (finally []Performed, rest []task.Violation) {
	finally = slices.Clone(r.finally)
	n := 0 // statements that are known to be as stated, or not
	for _, v := range late {
		i := slices.IndexFunc(finally[n:], func(p Performed) bool { return p.Text == v.Stmt })
		if v.Oracle != resultOracle || i < 0 {
			rest = append(rest, v)
			continue
		}
		n += i + 1
		finally[n-1].Violations = append(finally[n-1].Violations, v)
	}
	return finally, rest
}

// share marks the steps through which tasks affect each other: reads of what another task has written or is the next to
// write, and writes right before or after another task's access.
func share(steps []Step) {
	accesses := map[unsafe.Pointer][]*Step{}
	for i := range steps {
		accesses[steps[i].Addr] = nil
	}
	for i := range steps {
		s := &steps[i]
		for addr := range accesses {
			if uintptr(addr)-uintptr(s.Addr) < max(s.Size, 1) { // a bulk access is one to each cell in its range
				accesses[addr] = append(accesses[addr], s)
			}
		}
	}
	for _, all := range accesses {
		for i, s := range all {
			if s.Writes() {
				before, after := slices.Clone(all[:i]), all[i+1:]
				slices.Reverse(before)
				s.Shared = s.Shared || meetsOther(s.Task, before) || meetsOther(s.Task, after)
			} else {
				next := slices.IndexFunc(all[i:], (*Step).Writes)
				s.Shared = s.Shared || s.From > 0 && steps[s.From-1].Task != s.Task || next >= 0 && all[i+next].Task != s.Task
			}
		}
	}
}

// meetsOther reports whether the first access that is no read of the task's own is another task's.
func meetsOther(name string, accesses []*Step) bool {
	for _, s := range accesses {
		if s.Task != name || s.Writes() {
			return s.Task != name
		}
	}
	return false
}

// blocked says why a task cannot go on.
func (r *recording) blocked(b explore.Blocked) Blocked {
	e := &task.Event{Op: b.Op, Addr: b.Addr, Func: b.Func}
	out := Blocked{Blocked: b, Cell: r.names.cell(e)}
	if t := r.tasks[b.Task]; t != nil {
		for _, h := range r.checker.Blockers(t, e) {
			out.Why = append(out.Why, h.String())
		}
	}
	return out
}
