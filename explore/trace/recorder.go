package trace

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// Namer has the names of what the tasks of an execution access. Its methods are called while the execution stands still.
type Namer interface {
	// Restart forgets the last execution.
	Restart()
	// Cell names what an operation accesses, "" where its own name says it all.
	Cell(e *task.Event) string
	// Value words what a cell held: the number v, or what p points to; "" where the cell has no value.
	Value(e *task.Event, v uint64, p unsafe.Pointer) string
	// Born names a new object and returns a note about it.
	Born(base unsafe.Pointer, layout *task.Layout) string
	// Died returns a note about the end of an object, "" for one that is not known.
	Died(base unsafe.Pointer) string
	// Blockers says who has what t waits for in its operation e.
	Blockers(t *task.Task, e *task.Event) []string
	// Held says which locks, references and read sections t has.
	Held(t *task.Task) []Held
	// Name is that of an object.
	Name(base unsafe.Pointer) string
	// Phase says in which phase of its life a VMA is, "" where that is not known.
	Phase(base unsafe.Pointer) string
	// Sections says which read sections the grace periods of an RCU domain wait for.
	Sections(domain unsafe.Pointer) string
	// Pending returns how many callbacks of it wait for a grace period.
	Pending(domain unsafe.Pointer) int
	// Entries returns what the page tables of each address space have, in order.
	Entries() [][]Entry
	// Objects returns those in whose names cells were named, in order.
	Objects() []Object
}

// Recorder makes the trace of one execution. Who runs the execution tells it of each step, and of what was violated.
type Recorder struct {
	trace   Trace
	names   Namer            // nil: nothing has a name
	held    []unsafe.Pointer // the cells of the steps: while these are known, no other object comes to lie there
	writers map[written]int  // the last step that wrote a value
	bulks   []bulk           // writes of many cells at once
	read    int              // the step that wrote the word that was last read after all steps; 0: none did
	look    func() []Map     // returns the address spaces
	over    bool             // the execution went wrong first, or ended
	late    bool             // the threads have ended
	behind  []Passed         // found in steps
	ended   []Passed         // found when the threads had ended
	found   []task.Violation // violated when the threads had ended
	stand   standing
	entries [][]Entry // that page tables have, by address space
}

// written is what a step has written: a cell, and the pointer if it is one, because a load may see one that was overwritten.
type written struct{ cell, value unsafe.Pointer }

// bulk is a step that has written to size bytes.
type bulk struct {
	base unsafe.Pointer
	size uintptr
	step int
}

// NewRecorder returns a recorder that names cells as names does; nil: not at all.
func NewRecorder(names Namer) *Recorder {
	return &Recorder{names: names, writers: map[written]int{}, stand: newStanding()}
}

// Restart forgets the last execution: of several the last is recorded.
func (r *Recorder) Restart() {
	*r = *NewRecorder(r.names)
	if r.names != nil {
		r.names.Restart()
	}
}

// Begin is called when the world is set up. look returns its address spaces.
func (r *Recorder) Begin(look func() []Map) {
	r.look = look
	r.trace.Before = look()
	if r.names != nil {
		r.stand.begin(r.names)
		r.entries = r.names.Entries()
		r.trace.Entries = r.changes(0, make([][]Entry, len(r.entries)))
	}
}

// changes compares what page tables have with what they had.
func (r *Recorder) changes(step int, was [][]Entry) (all []EntryChange) {
	for i := range min(len(was), len(r.entries), len(r.trace.Before)) {
		all = append(all, entriesChanged(step, r.trace.Before[i].Name, was[i], r.entries[i])...)
	}
	return all
}

// settle completes the last step: its task has come to its next one, or to its end.
func (r *Recorder) settle() {
	if r.names != nil && r.look != nil {
		r.stand.settle(r.names)
	}
}

// Over is called where the execution ends, or first goes wrong.
func (r *Recorder) Over() {
	if r.look != nil && !r.over {
		r.over = true
		r.trace.After = r.look()
	}
}

