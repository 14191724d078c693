package program

import (
	"context"
	"errors"
	"fmt"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// Replay runs a schedule of the program and records it. Where the schedule does not fit, the trace has up to there, and why.
func (p *Program) Replay(schedule explore.Schedule) (*trace.Trace, error) {
	t, err := p.record(p, schedule)
	if err != nil {
		return nil, err
	}
	return t.Trace, nil
}

// record replays a schedule of the program, which makes its worlds as of does.
func (p *Program) record(of explore.Program, schedule explore.Schedule) (*explore.Trace, error) {
	rec := newRecording(p)
	p.follow = rec
	defer func() { p.follow = nil }()
	t, err := explore.Replay(of, schedule, explore.Options{
		Memory: p.memory, Choices: p.choices(), Pass: p.pass, Record: rec.Recorder,
		Watch: func(report func(task.Violation)) explore.Oracle {
			rec.watch = p.Watch(report).(*oracles)
			return rec.watch
		},
	})
	if other, ok := errors.AsType[*explore.FingerprintError](err); ok {
		return nil, fmt.Errorf("the schedule %w", p.refusal(other))
	}
	if t == nil {
		return nil, err
	}
	diverged, ok := errors.AsType[*explore.DivergenceError](err)
	if err != nil && !ok {
		return nil, err
	}
	t.Diverged = diverged
	t.Origin = trace.Origin{Scenario: p.given.Name, Title: p.given.Title, Rules: p.Rules(), Schedule: schedule.String(), Dropped: p.Dropped()}
	return t, nil
}

// Counterexample makes a failure as small as it can, unless it is to stay as it is, and records it.
func (p *Program) Counterexample(ctx context.Context, f explore.Found, o *Options) (*Violation, error) {
	v := &Violation{Found: f}
	failing := p
	if !o.NoShrink {
		if shrunk, err := explore.Shrink(ctx, p, f, o.Options); err == nil {
			v.Found, v.Shrunk = shrunk.Found, shrunk
			failing = shrunk.Program.(*Program)
		}
	}
	if failing != p {
		defer failing.Close()
	}
	var err error
	if v.Trace, err = failing.Replay(v.Found.Schedule); err != nil {
		return nil, fmt.Errorf("replay %s: %w", &v.Found.Schedule, err)
	}
	if v.Trace.Ending != v.Ending {
		v.Unstable, v.Shrunk = true, nil
	}
	return v, nil
}

// NewFor makes what the schedule says is left of a scenario a program: of a counterexample that was made smaller, not all is.
func NewFor(sc *workloads.Scenario, s Setting, schedule explore.Schedule) (*Program, error) {
	cuts, err := parseCuts(schedule.Scenario)
	if err != nil {
		return nil, err
	}
	return newReduced(sc, cuts, s)
}

// ReplayScenario runs one interleaving of a scenario, or of what the schedule says is left of it.
func ReplayScenario(sc *workloads.Scenario, s Setting, schedule explore.Schedule) (*explore.Trace, error) {
	p, err := NewFor(sc, s, schedule)
	if err != nil {
		return nil, err
	}
	t, err := p.record(p, schedule)
	return t, errors.Join(err, p.Close())
}

// ReplayAdopted runs a schedule that may belong to something else, or not fit, as far as it goes: the misfit says why it does not.
func ReplayAdopted(sc *workloads.Scenario, s Setting, schedule explore.Schedule) (*explore.Trace, *Misfit, error) {
	p, _, misfit, err := Adopt(sc, s, schedule)
	if err != nil {
		return nil, nil, err
	}
	whole := schedule
	whole.Scenario, whole.Rules = p.Fingerprints()
	t, err := p.record(p, whole)
	return t, misfit, errors.Join(err, p.Close())
}

// Behind searches what can come after a schedule.
func (p *Program) Behind(ctx context.Context, from explore.Schedule, o explore.Options) (*explore.Report, error) {
	o.Watch, o.Memory, o.Choices, o.Pass, o.From = p.Watch, p.memory, p.choices(), p.pass, &from
	return explore.Search(ctx, p, o)
}

// Begin is the schedule before the first step.
func (p *Program) Begin() explore.Schedule {
	return explore.Schedule{Scenario: p.scenarioPrint, Rules: p.rulesPrint}
}
