package program

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"unsafe"

	"vmasim/fault"
	"vmasim/internal/explore"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/actor"
)

// arena is a machine on which the executions of one worker run, one after the other. An execution that ended is torn down as
// a process is; after one that did not, or that broke something, the machine is made anew. Either way the next one finds
// everything as the first one did.
type arena struct {
	p       *Program
	machine *mm.Machine
	setup   *runner // init
	final   *runner // finally, by the same task
	threads []*runner
	tasks   []explore.Task

	// Of the execution:

	watch    explore.Watcher
	report   func(task.Violation)
	broken   bool // a rule was: the machine may be in any state
	failed   bool // and that ends the execution
	unknown  bool // and the oracle is switched off
	spaces   []space
	barriers []barrier
	files    []*phys.File
	regions  []workloads.Region // that init has bound
	log      []entry            // the results, in order
	prologue []entry            // those of init
	mms      []*mm.MM           // in the order in which they were made
	trail    *explore.Schedule  // what was decided so far; nil: nobody knows

	// Of all:

	key      []byte
	alone    solo // watches the task that sets up
	prompter prompter
	nobody   task.Task           // looks without being announced
	before   []statements        // see precedence
	outcomes map[string]*outcome // by key
	reached  uint64              // by counter: the branch was taken, and the program knows
	points   task.Points         // that the program knows to have been come to

	rehearsed  *rehearsal // how the world is made on this machine; nil: not known yet
	improvised bool       // it is made otherwise each time
	seen       []uintptr  // see survey
}

func newArena(p *Program) (*arena, error) {
	a := &arena{p: p, outcomes: map[string]*outcome{}}
	var err error
	a.machine, err = fault.NewMachine(p.config(a.violate))
	if err != nil {
		return nil, err
	}
	a.makeTasks()
	return a, nil
}

// violate passes on what was found, and notes that the machine cannot be used again.
func (a *arena) violate(v task.Violation) {
	a.broken = true
	if slices.Contains(a.p.without, v.Oracle) {
		a.unknown = true
		a.failed = a.failed || a.p.pass == nil
		return
	}
	if a.p.pass == nil || !a.p.pass(v.Oracle) {
		a.failed = true
		if r := a.p.follow; r != nil {
			r.end(a)
		}
	}
	a.report(v)
}

// setupName names the task that sets the world up; no thread can be called so.
const setupName = "(init)"

// makeTasks makes the tasks, which outlive executions as long as nothing breaks.
func (a *arena) makeTasks() {
	p := a.p
	a.machine.Rewind() // from now on
	t := a.machine.NewTask(setupName)
	a.setup = a.newRunner(t, p.scenario.Init, 0, 0, -1)
	a.final = a.newRunner(t, p.scenario.Finally, 0, 0, p.slotsOf[0])
	a.threads, a.tasks = nil, nil
	for i, th := range p.scenario.Threads {
		for n := range p.plan.Counts[i] {
			t := a.machine.NewTask(instance(th, n))
			r := a.newRunner(t, &th.Block, th.MM.Index, n, p.slotsOf[1+len(a.threads)])
			a.threads = append(a.threads, r)
			a.tasks = append(a.tasks, explore.Task{Name: t.Name, Task: t, Body: r.run})
		}
	}
	a.spaces = make([]space, len(p.scenario.MMs))
	a.barriers = make([]barrier, len(p.scenario.Barriers))
	p.setups.Store(t, a)
}

// renew makes the machine as it was at first.
func (a *arena) renew() {
	a.countUp()
	a.p.setups.Delete(a.setup.Task)
	a.machine, a.rehearsed = a.machine.Renew(), nil
	a.makeTasks()
}

// countUp notes which branches the tasks have taken.
func (a *arena) countUp() {
	for _, r := range a.threads {
		for c, n := range r.Task.Counters {
			if n > 0 && a.reached&(1<<c) == 0 {
				a.reached |= 1 << c
				a.p.reach(task.Counter(c))
			}
		}
		r.Task.Counters = task.Counters{}
		if fresh := r.Task.Reached &^ a.points; fresh != 0 {
			a.points |= fresh
			a.p.come(fresh)
		}
		r.Task.Reached = 0
	}
}