// Before begins a step: t is about to perform an operation, and the enabled tasks could have gone on instead.
func (r *Recorder) Before(t *task.Task, e *task.Event, enabled []string) {
	r.settle()
	info, stack := e.Op.Info(), append([]string{}, t.Stack()...)
	s := Step{Size: e.Size, Record: Record{
		Kind: info.Kind, Order: e.Order(), Addr: Address(e.Addr), Stack: stack, Enabled: append([]string{}, enabled...),
		Summary: Summary{Number: len(r.trace.Steps) + 1, Task: t.Name, Func: e.Func, Op: e.Op},
	}}
	if len(stack) > 0 {
		s.Statement = stack[0]
	}
	if r.names != nil {
		s.Cell = r.names.Cell(e)
		r.stand.stepper, r.stand.step = t, s.Number
	}
	r.held = append(r.held, e.Addr)
	r.trace.Steps = append(r.trace.Steps, s)
}

// After ends the step: t has performed the operation.
func (r *Recorder) After(t *task.Task, e *task.Event) {
	s := r.last()
	s.Old, s.New, s.Interrupted = e.Old, e.New, e.Interrupted
	if e.Target != nil {
		s.Target = e.Target.Name
	}
	if r.names == nil {
		return
	}
	s.Was, s.Is = r.names.Value(e, e.Old, e.OldPtr), r.names.Value(e, e.New, e.NewPtr)
	if from := r.writers[written{e.Addr, e.OldPtr}]; from > 0 && r.trace.Steps[from-1].Task != s.Task {
		s.From = from
	}
	if s.Word() && s.Reads() {
		s.From = r.writerOf(e)
	}
	switch {
	case s.Kind == task.Write && e.Size > 0:
		r.bulks = append(r.bulks, bulk{e.Addr, e.Size, s.Number})
	case s.Kind == task.Write || e.Old != e.New:
		r.writers[written{e.Addr, e.NewPtr}] = s.Number
	}
	r.stand.queues(t, e, s.Cell)
	r.stand.awaits(t, e, r.names)
	if r.look == nil || r.over {
		return
	}
	if s.Maps() {
		r.changed(s.Number)
	}
	if s.Tables() {
		was := r.entries
		r.entries = r.names.Entries()
		r.trace.Entries = append(r.trace.Entries, r.changes(s.Number, was)...)
	}
}

// Weak tells that the last step has seen the store of step from, or what was there before any, in place of that of step missed; or, being a store,
// has taken its place before that.
func (r *Recorder) Weak(from, missed int) {
	s := r.last()
	s.Missed = missed
	if s.Reads() {
		s.From = from
	}
}

// changed notes what is mapped after a step, if that is not what was mapped before.
func (r *Recorder) changed(step int) {
	last := r.trace.Before
	if n := len(r.trace.Between); n > 0 {
		last = r.trace.Between[n-1].Spaces
	}
	if now := r.look(); !slices.EqualFunc(last, now, func(a, b Map) bool { return SameAreas(a.Areas, b.Areas) }) {
		r.trace.Between = append(r.trace.Between, Change{step, now})
	}
}

// Read is told of an operation that belongs to no step, and was performed.
func (r *Recorder) Read(e *task.Event) {
	if e.Op.Info().Kind == task.Read {
		r.read = r.writerOf(e)
	}
}

// writerOf returns the step that last wrote the word of memory that an event is about, 0 for none.
func (r *Recorder) writerOf(e *task.Event) int {
	step := r.writers[written{e.Addr, nil}]
	for _, b := range r.bulks {
		if uintptr(e.Addr)-uintptr(b.base) < b.size {
			step = max(step, b.step)
		}
	}
	return step
}

// Born is told of a new object. stepping reports whether a step made it.
func (r *Recorder) Born(base unsafe.Pointer, layout *task.Layout, stepping bool) {
	if r.names != nil {
		note := r.names.Born(base, layout)
		if layout != nil && (stepping || r.look == nil) {
			r.stand.born(base, r.names.Name(base), layout.Type, r.during(stepping))
		}
		r.note(note, stepping)
	}
}

// Died is told of the end of an object.
func (r *Recorder) Died(base unsafe.Pointer, stepping bool) {
	if r.names != nil {
		if stepping || r.look == nil {
			r.stand.died(base, r.during(stepping))
		}
		r.note(r.names.Died(base), stepping)
	}
}

// during returns the step that does something, 0 if none does.
func (r *Recorder) during(stepping bool) int {
	if s := r.last(); s != nil && stepping {
		return s.Number
	}
	return 0
}

func (r *Recorder) note(words string, stepping bool) {
	if s := r.last(); s != nil && stepping && words != "" {
		s.Notes = append(s.Notes, words)
	}
}

// last returns the last step, nil before the first.
func (r *Recorder) last() *Step {
	if n := len(r.trace.Steps); n > 0 {
		return &r.trace.Steps[n-1]
	}
	return nil
}

