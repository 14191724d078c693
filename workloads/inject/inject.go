// Package inject performs a scenario again and again, one statement after the other, and lets another allocation, charge or hook fail each
// time, until each has failed once. After the one that failed it says what the statement gave, what stays changed, and what is wrong with
// that: the address spaces must be valid, only that may have changed which mm.Residues declares, and in the end nothing may be left over.
package inject

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// Passes is how many passes each "for" and each "forever" makes.
const Passes = 2

// failing are the choices that let something fail.
var failing = []task.Choice{task.AllocFails, task.ChargeFails, task.HookFails}

// Options say how a scenario is performed.
type Options struct {
	driver.Options
	Progress func(done, all int) // is told how many points have failed; nil: it is not

	patience time.Duration // how long one performance may take; 0: defaultPatience
}

// defaultPatience is how long one performance of a scenario may take: a statement that does not end, as a lock is still held, must not hold
// up all.
const defaultPatience = time.Minute

// Run performs a scenario once as it is, and then once for each point at which something can fail. When the context ends, what was found
// so far is returned.
func Run(ctx context.Context, sc *workloads.Scenario, o Options) (*Result, error) {
	plan, err := driver.NewPlan(sc, &o.Options)
	if err != nil {
		return nil, err
	}
	if o.patience == 0 {
		o.patience = defaultPatience
	}
	begun := time.Now()
	r := &Result{Scenario: sc.Name, Title: sc.Title, Rules: plan.Rules.String(), Machine: sc.MachineText(), Seed: plan.Seed}
	p := newPerformer(sc, plan, &o)
	defer p.close()
	plain, err := p.perform(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case plain == nil:
		r.Interrupted = true
	case plain.stuck:
		r.Stuck, r.Broken = true, []string{"it does not end though nothing fails"}
	default:
		r.note(plain)
		p.plain = plain.turns
		err = p.each(ctx, r)
	}
	r.Elapsed = time.Since(begun)
	return r, err
}

// each lets one point fail after the other.
func (p *performer) each(ctx context.Context, r *Result) error {
	for n := range p.plain {
		if err := p.eachOf(ctx, r, n); err != nil || r.Interrupted || r.Stuck {
			return err
		}
	}
	return nil
}

// eachOf lets one point of a turn fail after the other.
func (p *performer) eachOf(ctx context.Context, r *Result, turn int) error {
	var reference *performance // that nothing fails in
	for k := range p.plain[turn].points {
		if p.o.Progress != nil {
			p.o.Progress(r.Done, r.Points)
		}
		did, err := p.perform(ctx, &failure{turn: turn, k: k})
		if err == nil && did != nil && did.failed.Passed {
			if reference == nil {
				reference, err = p.perform(ctx, &failure{turn: turn, k: -1})
			}
			if err == nil && reference != nil {
				did.compare(reference)
			}
		}
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			r.Interrupted = true
			return nil
		}
		r.Done++
		r.add(did.failed)
		if did.stuck {
			r.Stuck = true // it may hold anything
			return nil
		}
	}
	return nil
}

// failure is the point that is to fail: the k-th of a turn, both counted from 0; with k -1 none. It observes the task in that turn.
type failure struct {
	task.NoObserver
	turn, k int

	n    int
	what task.Choice // that failed; "": none has yet
	in   string      // the kernel function in which it did
}

// Choose implements [task.Observer].
func (f *failure) Choose(t *task.Task, what task.Choice, _ int) int {
	if !slices.Contains(failing, what) {
		return 0
	}
	n := f.n
	f.n++
	if n != f.k {
		return 0
	}
	f.what, f.in = what, t.Func()
	return 1
}

// stuck is what came of a failure after which a scenario does not end.
func (f *failure) stuck() *Failure {
	return &Failure{Wrong: []string{fmt.Sprintf("the scenario does not end when point %d of its statement %d has failed", f.k+1, f.turn+1)}}
}