// begin makes the world of one execution.
func (a *arena) begin(watch explore.Watcher, report func(task.Violation)) (err error) {
	a.watch, a.report, a.broken, a.failed, a.unknown = watch, report, false, false, false
	a.trail = nil
	if t, ok := watch.(explore.Trailer); ok {
		a.trail = t.Trail()
	}
	defer a.catch(&err)
	a.alone.watch = watch
	if err := a.stage(); err != nil {
		return err
	}
	if r := a.p.follow; r != nil {
		r.begin(a)
	}
	return nil
}

// makeWorld makes the world of an execution. o observes the task that does it.
func (a *arena) makeWorld(o task.Observer) (err error) {
	a.log, a.prologue, a.mms = a.log[:0], a.prologue[:0], a.mms[:0]
	a.warm()
	t := a.setup.Task
	t.Observer = o
	a.machine.Mem.Announce(t)
	for i, m := range a.p.scenario.MMs {
		a.spaces[i] = space{}
		if m.Forked {
			continue
		}
		made, err := actor.NewMM(t, a.machine, a.p.scenario, m.Name)
		if err != nil {
			return fmt.Errorf("address space %s: %w", m.Name, err)
		}
		a.spaces[i].mm.Init(made)
		a.mms = append(a.mms, made)
		a.announce(t, made)
	}
	for i := range a.barriers {
		a.barriers[i] = barrier{present: a.p.scenario.Parties(i)}
	}
	if a.files, err = actor.OpenFiles(t, a.machine.Mem, a.p.scenario); err != nil {
		return err
	}
	for i, decl := range a.p.scenario.Files {
		if decl.Again == nil && !decl.Memory { // what the explorer finds does not depend on what the folder for temporary files lies on
			a.files[i].TakeForDisk()
		}
	}
	if err := a.init(); err != nil {
		return err
	}
	for _, r := range a.threads {
		r.reset(t, a.regions)
	}
	t.Observer = nil
	a.machine.RCU.Quiescent(t)
	return nil
}

// warm gives each task's cache of frames its share, so that a task comes to the allocator's lock only when it needs more.
// The lock orders nothing that matters, and a search would try both orders of each two allocations.
func (a *arena) warm() {
	mem := a.machine.Mem
	for r := range a.runners() {
		if len(r.cached) > 0 {
			continue
		}
		if pfn, err := mem.Alloc(r.Task); err == nil {
			mem.Put(r.Task, pfn)
		}
		r.cached = append(r.cached, mem.Cached(r.Task)...)
	}
}

// cool makes the caches such that warm makes them what they were, which they mostly are already.
func (a *arena) cool() {
	mem := a.machine.Mem
	same := true
	for r := range a.runners() {
		same = same && slices.Equal(r.cached, mem.Cached(r.Task))
	}
	if same {
		return
	}
	for r := range a.runners() {
		mem.Drain(r.Task)
		r.cached = r.cached[:0]
	}
}

// runners visits the runner of each task.
func (a *arena) runners() iter.Seq[*runner] {
	return func(yield func(*runner) bool) {
		for _, r := range a.threads {
			if !yield(r) {
				return
			}
		}
		yield(a.setup)
	}
}

// announce tells the observer of an address space, whose birth the code does not announce.
func (a *arena) announce(t *task.Task, m *mm.MM) {
	t.Born(unsafe.Pointer(&m.MMLock), vma.MMLockLayout())
}

// init runs the scenario's init. What goes wrong there is a mistake of the scenario.
func (a *arena) init() error {
	s := a.setup
	s.reset(s.Task, nil)
	s.body(s.block.Body)
	s.Leave()
	a.regions = s.Env.Regions
	return s.wrong
}

// catch turns a panic into an error.
func (a *arena) catch(err *error) {
	v := recover()
	if v == nil {
		return
	}
	a.setup.Task.Observer = nil
	if stuck, ok := v.(stuckError); ok {
		*err = stuck
		return
	}
	message, where := task.Panicked(v)
	*err = panicError{message, where}
}

// panicError says what the code panicked with while no thread ran, and where.
type panicError struct{ message, where string }

func (e panicError) Error() string { return e.message }

// Tasks implements [explore.World].
func (a *arena) Tasks() []explore.Task { return a.tasks }

