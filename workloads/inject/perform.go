package inject

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"slices"
	"time"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/interp"
)

// performer performs a scenario, each time on a machine that is as the first one was.
type performer struct {
	sc      *workloads.Scenario
	plan    *driver.Plan
	o       *Options
	seed    maphash.Seed
	plain   []turn      // what came without a failure
	machine *mm.Machine // of the performance before; nil: there was none
	kept    bool        // its memory is in use for good
}

func newPerformer(sc *workloads.Scenario, plan *driver.Plan, o *Options) *performer {
	return &performer{sc: sc, plan: plan, o: o, seed: maphash.MakeSeed()}
}

// turn is what came of one statement.
type turn struct {
	points int    // at which something can fail
	out    string // what it gave
}

// performance is the scenario performed once. It is the host of its task.
type performance struct {
	*performer
	actor  interp.Actor
	fails  *failure // nil: nothing does
	spaces []*mm.MM // by the scenario's address spaces; nil: does not exist
	files  []*phys.File
	broken []string // what is wrong

	turns      []turn // without a failure; with one, so many as were performed
	unexpected []unexpected
	failed     *Failure    // what came of the failure
	call       interp.Call // in which it happened
	where      int         // the address space of the call
	after      state       // it
	stuck      bool
}

// unexpected is a statement that does not give what it states, where statements are performed one after the other and nothing fails.
type unexpected struct {
	stmt *workloads.Stmt
	got  string
}

// close gives back the memory of all performances.
func (p *performer) close() {
	if p.machine != nil && !p.kept {
		_ = p.machine.Close() // there is nothing to be written
	}
}

// perform performs the scenario with one point failing, on a goroutine of its own: what is wrong may panic or wait for ever. It returns nil
// if the context ended it.
func (p *performer) perform(ctx context.Context, fails *failure) (*performance, error) {
	did := &performance{performer: p, fails: fails, spaces: make([]*mm.MM, len(p.sc.MMs))}
	if err := did.setUp(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil {
				did.note(did.actor.Task.Panicked(v).String())
			}
		}()
		debug.SetPanicOnFault(true) // a stray access to the arena is a panic like any other
		if did.all(ctx) {
			did.end()
		}
	}()
	patience := time.NewTimer(p.o.patience)
	defer patience.Stop()
	select {
	case <-ended:
		if ctx.Err() != nil {
			return nil, nil
		}
		if did.failed == nil {
			did.failed = &Failure{} // it panicked before
		}
		did.failed.Wrong = did.broken
		return did, nil
	case <-ctx.Done():
		select {
		case <-ended:
		case <-patience.C:
			p.kept = true
		}
		return nil, nil
	case <-patience.C:
	}
	p.kept = true
	gone := &performance{performer: p, stuck: true}
	if fails != nil {
		gone.failed = fails.stuck()
	}
	return gone, nil
}

// setUp makes the machine, and what exists from the start.
func (d *performance) setUp() (err error) {
	cfg := d.plan.Config()
	cfg.JudgeCalls, cfg.ValidateWrites = true, true
	if d.machine == nil {
		if d.machine, err = fault.NewMachine(cfg); err != nil {
			return err
		}
	} else {
		d.machine = d.machine.Renew()
	}
	d.machine.Report = d.violated
	t := d.machine.NewTask("fail-each")
	for i, m := range d.sc.MMs {
		if m.Forked {
			continue
		}
		if d.spaces[i], err = interp.NewMM(t, d.machine, d.sc, m.Name); err != nil {
			return fmt.Errorf("address space %s: %w", m.Name, err)
		}
	}
	d.files, err = interp.OpenFiles(t, d.machine.Mem, d.sc)
	d.actor = interp.Actor{Task: t, Decls: d.sc.Files, Files: d.files, Window: d.sc.Window, Host: d}
	return err
}

// note notes something that is wrong.
func (d *performance) note(wrong string) {
	if !slices.Contains(d.broken, wrong) {
		d.broken = append(d.broken, wrong)
	}
}

// violated notes a broken rule, once however often it is found.
func (d *performance) violated(v task.Violation) { d.note(v.Oracle + ": " + v.Message) }

// all performs all statements, and reports whether it came to the end.
func (d *performance) all(ctx context.Context) bool {
	for t := range interp.Turns(d.sc, d.plan.Seed, d.plan.Counts, Passes) {
		if ctx.Err() != nil {
			return false
		}
		d.actor.Env = t.Env
		switch {
		case d.fails == nil:
			d.count(&t)
			continue
		case len(d.turns) == d.fails.turn:
			d.fail(&t)
		default:
			d.do(&t, nil)
		}
		d.turns = append(d.turns, turn{})
	}
	return true
}

// count performs a statement with nothing failing, and counts the points at which something can.
func (d *performance) count(t *interp.Turn) {
	points := &failure{k: -1}
	d.actor.Task.Observer = points
	out, _ := d.do(t, nil)
	d.actor.Task.Observer = nil
	d.turns = append(d.turns, turn{points.n, interp.Describe(t.Stmt, out)})
	if !t.Stmt.Expect.Allows(out, t.Env) {
		d.unexpected = append(d.unexpected, unexpected{t.Stmt, d.actor.Describe(t.Stmt, out)})
	}
}

