package program

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"unsafe"

	"vmasim/explore"
	"vmasim/fault"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// world is a machine on which the executions of one worker run, one after the other, and all that one of them needs. An
// execution that ended is torn down as a process is; after one that did not, or that broke something, the machine is made anew.
// Either way the next one finds everything as the first one did.
type world struct {
	explore.PlainWorld

	p       *Program
	machine *mm.Machine
	serial  uint64         // counts the machines
	setup   *runner        // runs init, before all threads
	final   *runner        // runs finally, after all threads and as the same task
	threads []*runner      // one for each task of a thread
	tasks   []explore.Task // theirs, for the explorer

	// Of the execution that runs; begin and makeWorld set them anew:

	executor   *explore.Executor    // is told of all that happens while the world is made and after the threads
	report     func(task.Violation) // takes the broken rules
	broken     bool                 // a rule was: the machine may be in any state, and is made anew afterwards
	failed     bool                 // a rule was broken that ends the execution
	unknown    bool                 // an oracle has spoken that is switched off: the outcome means nothing
	spaces     []space              // the scenario's address spaces, in its order
	barriers   []interp.Rendezvous  // the scenario's barriers, in its order
	milestones []interp.Milestone   // the statements that others wait for, in the scenario's order
	files      []*phys.File         // the scenario's files, in its order
	regions    []workloads.Region   // the regions that init has bound
	log        []entry              // the results of the threads and of finally, in the order in which they came
	prologue   []entry              // the results of init
	mms        []*mm.MM             // every address space that was made, in order; [entry] names them by place
	past       uint64               // what has come of the statements, as a sum
	trail      *explore.Schedule    // what the explorer decided so far

	// Of all executions:

	key      []byte              // scratch: of an outcome
	alone    solo                // observes the task that sets up
	verifier verifier            // observes it the second time that the world is made
	quiet    task.Task           // looks at the machine without being announced
	before   []statements        // scratch: see precedence
	outcomes map[string]*outcome // those that executions had, by key: [Program.outcomes] has those of all workers, and needs a lock
	reached  uint64              // the counters that the program was told to have been counted, a bit each
	points   task.Points         // the points that the program was told to have been come to

	recorded    *setupTrace // how this machine makes the world; nil: not known yet
	uncacheable bool        // it makes the world otherwise each time
	used        bool        // there was an execution in the machine
	seen        []uintptr   // scratch: see survey
}

func newWorld(p *Program) (*world, error) {
	a := &world{p: p, outcomes: map[string]*outcome{}}
	var err error
	a.machine, err = fault.NewMachine(p.config(a.violate))
	if err != nil {
		return nil, err
	}
	a.makeTasks()
	return a, nil
}

// violate passes on what was found, and notes that the machine cannot be used again.
func (w *world) violate(v task.Violation) {
	w.broken = true
	if slices.Contains(w.p.without, v.Oracle) {
		w.unknown = true
		w.failed = w.failed || w.p.pass == nil
		return
	}
	if w.p.pass == nil || !w.p.pass(v.Oracle) {
		w.failed = true
		if r := w.p.follow; r != nil {
			r.Over()
		}
	}
	w.report(v)
}

// setupName names the task that sets the world up; no thread can be called so.
const setupName = "(init)"

// makeTasks makes the tasks, which outlive executions as long as nothing breaks.
func (w *world) makeTasks() {
	p := w.p
	w.machine.Rewind() // from now on
	w.barriers = make([]interp.Rendezvous, len(p.scenario.Barriers))
	w.milestones = interp.NewMilestones(p.scenario, p.plan.Counts)
	t := w.machine.NewTask(setupName)
	w.setup = w.newRunner(t, p.scenario.Init, 0, 0, -1)
	w.final = w.newRunner(t, p.scenario.Finally, 0, 0, p.slotsOf[0])
	w.threads, w.tasks = nil, nil
	for i, th := range p.scenario.Threads {
		for n := range p.plan.Counts[i] {
			t := w.machine.NewTask(th.Instance(n))
			r := w.newRunner(t, &th.Block, th.MM.Index, n, p.slotsOf[1+len(w.threads)])
			r.thread = i
			w.threads = append(w.threads, r)
			w.tasks = append(w.tasks, explore.Task{Name: t.Name, Task: t, Body: r.run})
		}
	}
	w.spaces = make([]space, len(p.scenario.MMs))
	p.setups.Store(t, w)
}

// renew makes the machine as it was at first.
func (w *world) renew() {
	w.countUp()
	w.p.setups.Delete(w.setup.Task)
	w.machine, w.recorded, w.used = w.machine.Renew(), nil, false
	w.serial++
	w.makeTasks()
}

// countUp notes which branches the tasks have taken.
func (w *world) countUp() {
	for _, r := range w.threads {
		for c, n := range r.Task.Counters {
			if n > 0 && w.reached&(1<<c) == 0 {
				w.reached |= 1 << c
				w.p.reach(task.Counter(c))
			}
		}
		r.Task.Counters = task.Counters{}
		if fresh := r.Task.Reached &^ w.points; fresh != 0 {
			w.points |= fresh
			w.p.come(fresh)
		}
		r.Task.Reached = 0
	}
}