// Late is called when the threads have ended: what follows belongs to no step.
func (r *Recorder) Late() {
	r.settle()
	r.late = true
}

// Violated is told what was violated since the last call: by the last step, or else after all steps.
func (r *Recorder) Violated(all []task.Violation) {
	if r.late {
		r.found = append(r.found, all...)
	} else if s := r.last(); s != nil {
		s.Violations = append(s.Violations, oracles(all)...)
	}
}

// PassedOver is told of a violation behind which the execution went on.
func (r *Recorder) PassedOver(v task.Violation) {
	if r.late {
		r.ended = append(r.ended, Passed{Violation: v})
	} else if s := r.last(); s != nil {
		r.behind = append(r.behind, Passed{s.Number, v})
	}
}

// Performed notes what came of a statement of finally. load reports whether it has read a word.
func (r *Recorder) Performed(text, result string, load bool) {
	done := Performed{Text: text, Result: result}
	if load {
		done.From = r.read
	}
	r.trace.Finally = append(r.trace.Finally, done)
}

// Chosen notes a decision made in the last step.
func (r *Recorder) Chosen(d Decision) {
	if s := r.last(); s != nil {
		s.Choices = append(s.Choices, d)
	}
}

// Next notes what t is about to do where the schedule ends. enabled reports whether it can go on.
func (r *Recorder) Next(t *task.Task, e *task.Event, enabled bool) {
	r.settle()
	n := Next{Task: t.Name, Stack: append([]string{}, t.Stack()...), Op: e.Op, Order: e.Order(), Func: e.Func, Enabled: enabled}
	if r.names != nil {
		n.Cell = r.names.Cell(e)
		for _, h := range r.names.Held(t) {
			n.Holds = append(n.Holds, h.String())
		}
		if !enabled {
			n.Why = r.names.Blockers(t, e)
		}
	}
	r.trace.Next = append(r.trace.Next, n)
}

// Blocked notes that t cannot go on with its operation e.
func (r *Recorder) Blocked(t *task.Task, e *task.Event, slept, spins bool) {
	b := Blocked{Task: t.Name, Op: e.Op, Func: e.Func, Slept: slept, Spins: spins}
	if r.names != nil {
		b.Cell, b.Why = r.names.Cell(e), r.names.Blockers(t, e)
	}
	r.trace.Blocked = append(r.trace.Blocked, b)
}

// End ends the recording, and returns the trace of the tasks, which ended in this way, for these violations.
func (r *Recorder) End(tasks []string, ending Ending, violated []task.Violation, outcome string) *Trace {
	t := &r.trace
	t.Tasks, t.Ending, t.Violated, t.Outcome = tasks, ending, violated, outcome
	if r.names != nil {
		r.settle()
		t.Objects = r.names.Objects()
		t.Lives, t.Holdings, t.Queued, t.Graces = r.stand.end(), r.stand.holdings, r.stand.queued, r.stand.graces
	}
	if len(t.Steps) == 0 && !r.late {
		t.Start = oracles(violated)
	}
	r.judge()
	t.Passed = r.ended
	for _, p := range r.behind {
		if !slices.ContainsFunc(t.Passed, func(o Passed) bool { return o.Violation.Oracle == p.Violation.Oracle }) {
			s := &t.Steps[p.Step-1]
			s.Notes = append(s.Notes, p.Violation.Oracle+", and on")
		}
		t.Passed = append(t.Passed, p)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		for _, d := range s.Choices {
			if d.Value != 0 {
				s.Notes = append(s.Notes, "chosen: "+d.String())
			}
		}
	}
	share(t.Steps)
	return t
}

// judge gives what was found after the threads had ended to the statements of finally whose results it is about.
func (r *Recorder) judge() {
	t := &r.trace
	n := 0 // statements that are known to be as stated, or not
	for _, v := range r.found {
		i := slices.IndexFunc(t.Finally[n:], func(p Performed) bool { return p.Text == v.Stmt })
		if v.Seen == "" || i < 0 {
			t.End = append(t.End, v.Oracle)
			continue
		}
		n += i + 1
		t.Finally[n-1].Violations = append(t.Finally[n-1].Violations, v.Oracle)
	}
}

func oracles(all []task.Violation) (names []string) {
	for _, v := range all {
		names = append(names, v.Oracle)
	}
	return names
}
