package judge

import (
	"errors"
	"fmt"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// Drift is a difference between kernel and simulator.
type Drift struct {
	Statement string `json:"statement"` // the one after which they differ
	Space     string `json:"space"`     // the address space it was performed in
	What      string `json:"what"`      // what differs
	Picture   string `json:"picture"`   // both layouts, side by side
	Scenario  string `json:"scenario"`  // that shows it, shrunk; "" where none was made
}

func (d *Drift) String() string {
	s := fmt.Sprintf("%s: %s", d.Statement, d.What)
	if d.Space != workloads.MainMM {
		s = "in " + d.Space + ": " + s
	}
	return s
}

// step is a statement and the address space that it is performed in.
type step struct {
	space  int
	stmt   *workloads.Stmt
	result uint64 // what both sides gave, once performed: an address; 0 for nothing
}

// do performs a step on both sides and compares. The error says that the kernel's side is lost, or cannot be looked at.
func (w *world) do(s step, env *workloads.Env) (*Drift, error) {
	sp := w.spaces[s.space]
	if sp == nil || w.over {
		return nil, nil // shortened away
	}
	switch s.stmt.Kind {
	case workloads.KindFork:
		return w.fork(s, sp)
	case workloads.KindExit:
		return w.exit(s)
	}
	c, err := interp.NewCall(s.stmt, env)
	if err != nil {
		return nil, nil // no address: there is nothing to perform
	}
	if c.Kind == workloads.KindHeap {
		c.Bind(s.stmt, env, c.Addr)
		return nil, nil // the world was made with it
	}
	if incomparable(&w.lab.kernel, &c) {
		return nil, nil // told among the differences
	}
	w.operations++
	w.machine.ValidateWrites = w.exact() || sp.areas <= everyOperation // else [world.compareWhole] does
	w.done, w.call = s, c
	real, err := sp.kernel.do(&c)
	if errors.Is(err, host.ErrHidden) {
		return nil, nil // told among the differences
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", s.stmt, err)
	}
	if c.Kind == workloads.KindSetrlimit && real.Errno == linux.EPERM {
		return nil, nil // above the hard limit of this machine
	}
	w.actor.MM = sp.sim
	sim := w.actor.Do(&c)
	if w.lab.spoil != nil {
		w.lab.spoil(&w.actor, &c)
	}
	w.counts.add(c.Kind, real)
	if w.over = real != sim && w.lab.unjudged(real, sim); w.over {
		return nil, nil
	}
	if real != sim {
		return w.drift(s, fmt.Sprintf("the kernel says %s, the simulator %s", interp.Describe(s.stmt, real), w.actor.Describe(s.stmt, sim)))
	}
	w.last = &real
	if real.Kind == workloads.ResultOK {
		c.Bind(s.stmt, env, real.Value)
	}
	return w.compare(s, s.space, w.reachOf(sp, &c, real))
}

// fork makes a child on both sides.
func (w *world) fork(s step, parent *space) (*Drift, error) {
	i := s.stmt.MM.Index
	if w.spaces[i] != nil {
		return nil, nil
	}
	w.operations++
	child := &space{heap: parent.heap}
	sim, simErr := parent.sim.Fork(w.actor.Task, s.stmt.MM.Name)
	real, err := parent.kernel.Fork()
	out, err := outcomeOf(err)
	w.counts.add(s.stmt.Kind, out)
	if err != nil {
		return nil, err
	}
	if out.Kind == workloads.ResultOK {
		child.kernel = &process{Process: real, fds: parent.kernel.fds, zero: parent.kernel.zero, coarse: parent.kernel.coarse}
	}
	if (simErr == nil) != (child.kernel != nil) {
		if sim != nil {
			sim.Put(w.actor.Task)
		}
		if child.kernel != nil {
			child.kernel.Exit()
		}
		return w.drift(s, fmt.Sprintf("the kernel says %v, the simulator %v", out, simErr))
	}
	if simErr != nil {
		return nil, nil
	}
	child.sim = sim
	w.spaces[i] = child
	if d, err := w.compare(s, s.space, everywhere); d != nil || err != nil {
		return d, err
	}
	return w.compare(s, i, everywhere)
}

// exit ends a child on both sides.
func (w *world) exit(s step) (*Drift, error) {
	i := s.space
	if s.stmt.MM != nil {
		i = s.stmt.MM.Index
	}
	sp := w.spaces[i]
	if i == 0 || sp == nil {
		return nil, nil // main stays: it is what is compared
	}
	if d, err := w.compareWhole(s, i, true); d != nil || err != nil { // what it leaves behind unseen
		return d, err
	}
	w.operations++
	sp.kernel.Exit()
	sp.sim.Put(w.actor.Task)
	w.spaces[i] = nil
	w.counts.add(s.stmt.Kind, workloads.Outcome{Kind: workloads.ResultOK})
	return w.compare(s, 0, everywhere)
}

// compare compares one address space after a step: what the step may have changed, and all of it where that is due.
func (w *world) compare(s step, i int, r reach) (*Drift, error) {
	if w.blind {
		return nil, nil
	}
	if len(w.violations) > 0 {
		return w.drift(s, "the simulator broke a rule: "+describeViolations(w.violations))
	}
	sp := w.spaces[i]
	if d := w.due(sp, r); d.whole {
		return w.compareWhole(s, i, d.flags)
	}
	what, err := w.compareReach(sp, r)
	if what == "" || err != nil {
		return nil, err
	}
	return w.drift(s, what)
}

// compareWhole compares all of an address space.
func (w *world) compareWhole(s step, i int, flags bool) (*Drift, error) {
	sp := w.spaces[i]
	if !w.machine.ValidateWrites {
		w.validate(sp)
	}
	if len(w.violations) > 0 {
		return w.drift(s, "the simulator broke a rule: "+describeViolations(w.violations))
	}
	real, err := sp.kernel.state(flags)
	if err != nil {
		return nil, err
	}
	sim := w.simState(sp, flags)
	if sp.kernel.coarse {
		sim.coarsen()
		real.coarsen()
	}
	if what := w.names.compare(sim, real); what != "" {
		return w.driftBetween(s, i, what, real, sim), nil
	}
	if w.lab.deep != nil {
		if d, err := w.compareHidden(s); d != nil || err != nil {
			return d, err
		}
	}
	sp.areas, sp.wholeAt = len(sim.areas), w.operations
	if flags {
		sp.flagsAt = w.operations
	}
	return nil, nil
}

// compareAll compares all address spaces in the end.
func (w *world) compareAll() (*Drift, error) {
	if w.done.stmt == nil {
		return nil, nil
	}
	for i, sp := range w.spaces {
		if sp == nil {
			continue
		}
		if d, err := w.compareWhole(w.done, i, true); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// validate looks for broken rules in the simulated address space.
func (w *world) validate(sp *space) {
	t := w.actor.Task
	sp.sim.MmapWriteLock(t)
	w.violations = append(w.violations, sp.sim.Validate(t)...)
	sp.sim.MmapWriteUnlock(t)
}

// drift describes a difference in results.
func (w *world) drift(s step, what string) (*Drift, error) {
	sp := w.spaces[s.space]
	real, err := sp.kernel.state(true)
	if err != nil {
		return nil, err
	}
	sim := w.simState(sp, true)
	return w.driftBetween(s, s.space, what, real, sim), nil
}

func (w *world) driftBetween(s step, i int, what string, real, sim *state) *Drift {
	return &Drift{
		Statement: interp.Stated(s.stmt), Space: w.set.scenario.MMs[i].Name, What: what,
		Picture: sideBySide(real.drawn(), sim.drawn()),
	}
}