// begin makes the world of one execution.
func (w *world) begin(x *explore.Executor, report func(task.Violation)) (err error) {
	w.executor, w.report, w.broken, w.failed, w.unknown = x, report, false, false, false
	w.trail = x.Trail()
	if w.used && w.p.follow != nil {
		w.renew() // else a trace would tell what an earlier execution has left in memory
	}
	w.used = true
	defer w.catch(&err)
	w.alone.watch = x
	if err := w.build(); err != nil {
		return err
	}
	if r := w.p.follow; r != nil {
		r.begin(w)
	}
	return nil
}

// makeWorld makes the world of an execution. o observes the task that does it.
func (w *world) makeWorld(o task.Observer) (err error) {
	w.log, w.prologue, w.mms, w.past = w.log[:0], w.prologue[:0], w.mms[:0], 0
	w.primeCaches()
	t := w.setup.Task
	t.Observer = o
	if w.p.memory.Weak() {
		t.Memory = task.Latest{}
	}
	w.machine.Announce(t)
	for i, m := range w.p.scenario.MMs {
		w.spaces[i] = space{}
		if m.Forked {
			continue
		}
		made, err := interp.NewMM(t, w.machine, w.p.scenario, m.Name)
		if err != nil {
			return fmt.Errorf("address space %s: %w", m.Name, err)
		}
		w.spaces[i].mm.Init(made)
		w.mms = append(w.mms, made)
		w.announce(t, made)
	}
	for i := range w.barriers {
		w.barriers[i].Reset()
	}
	for i := range w.milestones {
		w.milestones[i].Reset()
	}
	if w.files, err = interp.OpenFiles(t, w.machine.Mem, w.p.scenario); err != nil {
		return err
	}
	for i, decl := range w.p.scenario.Files {
		if decl.Again == nil && !decl.Memory { // what the explorer finds does not depend on what the folder for temporary files lies on
			w.files[i].TakeForDisk()
		}
	}
	if err := w.init(); err != nil {
		return err
	}
	for _, r := range w.threads {
		r.reset(t, w.regions)
	}
	t.Observer = nil
	w.machine.RCU.Quiescent(t)
	return nil
}

// primeCaches gives each task's cache of frames its share, so that a task comes to the allocator's lock only when it needs more.
// The lock orders nothing that matters, and a search would try both orders of each two allocations.
func (w *world) primeCaches() {
	mem := w.machine.Mem
	for r := range w.runners() {
		if len(r.cached) > 0 {
			continue
		}
		if pfn, err := mem.Alloc(r.Task); err == nil {
			mem.Put(r.Task, pfn)
		}
		r.cached = append(r.cached, mem.Cached(r.Task)...)
	}
}

// restoreCaches empties the caches of frames unless they hold what primeCaches left in them, so that it fills them alike again.
func (w *world) restoreCaches() {
	mem := w.machine.Mem
	same := true
	for r := range w.runners() {
		same = same && slices.Equal(r.cached, mem.Cached(r.Task))
	}
	if same {
		return
	}
	for r := range w.runners() {
		mem.Drain(r.Task)
		r.cached = r.cached[:0]
	}
}

// runners visits the runner of each task.
func (w *world) runners() iter.Seq[*runner] {
	return func(yield func(*runner) bool) {
		for _, r := range w.threads {
			if !yield(r) {
				return
			}
		}
		yield(w.setup)
	}
}

// announce tells the observer of an address space, whose birth the code does not announce.
func (w *world) announce(t *task.Task, m *mm.MM) {
	t.Born(unsafe.Pointer(&m.MMLock), vma.MMLockLayout())
}

// init runs the scenario's init. A failure there is a mistake of the scenario.
func (w *world) init() error {
	s := w.setup
	s.reset(s.Task, nil)
	s.perform()
	s.Leave()
	w.regions = s.Env.Regions
	return s.wrong
}

// catch turns a panic into an error.
func (w *world) catch(err *error) {
	v := recover()
	if v == nil {
		return
	}
	w.setup.Task.Observer = nil
	if stuck, ok := v.(stuckError); ok {
		*err = stuck
		return
	}
	message, where := task.Panicked(v)
	*err = panicError{message, where}
}

// outsideThreads returns what was violated where the code that runs while no thread does ends in err. !ok: nothing that is known.
func outsideThreads(err error) (v task.Violation, ok bool) {
	v = task.Violation{Oracle: "panic", Message: err.Error(), Task: setupName}
	if p, is := errors.AsType[panicError](err); is {
		v.Where, ok = p.where, true
	}
	if _, is := errors.AsType[stuckError](err); is {
		v.Oracle, ok = "stuck", true
	}
	if i, is := errors.AsType[initError](err); is {
		v.Oracle, v.Message, ok = resultOracle, i.Error(), true
	}
	return v, ok
}