// fail performs the statement in which something fails, and says what comes of it.
func (d *performance) fail(t *interp.Turn) {
	before := d.state()
	f := &Failure{Task: t.Task, Space: d.sc.MMs[t.Space].Name, Pos: t.Stmt.Pos, Statement: interp.Stated(t.Stmt)}
	d.failed = f
	defer func() { f.Fails, f.In = d.fails.what, d.fails.in }() // also where it panics
	d.where = t.Space
	d.actor.Task.Observer = d.fails
	out, ran := d.do(t, &d.call)
	d.actor.Task.Observer = nil
	f.Gives = interp.Describe(t.Stmt, out)
	d.validate()
	d.after = d.state()
	plain := d.plain[d.fails.turn].out
	f.Passed = f.Gives == plain && out.Kind == workloads.ResultOK // an error may be another's
	f.Left = changes(before, d.after, d.sc, newNamer(t.Block, t.Env))
	switch {
	case d.fails.k < 0:
		return
	case d.fails.what == "":
		d.note("what is to fail is not come to a second time")
	case !ran || f.Passed:
	case !isError(t.Stmt.Kind, out):
		d.note(fmt.Sprintf("it gives %s, without the failure %s: no error says that it has failed", f.Gives, plain))
	default:
		if wrong := lost(t.Space, &d.call, before, d.after); wrong != "" {
			d.note(wrong)
		} else if f.Left == nil && len(d.broken) == 0 {
			d.again(t, plain)
		}
	}
}

// again performs a statement again that has failed and left nothing: it must give what it gives without a failure.
func (d *performance) again(t *interp.Turn, plain string) {
	var out workloads.Outcome
	if interp.IsCall(t.Stmt.Kind) { // its operands are not drawn again
		out = d.make(t, &d.call)
	} else {
		out, _ = d.do(t, nil)
	}
	if got := interp.Describe(t.Stmt, out); got != plain {
		d.note(fmt.Sprintf("it fails and leaves nothing, and made again it gives %s, not %s", got, plain))
	}
}

// compare notes what a statement that gives what it gives without a failure has left otherwise.
func (d *performance) compare(reference *performance) {
	if wrong := otherwise(d.where, &d.call, reference.after, d.after); wrong != "" {
		d.failed.Wrong = append(d.failed.Wrong, "it gives what it gives without the failure, and leaves something else: "+wrong)
	}
}

// isError reports whether an outcome tells that a statement failed. brk tells it by the break that it returns.
func isError(k workloads.Kind, out workloads.Outcome) bool {
	return k == workloads.KindBrk || out.Kind != workloads.ResultOK
}

// do performs a statement, and reports whether there was something to perform. call is set to the call that it makes, if any.
func (d *performance) do(t *interp.Turn, call *interp.Call) (out workloads.Outcome, ran bool) {
	a := &d.actor
	if d.spaces[t.Space] == nil && t.Stmt.Kind != workloads.KindMaps {
		return interp.Failure(linux.ESRCH), false
	}
	a.MM = d.Acquire(t.Space)
	defer a.Leave()
	if call == nil || !interp.IsCall(t.Stmt.Kind) {
		return a.Perform(t.Stmt), true
	}
	c, err := interp.NewCall(t.Stmt, t.Env)
	if err != nil {
		return a.Perform(t.Stmt), false // which says why there is nothing to perform
	}
	*call = c
	return d.make(t, call), true
}

// make makes a call.
func (d *performance) make(t *interp.Turn, c *interp.Call) workloads.Outcome {
	a := &d.actor
	if a.MM == nil {
		a.MM = d.Acquire(t.Space)
		defer a.Leave()
	}
	out := a.Do(c)
	if out.Kind == workloads.ResultOK {
		c.Bind(t.Stmt, t.Env, out.Value)
	}
	return out
}

// validate notes what is wrong with the address spaces.
func (d *performance) validate() {
	for _, m := range d.spaces {
		if m == nil {
			continue
		}
		m.MmapWriteLock(d.actor.Task)
		for _, v := range m.Validate(d.actor.Task) {
			d.violated(v)
		}
		m.MmapWriteUnlock(d.actor.Task)
	}
}

// end ends all address spaces and looks for what is left over.
func (d *performance) end() {
	t := d.actor.Task
	d.validate()
	for i := len(d.spaces) - 1; i >= 0; i-- { // children first
		if d.spaces[i] != nil {
			d.spaces[i].Put(t)
		}
	}
	var err error
	for _, f := range d.files {
		err = errors.Join(err, f.Put(t))
	}
	if err != nil {
		d.note(err.Error())
	}
	d.machine.Settle(t)
	d.machine.EndTask(t)
	if left := d.machine.Leaks(); left != "" {
		d.note("leak: " + left + " left after everything was torn down")
	}
}

// Acquire implements [interp.Host], as do the others.
func (d *performance) Acquire(i int) *mm.MM {
	if m := d.spaces[i]; m != nil && m.Get(d.actor.Task) {
		return m
	}
	return nil
}

// Look implements [interp.Host]: no other task can end the address space.
func (d *performance) Look(i int) *mm.MM                            { return d.spaces[i] }
func (d *performance) Reserve(i int) bool                           { return d.spaces[i] == nil }
func (d *performance) Publish(i int, m *mm.MM)                      { d.spaces[i] = m }
func (d *performance) Meet(*workloads.Stmt)                         {}
func (d *performance) Await(*workloads.Stmt)                        {} // statements are performed in an order that allows it
func (d *performance) Passed(*workloads.Stmt)                       {}
func (d *performance) Yield()                                       {}
func (d *performance) Validate(m *mm.MM) error                      { return nil }
func (d *performance) Mismatch(s *workloads.Stmt, want, got string) {}

func (d *performance) Remove(i int) *mm.MM {
	m := d.spaces[i]
	d.spaces[i] = nil
	return m
}

func (d *performance) Forget(m *mm.MM) bool {
	for i, s := range d.spaces {
		if s == m {
			d.spaces[i] = nil
			return true
		}
	}
	return false
}

var _ interp.Host = (*performance)(nil)