// Abandon implements [explore.World].
func (a *arena) Abandon() {
	if r := a.p.follow; r != nil {
		r.end(a)
	}
	a.renew()
	a.p.release(a)
}

// Finish implements [explore.World].
func (a *arena) Finish() string {
	var o *outcome
	err := a.conclude(&o)
	if err != nil {
		v := task.Violation{Oracle: "panic", Message: err.Error(), Task: setupName}
		if _, ok := errors.AsType[stuckError](err); ok {
			v.Oracle = "stuck"
		}
		if p, ok := errors.AsType[panicError](err); ok {
			v.Where = p.where
		}
		a.violate(v)
	}
	if r := a.p.follow; r != nil {
		r.end(a)
	}
	if a.broken {
		a.renew()
	} else {
		a.countUp()
	}
	a.p.release(a)
	if o == nil || a.unknown {
		return unknownOutcome
	}
	return o.text
}

// unknownOutcome is that of an execution in which an oracle spoke that is switched off: what was broken may block or panic
// where the outcome is looked for.
const unknownOutcome = "unknown: an oracle that is switched off has spoken"

// conclude runs finally, checks everything and tears it down. What is broken may block or panic there, which is an error.
func (a *arena) conclude(o **outcome) (err error) {
	defer a.catch(&err)
	s := a.setup
	s.Task.Observer = &a.alone
	a.machine.RCU.ReadLock(s.Task) // its first step after those of the threads: the watchers know that they have ended
	a.machine.RCU.ReadUnlock(s.Task)
	if a.failed {
		return nil
	}
	if a.p.scenario.Finally != nil {
		a.final.reset(s.Task, a.regions)
		a.final.body(a.final.block.Body)
		a.final.Leave()
	}
	s.Task.Observer = nil
	if a.leftBehind() {
		return nil
	}
	a.validate()
	if a.failed {
		return nil
	}
	*o = a.outcome()
	for _, broken := range (*o).violations {
		a.violate(broken)
	}
	a.linearize(*o)
	if !a.broken {
		a.tearDown()
	}
	return nil
}

// leftBehind reports what the threads left, and the end of the address spaces would wait for without end.
func (a *arena) leftBehind() (left bool) {
	t := a.setup.Task
	stuck := func(format string, args ...any) {
		left = true
		a.violate(task.Violation{Oracle: "stuck", Message: fmt.Sprintf(format, args...), Task: t.Name})
	}
	for _, r := range a.threads {
		if r.Task.Sections[task.SlotRCU].Depth+r.Task.Sections[task.SlotAccess].Depth > 0 {
			stuck("%s has ended inside a read section", r.Task.Name)
		}
	}
	for i := range a.spaces {
		if m := a.spaces[i].mm.Peek(); m != nil {
			if !m.MmapReadTrylock(t) {
				stuck("mmap_lock of %s is held though every thread has ended", m.Name)
				continue
			}
			m.MmapReadUnlock(t)
		}
		a.eachVMA(i, func(e tree.Entry) {
			if _, _, refcnt, _ := e.VMA.Quiescent(); refcnt > 1 {
				stuck("the VMA at %s has vm_refcnt %#x though every thread has ended", a.place(e.Start), refcnt)
			}
		})
	}
	return left || a.failed
}

// validate checks every address space.
func (a *arena) validate() {
	t := a.setup.Task
	for i := range a.spaces {
		if m := a.spaces[i].mm.Peek(); m != nil {
			m.MmapReadLock(t)
			for _, v := range m.Validate(t) {
				a.violate(v)
			}
			m.MmapReadUnlock(t)
		}
	}
}

// tearDown gives everything back and looks for what is left.
func (a *arena) tearDown() {
	t := a.setup.Task
	for _, r := range a.threads {
		if r.MM != nil {
			r.MM.Put(t)
			r.MM = nil
		}
	}
	for i := range a.spaces {
		if m := a.spaces[i].mm.Peek(); m != nil {
			m.Put(t)
		}
	}
	for _, f := range a.files {
		_ = f.Put(t) // a temporary file that nobody else sees
	}
	a.machine.Settle(t)
	a.cool()
	a.machine.Rewind()
	if left := a.machine.Leaks(); left != "" {
		a.violate(task.Violation{Oracle: "leak", Message: left + " left after everything was torn down", Task: setupName})
	}
}