// initError is a result of init that its statement does not state.
type initError struct{ message string }

func (e initError) Error() string { return "init: " + e.message }

// panicError says what the code panicked with while no thread ran, and where.
type panicError struct{ message, where string }

func (e panicError) Error() string { return e.message }

// Tasks implements [explore.World].
func (w *world) Tasks() []explore.Task { return w.tasks }

// Abandon implements [explore.World].
func (w *world) Abandon() {
	if r := w.p.follow; r != nil {
		r.Over()
	}
	w.renew()
	w.p.release(w)
}

// Return implements [explore.Reusable].
func (w *world) Return() {
	if w.broken || w.giveBack() != nil || w.broken {
		w.renew()
	} else {
		w.countUp()
	}
	w.p.release(w)
}

// giveBack takes down what an execution has left.
func (w *world) giveBack() (err error) {
	defer w.catch(&err)
	w.setup.Task.Observer = nil
	if !w.leftBehind() {
		w.tearDown()
	}
	return nil
}

// Finish implements [explore.World].
func (w *world) Finish() string {
	var o *outcome
	err := w.conclude(&o)
	if err != nil {
		v, _ := outsideThreads(err)
		w.violate(v)
	}
	if r := w.p.follow; r != nil {
		r.Over()
	}
	if w.broken {
		w.renew()
	} else {
		w.countUp()
	}
	w.p.release(w)
	if o == nil || w.unknown {
		return unknownOutcome
	}
	return o.text
}

// unknownOutcome is that of an execution in which an oracle spoke that is switched off: what was broken may block or panic
// where the outcome is looked for.
const unknownOutcome = "unknown: an oracle that is switched off has spoken"

// conclude runs finally, checks everything and tears it down. A broken address space may block or panic there, which is an error.
func (w *world) conclude(o **outcome) (err error) {
	defer w.catch(&err)
	s := w.setup
	s.Task.Observer = &w.alone
	w.machine.RCU.ReadLock(s.Task) // its first step after those of the threads: the oracles know that they have ended
	w.machine.RCU.ReadUnlock(s.Task)
	if w.failed {
		return nil
	}
	if w.p.scenario.Finally != nil {
		w.final.reset(s.Task, w.regions)
		w.final.perform()
		w.final.Leave()
	}
	s.Task.Observer = nil
	if w.leftBehind() {
		return nil
	}
	w.validate()
	if w.failed {
		return nil
	}
	*o = w.outcome()
	for _, broken := range (*o).violations {
		w.violate(broken)
	}
	w.linearize(*o)
	if r := w.p.follow; r != nil {
		r.Over() // before there is nothing left to be seen
	}
	if !w.broken {
		w.tearDown()
	}
	return nil
}

// leftBehind reports what the threads left, and the end of the address spaces would wait for without end.
func (w *world) leftBehind() (left bool) {
	t := w.setup.Task
	stuck := func(format string, args ...any) {
		left = true
		w.violate(task.Violation{Oracle: "stuck", Message: fmt.Sprintf(format, args...), Task: t.Name})
	}
	for _, r := range w.threads {
		if r.Task.Sections[task.SlotRCU].Depth+r.Task.Sections[task.SlotAccess].Depth > 0 {
			stuck("%s has ended inside a read section", r.Task.Name)
		}
	}
	for i := range w.spaces {
		if m := w.spaces[i].mm.Peek(); m != nil {
			if !m.MmapReadTrylock(t) {
				stuck("mmap_lock of %s is held though every thread has ended", m.Name)
				continue
			}
			m.MmapReadUnlock(t)
		}
		w.eachVMA(i, func(e tree.Entry) {
			if !e.VMA.LockIdle() {
				stuck("the VMA at %s has %s though every thread has ended", w.place(e.Start), e.VMA.LockPeek())
			}
		})
	}
	return left || w.failed
}

// validate checks every address space.
func (w *world) validate() {
	t := w.setup.Task
	for i := range w.spaces {
		if m := w.spaces[i].mm.Peek(); m != nil {
			m.MmapReadLock(t)
			for _, v := range m.Validate(t) {
				w.violate(v)
			}
			m.MmapReadUnlock(t)
		}
	}
}

// tearDown gives everything back and looks for what is left.
func (w *world) tearDown() {
	t := w.setup.Task
	for _, r := range w.threads {
		if r.MM != nil {
			r.MM.Put(t)
			r.MM = nil
		}
	}
	for i := range w.spaces {
		if m := w.spaces[i].mm.Peek(); m != nil {
			m.Put(t)
		}
	}
	for _, f := range w.files {
		_ = f.Put(t) // a temporary file of this world alone
	}
	w.machine.Settle(t)
	w.restoreCaches()
	w.machine.Rewind()
	if left := w.machine.Leaks(); left != "" {
		w.violate(task.Violation{Oracle: "leak", Message: left + " left after everything was torn down", Task: setupName})
	}
}
