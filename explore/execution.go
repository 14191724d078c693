package explore

import (
	"errors"
	"fmt"
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// Ending says how an execution ended.
type Ending = trace.Ending

// The endings.
const (
	Finished   = trace.Finished
	Violated   = trace.Violated
	Deadlock   = trace.Deadlock
	LostWakeUp = trace.LostWakeUp
	Livelock   = trace.Livelock
	Truncated  = trace.Truncated
	Redundant  = trace.Redundant
)

// execution is what one execution did.
type execution struct {
	ending     Ending
	outcome    string // of a finished one
	violations []task.Violation
	passed     []Passed
	blocked    []Blocked
	steps      int
}

// Executor runs the executions of a program for one worker, one at a time, each step when the strategy says so. A task's
// coroutine serves one execution after the other, and the turn goes from task to task without allocating.
//
// The scheduler runs inside the coroutine whose step it was: only a change of tasks costs a switch. The coroutine that
// gives the turn away resumes the other one itself, and waits for it as the executor waits for the first; so those
// waiting form a chain. One of the chain gets the turn back when those after it have stopped.
//
// A program sees of it what [Program.NewWorld] needs: the observer of what happens outside the steps, which is told to the
// oracle, and the memory of a world that is made again and again.
type Executor struct {
	task.NoObserver                          // of what happens outside the steps: setup.go has the methods that it has itself
	state                                    // the execution as the strategy sees it
	program         Program                  // what is run
	strategy        strategy                 // decides whose step comes next
	mind            mind                     // the strategy, told of what tasks remember; nil: it does not want to be
	tracker         tracker                  // the strategy's, told of each step; nil: it does not want to be
	oracle          Oracle                   // watches every execution; nil: none, or none yet
	newOracle       func() Oracle            // makes it before the first execution; nil: none
	tell            func(task.Violation)     // report
	pass            func(oracle string) bool // the oracles that an execution goes on behind; nil: none
	between         func()                   // called before each execution; nil: nothing is

	maxSteps  int                  // an execution is cut off after so many
	offered   map[task.Choice]bool // the choices that the strategy decides; others are always 0
	maxChosen int                  // how many choices of an execution may be other than 0
	maxWeak   int                  // how many accesses of an execution may be out of order; 0: any number

	procs    []*proc                         // the tasks' coroutines, by the tasks' places in the world
	running  bool                            // the tasks stand at their first operations: from here on there are steps
	turn     *proc                           // whose step it is; nil: the execution has ended
	guarded  taskSet                         // the tasks whose pending operation has a condition
	free     taskSet                         // the tasks whose pending operation has none
	chosen   int                             // choices other than 0 so far
	spins    spinDetector                    // finds loops that change nothing
	cycle    cycleDetector                   // finds loops that change things and change them back
	world    World                           // of the execution
	recorder *recorder                       // of the execution; nil: it is not recorded
	memory   *memory                         // what loads may see that were performed early; nil: every load sees the latest value
	views    *views                          // what loads may see; nil: the latest value
	weakened int                             // accesses so far that were out of order
	older    loads                           // of all executions
	layouts  map[unsafe.Pointer]*task.Layout // with a memory model: of the objects that were born, by where they lie
	trail    Schedule                        // what was decided so far
	lives    []lifetime                      // that began and ended while the world was made
	known    setup                           // the world that need not be told of again

	rest     runOut              // of an execution of which no more is wanted
	stopping bool                // the tasks are being unwound: what they report is not the protocol's doing
	res      execution           // what the execution has come to
	err      error               // that the program is not deterministic
	ops      [task.NumOps]uint64 // how often each operation was performed, in all executions
}

func newExecutor(p Program, o *Options) *Executor {
	x := &Executor{program: p, maxSteps: o.depth(), offered: map[task.Choice]bool{}, maxChosen: o.MaxChosen}
	x.tell, x.pass, x.between, x.halt = x.report, o.Pass, o.Between, o.halt
	x.spins.after, x.cycle.from = spinSteps, x.maxSteps/2
	if x.maxChosen == 0 {
		x.maxChosen = 1
	}
	for _, c := range o.Choices {
		x.offered[c] = true
	}
	if o.Memory.Weak() {
		x.older, x.layouts = loads{}, map[unsafe.Pointer]*task.Layout{}
		x.views, x.maxWeak, x.weak, x.agreed = &views{}, o.Memory.Limit, true, o.Memory.Views
	}
	if o.Memory.TSO {
		x.views.buffers = &buffers{}
	}
	if x.offered[task.StaleWalk] {
		x.memory = &memory{}
	}
	x.binds = x.weak || x.memory != nil
	if o.Watch != nil {
		x.newOracle = func() Oracle { return o.Watch(x.tell) }
	}
	return x
}

// close ends the coroutines.
func (x *Executor) close() {
	for _, p := range x.procs {
		p.stop()
	}
	x.procs = nil
}

// use makes the strategy decide the executions that follow.
func (x *Executor) use(s strategy) {
	x.strategy = s
	x.tracker = s.tracker()
	x.mind, _ = s.(mind)
}

// run runs one execution.
func (x *Executor) run() (*execution, error) {
	if x.between != nil {
		x.between()
	}
	x.begin()
	world, err := x.program.NewWorld(x, x.tell)
	if err != nil {
		return nil, fmt.Errorf("new world: %w", err)
	}
	if x.world != world { // a method value allocates
		x.world, x.locals, x.untold, x.past = world, world.Locals, x.tellRest, x.tellPast
	}
	tasks := world.Tasks()
	if len(tasks) > maxTasks {
		world.Abandon()
		return nil, fmt.Errorf("%d tasks, at most %d can be explored", len(tasks), maxTasks)
	}
	x.start(tasks)
	x.play()
	x.strategy.ended(&x.state, x.res.ending)
	if x.res.ending == Deadlock && x.probe() {
		x.res.ending = LostWakeUp
	}
	x.finish(world)
	return &x.res, x.err
}

// tellRest is [World].Rest, and what the oracle remembers.
func (x *Executor) tellRest(add func(uint64)) bool {
	if x.oracle != nil {
		x.oracle.Tell(add)
	}
	return x.world.Rest(add)
}

// errNondeterministic says that a program did not do the same with the same schedule.
var errNondeterministic = errors.New("the program is not deterministic")

func (x *Executor) begin() {
	x.running, x.stopping, x.turn, x.chosen, x.weakened = false, false, nil, 0, 0
	x.guarded, x.free = 0, 0
	x.enabled, x.last, x.steps, x.tasks = 0, -1, 0, 0
	x.spins.reset()
	x.cycle.reset()
	if x.views != nil {
		x.views.reset()
	}
	if x.memory != nil {
		x.memory.reset()
	}
	x.trail.clear()
	x.lives = x.lives[:0]
	x.res, x.err = execution{}, nil
	switch {
	case x.oracle != nil:
		x.oracle.Reset()
	case x.newOracle != nil:
		x.oracle = x.newOracle()
	}
}

// start runs every task in turn up to its first operation.
func (x *Executor) start(tasks []Task) {
	x.tasks = len(tasks)
	for i := range tasks {
		if i == len(x.procs) {
			x.procs = append(x.procs, newProc(x, i))
		}
		p := x.procs[i]
		p.task, p.body, p.done = tasks[i].Task, tasks[i].Body, false
		p.task.Observer, p.task.Memory, p.task.Mind = p, nil, nil
		if x.mind != nil {
			p.task.Mind = p
		}
		if x.views != nil {
			p.task.Memory = p
		}
		x.pending[i] = Pending{Task: i, who: p.task}
	}
	for _, p := range x.procs[:x.tasks] {
		p.next()
	}
	x.running = true
	x.turn = x.decide()
}

// decide completes the step before and returns whose step comes next, or nil if the execution has ended.
func (x *Executor) decide() *proc {
	if x.rest.on {
		return x.decideRest()
	}
	if x.last >= 0 && x.tracker != nil {
		x.tracker.stepped(&x.state, x.last, len(x.res.violations) > 0)
	}
	if len(x.res.violations) > 0 {
		return x.end(Violated)
	}
	x.enabled = x.enabledNow()
	if x.enabled == 0 {
		return x.end(x.standstill())
	}
	switch {
	case x.steps >= x.maxSteps:
		return x.end(x.cut())
	case x.halted():
		return x.end(Redundant)
	case x.steps == x.cycle.from:
		x.cycle.progress = x.world.Progress()
	}
	i := x.strategy.pick(&x.state)
	switch {
	case i == redundant:
		if x.recorder != nil {
			x.recorder.stand()
		}
		return x.end(Redundant)
	case !x.enabled.has(i):
		x.err = fmt.Errorf("step %d: task %d, which could go on in an earlier execution with the same beginning, cannot now: %w",
			x.steps+1, i, errNondeterministic)
		return x.end(Redundant)
	}
	x.last = i
	x.steps++
	x.trail.step(i)
	return x.procs[i]
}

// play gives the turn to whose it is, and returns when the execution has ended.
func (x *Executor) play() {
	for q := x.turn; q != nil; q = x.turn {
		q.next()
		if x.turn == q && q.done { // it did not hand over but came to its end
			x.turn = x.decide()
		}
	}
}

func (x *Executor) end(how Ending) *proc {
	x.res.ending = how
	return nil
}

// enabledNow returns the tasks that can go on.
func (x *Executor) enabledNow() taskSet {
	set := x.free
	for g := x.guarded; g != 0; g &= g - 1 {
		i := g.first()
		if e := x.pending[i].Event; e.Enabled() || e.Killable && x.procs[i].task.Killed() {
			set |= 1 << i
		}
	}
	return set &^ x.spins.spinning
}

// standstill says what it is when no task can go on.
func (x *Executor) standstill() Ending {
	switch {
	case x.spins.spinning != 0:
		x.res.blocked = x.blockedNow()
		return Livelock
	case x.guarded|x.free != 0:
		x.res.blocked = x.blockedNow()
		return Deadlock
	}
	return Finished
}

// finish ends the world: with the program's last checks if its tasks have ended, and otherwise by unwinding them.
func (x *Executor) finish(world World) {
	x.res.steps = x.steps
	if x.returned(world) {
		return
	}
	if x.res.ending != Finished {
		x.unwind()
		x.detach()
		world.Abandon()
		return
	}
	x.detach()
	x.res.outcome = world.Finish()
	if len(x.res.violations) > 0 {
		x.res.ending = Violated
	}
}

// unwind lets the bodies that have not ended run their defers, by a panic.
func (x *Executor) unwind() {
	x.stopping = true
	for _, p := range x.procs[:x.tasks] {
		if !p.done {
			p.next()
		}
	}
}

// tellPast is [World].Past with whether something was passed over: an execution that goes on behind that counts no outcome, so it is not taken for one in which
// nothing was, though both be in one state.
func (x *Executor) tellPast(over bool) uint64 {
	sum := x.world.Past(over)
	if len(x.res.passed) > 0 {
		sum += passedOver
	}
	return sum
}

// passedOver is what having passed something over adds.
const passedOver = 0x9e3779b97f4a7c15

func (x *Executor) detach() {
	for _, p := range x.procs[:x.tasks] {
		p.task.Observer, p.task.Mind = nil, nil
		p.task, p.body = nil, nil
	}
}

// report receives the violations of the tasks and of the oracle.
func (x *Executor) report(v task.Violation) {
	x.rest.wrong = true
	if !x.stopping && !x.rest.on {
		if i := x.current(); v.Stmt == "" && i >= 0 && x.procs[i].task != nil {
			v.Stmt = outermost(x.procs[i].task.Stack())
		}
		if x.pass != nil && x.pass(v.Oracle) {
			x.res.passed = append(x.res.passed, Passed{x.steps, v})
			return
		}
		x.res.violations = append(x.res.violations, v)
	}
}

// halted reports whether no more is wanted of the execution.
func (s *state) halted() bool { return s.halt != nil && s.halt.Load() }

// current returns whose step is being taken, -1 before the first.
func (x *Executor) current() int {
	if !x.running {
		return -1
	}
	return x.last
}
