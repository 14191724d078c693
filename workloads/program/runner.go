package program

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"unsafe"

	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// runner is a task that runs a block. It is its own [interp.Host] and [interp.Runner].
type runner struct {
	interp.Actor
	walker interp.Walker
	world  *world
	block  *workloads.Block
	space  int             // the address space it starts in
	copy   int             // which task of its thread it is
	first  int             // slot of its first statement; -1: its results are not noted
	meets  []*interp.Party // at each barrier that it comes to; nil: it comes to none of that name
	thread int             // index of its thread; -1: it is of none
	ahead  interp.Ahead    // milestones that it has not come by
	nth    map[*workloads.Stmt]int
	made   int        // the address space that the statement made, by world.mms; -1: none
	cached []phys.PFN // the frames in its task's cache when an execution begins
	wrong  error      // of init: the first result that was not as stated
	past   uint64     // a hash of what it has done, as far as that decides what it does
	ended  uint64     // statements that it has performed
}

func (w *world) newRunner(t *task.Task, b *workloads.Block, space, n, first int) *runner {
	if b == nil {
		b = &workloads.Block{}
	}
	r := &runner{world: w, block: b, space: space, thread: -1, copy: n, first: first, nth: map[*workloads.Stmt]int{}}
	r.walker.Runner, r.meets = r, make([]*interp.Party, len(w.barriers))
	r.Task, r.Host, r.Decls, r.Window = t, r, w.p.scenario.Files, w.p.scenario.Window
	for s := range workloads.Statements(b.Body) {
		if s.Body == nil {
			r.nth[s] = len(r.nth)
		}
		if s.Barrier != nil && r.meets[s.Barrier.Index] == nil {
			r.meets[s.Barrier.Index] = w.barriers[s.Barrier.Index].Join(t)
		}
	}
	return r
}

// reset makes the runner ready for another execution. t gets it its address space, if that exists. shared are the regions
// that init has bound.
func (r *runner) reset(t *task.Task, shared []workloads.Region) {
	if r.Env == nil || r.world.p.draws {
		r.Env = r.block.NewEnv(r.world.p.plan.Seed, r.copy, shared)
	} else {
		clear(r.Env.Regions[copy(r.Env.Regions, shared):])
	}
	r.Files, r.wrong, r.past, r.ended = r.world.files, nil, 0, 0
	if r.thread >= 0 {
		r.ahead = interp.NewAhead(r.world.p.scenario, r.thread)
	}
	r.Task.Revive()
	r.MM = r.world.spaces[r.space].get(t)
}

// run is the body of a thread's task.
func (r *runner) run() {
	debug.SetPanicOnFault(true) // a stray access to simulated memory is a panic like any other
	if r.MM == nil {
		r.await()
	}
	if r.MM != nil {
		r.perform()
	}
	for _, p := range r.meets {
		if p != nil {
			p.Leave()
		}
	}
	for _, m := range r.ahead.Left() {
		r.world.milestones[m].Pass(r.Task)
	}
	if r.world.p.exits { // otherwise its reference is not the last one, and giving it back orders nothing that matters
		r.Leave()
	}
}

// perform runs the statements of its block.
func (r *runner) perform() {
	if !r.Task.Killed() {
		r.walker.Run(r.Env, r.block.Body)
	}
}

// await waits until another task has made the address space that this one starts in.
func (r *runner) await() {
	s := &r.world.spaces[r.space]
	r.Task.BeginWhen(task.OpLoadAcquire, unsafe.Pointer(&s.mm), func() bool { return s.mm.Peek() != nil })
	r.Task.EndPointer(unsafe.Pointer(s.mm.Peek()), unsafe.Pointer(s.mm.Peek()))
	r.MM = s.get(r.Task)
}

// Again implements [interp.Runner]: only a repeat can be explored.
func (r *runner) Again(*interp.Loop) bool { return true }

// In implements [interp.Runner].
func (r *runner) In(s *workloads.Stmt) bool {
	if !r.Inside(s, &r.walker) {
		r.unexpected(s, "no address space "+s.MM.Name, "one")
	}
	return !r.Task.Killed()
}

// Operation implements [interp.Runner]. The statement is its outermost function. A task that got a fatal signal dies when its system call
// or fault is over.
func (r *runner) Operation(s *workloads.Stmt) bool {
	r.Task.Enter(r.world.p.text[s])
	out := r.record(s)
	if !s.Expect.Allows(out, r.Env) {
		want := "ok"
		if s.Expect != nil {
			want = s.Expect.String()
		}
		r.unexpected(s, r.Describe(s, out), want)
	}
	r.Task.Leave()
	return !r.Task.Killed()
}

