package program

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// Trace is one execution in the words of a reader.
type Trace struct {
	Tasks    []string // in the order of the world
	Steps    []Step
	Objects  []Object
	Before   []Map // the address spaces when the threads begin
	After    []Map // and where the trace ends
	Blocked  []Blocked
	Finally  []Performed      // the statements of finally that were performed
	Start    []task.Violation // found before the threads had taken a step
	End      []task.Violation // found when all was over, in no statement
	Ending   explore.Ending
	Passed   []explore.Passed // what the execution went on behind; step 0: when all steps were taken
	Violated []task.Violation
	Outcome  string // if it finished
	Diverged error  // the schedule does not fit the program: the trace ends where it differs
}

// Step is a step of a trace.
type Step struct {
	explore.Step
	Cell   string   // what it accesses, "" for what has no name of its own
	Shared bool     // tasks affect each other through it
	Was    string   // the value seen, "" where the cell has none
	Is     string   // the value left
	From   int      // the step, from 1, that wrote the value seen; 0: init did, or this task, unless it is a word of memory
	Notes  []string // what was born, freed or chosen
}

// Performed is a statement of finally and what came of it. It comes after all steps.
type Performed struct {
	Text       string
	Result     string
	From       int // the step, from 1, that wrote what a load has read; 0: none did
	Violations []task.Violation
}

// Statement returns the statement that the step belongs to, "" outside any.
func (s *Step) Statement() string {
	if len(s.Stack) == 0 {
		return ""
	}
	return s.Stack[0]
}

// Writes reports whether the step changed its cell, or its lock.
func (s *Step) Writes() bool {
	switch s.Op.Info().Kind {
	case task.Read, task.Wait:
		return false
	case task.RMW, task.Try:
		return s.Old != s.New
	}
	return true
}

// Word reports whether the step is a statement's own access to a word of memory: what a load loads, or a store stores.
func (s *Step) Word() bool {
	return len(s.Stack) == 1 && s.Size == 0 && strings.Contains(s.Cell, ".word[")
}

// Object is memory that the trace names.
type Object struct {
	Name string // vma#1
	Is   string // what it is and where
}

// Map is what an address space maps.
type Map struct {
	Name  string
	Lines []string
}

// Blocked is a task that cannot go on, and why.
type Blocked struct {
	explore.Blocked
	Cell string
	Why  []string // who has what it waits for
}

// Replay runs a schedule of the program and records it. Where the schedule does not fit, the trace has up to there, and why.
func (p *Program) Replay(schedule explore.Schedule) (*Trace, error) {
	rec := newRecording(p)
	p.follow = rec
	defer func() { p.follow = nil }()
	t, err := explore.Replay(p, schedule, explore.Options{
		Choices: p.choices(), Pass: p.pass,
		Watch: func(report func(task.Violation)) explore.Oracle {
			rec.oracles = p.Watch(report).(*oracles)
			return rec
		},
	})
	if t == nil {
		return nil, err
	}
	if _, ok := errors.AsType[*explore.DivergenceError](err); err != nil && !ok {
		return nil, err
	}
	trace := rec.trace(t)
	trace.Diverged = err
	return trace, nil
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
	v.Dropped = failing.Dropped()
	var err error
	if v.Trace, err = failing.Replay(v.Found.Schedule); err != nil {
		return nil, fmt.Errorf("replay %s: %w", &v.Found.Schedule, err)
	}
	if v.Trace.Ending != v.Ending {
		v.Unstable, v.Shrunk = true, nil
	}
	return v, nil
}

// Replayed is what came of replaying a schedule.
type Replayed struct {
	Scenario string
	Title    string
	Rules    string
	Schedule explore.Schedule
	Dropped  []string // what of the scenario it goes without
	Ending   explore.Ending
	Trace    *Trace
}

// ReplayScenario runs one interleaving of a scenario, or of what the schedule says is left of it.
func ReplayScenario(sc *workloads.Scenario, s Setting, schedule explore.Schedule) (*Replayed, error) {
	cuts, err := parseCuts(schedule.Scenario)
	if err != nil {
		return nil, err
	}
	p, err := newReduced(sc, cuts, s)
	if err != nil {
		return nil, err
	}
	trace, err := p.Replay(schedule)
	if other, ok := errors.AsType[*explore.FingerprintError](err); ok {
		err = fmt.Errorf("the schedule %w", p.refusal(other))
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &Replayed{sc.Name, sc.Title, p.Rules(), schedule, p.Dropped(), trace.Ending, trace}, p.Close()
}