// record runs a statement and notes what came of it.
func (r *runner) record(s *workloads.Stmt) workloads.Outcome {
	a := r.world
	e := entry{slot: -1, stmt: s, runner: r, space: a.spaceIndex(r.MM), begin: a.steps()}
	r.made = -1
	r.starts()
	e.outcome = r.Perform(s)
	e.made, e.end = r.made, a.steps()
	if r.first < 0 {
		a.prologue = append(a.prologue, e)
		return e.outcome
	}
	if r == a.final && a.p.follow != nil {
		a.p.follow.performed(s, a.word(s, e.outcome))
	}
	e.slot, e.nth = r.first+r.nth[s], len(a.log)
	a.log = append(a.log, e)
	r.remember(&e)
	return e.outcome
}

// resultOracle is the oracle of results that a statement does not state.
const resultOracle = "unexpected-result"

// unexpected reports a result that its statement does not state.
func (r *runner) unexpected(s *workloads.Stmt, got, want string) {
	text := cmp.Or(r.world.p.text[s], s.String()) // one that holds others has no text of its own
	message := fmt.Sprintf("%s: %s: got %s, expected %s", s.Pos, text, got, want)
	if r.first < 0 {
		r.wrong = cmp.Or(r.wrong, error(initError{message}))
		return
	}
	slot := fmt.Sprintf("%s.%d", r.block.Name, r.world.p.number[s])
	r.world.violate(task.Violation{Oracle: resultOracle, Message: message, Task: r.Task.Name, Func: r.Task.Func(),
		Stmt: text, Seen: slot + " " + got})
}

// Acquire implements [interp.Host].
func (r *runner) Acquire(i int) *mm.MM { return r.world.spaces[i].get(r.Task) }

// Look implements [interp.Host].
func (r *runner) Look(i int) *mm.MM { return r.world.spaces[i].mm.LoadAcquire(r.Task) }

// Reserve implements [interp.Host].
func (r *runner) Reserve(i int) bool { return r.world.spaces[i].forking.CmpXchg(r.Task, 0, 1) }

// Publish implements [interp.Host].
func (r *runner) Publish(i int, m *mm.MM) {
	if m == nil {
		r.world.spaces[i].forking.Xchg(r.Task, 0)
		return
	}
	r.made = len(r.world.mms)
	r.world.mms = append(r.world.mms, m)
	r.world.spaces[i].mm.StoreRelease(r.Task, m)
}

// Remove implements [interp.Host].
func (r *runner) Remove(i int) *mm.MM {
	m := r.world.spaces[i].mm.Xchg(r.Task, nil)
	if m != nil { // otherwise a fork may be about to publish one
		r.world.spaces[i].forking.Xchg(r.Task, 0)
	}
	return m
}

// Forget implements [interp.Host].
func (r *runner) Forget(m *mm.MM) bool {
	for i := range r.world.spaces {
		if s := &r.world.spaces[i]; s.mm.Peek() == m {
			return r.Remove(i) != nil
		}
	}
	return false
}

// Meet implements [interp.Host]. The wait is no system call of the kernel's: no signal is offered there.
func (r *runner) Meet(s *workloads.Stmt) {
	p := r.meets[s.Barrier.Index]
	p.Come()
	_ = p.Wait(task.Uninterruptible) // which cannot fail
}

// Await implements [interp.Host], as Meet does.
func (r *runner) Await(s *workloads.Stmt) {
	_ = r.world.milestones[s.After.Milestone].Wait(r.Task, task.Uninterruptible) // which cannot fail
}

// Passed implements [interp.Host].
func (r *runner) Passed(s *workloads.Stmt) {
	m := int(s.Awaited) - 1
	r.world.milestones[m].Pass(r.Task)
	r.ahead.Pass(m)
}

// Yield implements [interp.Host]: every step may let others run.
func (r *runner) Yield() {}

// Validate implements [interp.Host].
func (r *runner) Validate(m *mm.MM) error {
	if err := m.MmapWriteLockKillable(r.Task); err != nil {
		return err
	}
	defer m.MmapWriteUnlock(r.Task)
	for _, v := range m.Validate(r.Task) {
		r.world.violate(v)
	}
	return nil
}

// Mismatch implements [interp.Host].
func (r *runner) Mismatch(s *workloads.Stmt, want, got string) {
	r.unexpected(s, "the layout "+oneLine(got), oneLine(want))
}
