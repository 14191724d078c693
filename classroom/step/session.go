// Package step lets a reader be the scheduler of a scenario: one step at a time, back and forth.
//
// A [Session] keeps one run, as a schedule, and how far into it the reader is. To show where that is, it runs the scenario up to
// there: what is shown is the protocol's own code, whichever way the reader came there, and taking a step back is as good as taking one.
// Terminals and pages show the same session.
package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Session is a run of a scenario and a place in it.
type Session struct {
	// Between, if it is not nil, is called now and then while the session searches: see [explore.Options].
	Between func()

	// Draw, if it is not nil, draws the address spaces of a trace within a width: as they are where it ends, or all that they were.
	Draw func(t *trace.Trace, width int, all bool) string

	// Width is how wide commands may draw.
	Width int

	scenario *workloads.Scenario
	setting  program.Setting
	program  *program.Program
	run      explore.Schedule // the steps taken, and behind them those that were taken back
	at       int              // how many are taken
	trace    *trace.Trace     // of these
	branches []branch         // the runs that were gone, in the order in which they were begun
	current  int              // the one of run
	misfit   *program.Misfit  // what is wrong with the schedule that it was opened with; nil: nothing is
	watches  []Watch
}

// New begins before the first step. The caller closes the session.
func New(sc *workloads.Scenario, s program.Setting) (*Session, error) {
	return Open(sc, s, nil)
}

// Open begins before the first step of a schedule, which it keeps as steps that were taken back; nil: of none. Of one that does not fit it
// keeps the steps that are possible: see [Session.Misfit].
func Open(sc *workloads.Scenario, setting program.Setting, schedule *explore.Schedule) (*Session, error) {
	s := &Session{scenario: sc, setting: setting}
	var run explore.Schedule
	var err error
	if schedule == nil {
		if s.program, err = program.New(sc, setting); err == nil {
			run = s.program.Begin()
		}
	} else {
		s.program, run, s.misfit, err = program.Adopt(sc, setting, *schedule)
	}
	if err != nil {
		return nil, err
	}
	if err := s.show(run, 0); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Misfit says what is wrong with the schedule that the session was opened with, and which step of it is not possible; "": nothing is.
func (s *Session) Misfit() string {
	if s.misfit == nil {
		return ""
	}
	return s.misfit.Error()
}

// Close gives back what the session has taken.
func (s *Session) Close() error { return s.program.Close() }

// show goes to the step after the first at of a run.
func (s *Session) show(run explore.Schedule, at int) error {
	t, err := s.program.Replay(run.UpTo(at))
	if err != nil {
		return err
	}
	if t.Diverged != nil {
		return t.Diverged
	}
	s.run, s.at, s.trace = s.enter(run), at, t
	return nil
}

// At returns how many steps are taken.
func (s *Session) At() int { return s.at }

// Len returns how many there are with those that were taken back.
func (s *Session) Len() int { return len(s.run.Tasks) }

// Trace returns the steps taken.
func (s *Session) Trace() *trace.Trace { return s.trace }

// Schedule returns the steps taken, as replay reads them.
func (s *Session) Schedule() explore.Schedule { return s.run.UpTo(s.at) }

// Run returns the steps taken and those that were taken back.
func (s *Session) Run() explore.Schedule { return s.run }

// Rules returns the rules in force.
func (s *Session) Rules() string { return s.program.Rules() }

// Without returns the oracles that are switched off.
func (s *Session) Without() []string { return slices.Clone(s.setting.Without) }

// Over reports whether no step can be taken any more: the tasks have ended, an oracle has spoken, or none can go on.
func (s *Session) Over() bool {
	return !slices.ContainsFunc(s.trace.Next, func(n trace.Next) bool { return n.Enabled })
}

// EndedError says that a task has no step to take.
type EndedError struct{ Task string }

func (e *EndedError) Error() string { return e.Task + " has ended" }

// OverError says that no task takes a step any more.
type OverError struct{ How string }

func (e *OverError) Error() string { return "the run is over (" + e.How + "): undo takes a step back" }

// BlockedError says that a task cannot take its step now.
type BlockedError struct{ Next trace.Next }

func (e *BlockedError) Error() string {
	what := e.Next.Op.String()
	if e.Next.Cell != "" {
		what += " " + e.Next.Cell
	}
	if len(e.Next.Why) == 0 {
		return fmt.Sprintf("%s cannot go on: %s", e.Next.Task, what)
	}
	return fmt.Sprintf("%s cannot go on: %s: %s", e.Next.Task, what, strings.Join(e.Next.Why, "; "))
}

// next finds a task by its name, or by the letter that schedules have for it, and returns the step that it would take.
func (s *Session) next(name string) (place int, n *trace.Next, err error) {
	place = slices.Index(s.trace.Tasks, name)
	if place < 0 && len(name) == 1 {
		place = int(name[0]) - 'A'
	}
	if place < 0 || place >= len(s.trace.Tasks) {
		return 0, nil, errors.New(suggest.Unknown("task", name, s.trace.Tasks, "one of "+strings.Join(s.trace.Tasks, ", ")))
	}
	name = s.trace.Tasks[place]
	i := slices.IndexFunc(s.trace.Next, func(n trace.Next) bool { return n.Task == name })
	switch {
	case i < 0 && len(s.trace.Next) == 0:
		return 0, nil, &OverError{s.trace.Oracle()}
	case i < 0:
		return 0, nil, &EndedError{name}
	case !s.trace.Next[i].Enabled:
		return 0, nil, &BlockedError{s.trace.Next[i]}
	}
	return place, &s.trace.Next[i], nil
}

// Take lets a task take its step. Steps that were taken back stay only if they begin with this one.
func (s *Session) Take(name string) error {
	place, _, err := s.next(name)
	if err != nil {
		return err
	}
	if s.at < s.Len() && int(s.run.Tasks[s.at]) == place {
		return s.show(s.run, s.at+1)
	}
	run := s.run.UpTo(s.at)
	run.Tasks = append(run.Tasks, uint8(place))
	return s.show(run, s.at+1)
}

// Statement lets a task go on to the end of its statement, or to where it cannot.
func (s *Session) Statement(name string) error {
	_, n, err := s.next(name)
	if err != nil {
		return err
	}
	name = n.Task
	for stmt := n.Statement(); n.Statement() == stmt; {
		if err := s.Take(name); err != nil {
			return err
		}
		if _, n, err = s.next(name); err != nil {
			return nil
		}
	}
	return nil
}

// Go goes to the step after the first n.
func (s *Session) Go(n int) error {
	if n < 0 || n > s.Len() {
		return fmt.Errorf("step %d is not there, expected one from 0 to %d", n, s.Len())
	}
	return s.show(s.run, n)
}

// Choose makes the i-th decision, from 0, of the last step another one.
func (s *Session) Choose(i, value int) error {
	if s.at == 0 || len(s.trace.Steps[s.at-1].Choices) == 0 {
		return errors.New("nothing was decided in this step: a scenario says by may what can be")
	}
	made := s.trace.Steps[s.at-1].Choices
	if i < 0 || i >= len(made) {
		return fmt.Errorf("decision %d is not there, expected one from 1 to %d", i+1, len(made))
	}
	if d := made[i]; value < 0 || value >= d.Of {
		return fmt.Errorf("%s %d is not there, expected a value from 0 to %d", d.Choice, value, d.Of-1)
	}
	run := s.run.UpTo(s.at)
	run.Choices = slices.DeleteFunc(run.Choices, func(c explore.StepDecision) bool { return c.Step == s.at })
	for j, d := range made[:i+1] { // what is decided after it may well be something else then
		if j == i {
			d.Value = value
		}
		run.Choices = append(run.Choices, explore.StepDecision{Step: s.at, Value: d.Value})
	}
	return s.show(run, s.at)
}

// Toggle switches an oracle off, or on again.
func (s *Session) Toggle(oracle string) error {
	without := slices.Clone(s.setting.Without)
	if i := slices.Index(without, oracle); i >= 0 {
		without = slices.Delete(without, i, i+1)
	} else {
		without = append(without, oracle)
	}
	setting := s.setting
	setting.Without = without
	p, err := program.NewFor(s.scenario, setting, s.run)
	if err != nil {
		return err
	}
	old := *s
	s.program, s.setting = p, setting
	if err := s.show(s.run, s.at); err != nil {
		if _, ok := errors.AsType[*trace.Divergence](err); !ok || s.showAll() != nil {
			*s = old
			return errors.Join(err, p.Close())
		}
	}
	for i := range s.branches {
		s.branches[i].ends = "" // another oracle may end it, or none
	}
	return old.program.Close()
}

// showAll goes as far along the run as it can be gone: an oracle that speaks ends it earlier.
func (s *Session) showAll() error {
	t, err := s.program.Replay(s.run.UpTo(s.at))
	if err != nil {
		return err
	}
	return s.show(s.run, len(t.Steps))
}

// ToViolation goes on to where the run breaks a rule or stops: along the steps that were taken back if these do, and otherwise along those that
// break with the fewest preemptions from here, which it searches for. Where there are none, complete says that everything was searched.
func (s *Session) ToViolation(ctx context.Context) (found, complete bool, err error) {
	if s.at < s.Len() {
		t, err := s.program.Replay(s.run)
		if err != nil {
			return false, false, err
		}
		if t.Ending.Failed() {
			return true, false, s.show(s.run, s.Len())
		}
	}
	ahead, err := s.Ahead(ctx, explore.Bounded)
	if err != nil || len(ahead.Violations) == 0 {
		return false, err == nil && ahead.Complete, err
	}
	run := ahead.Violations[0].Schedule
	return true, false, s.show(run, len(run.Tasks))
}

// Ahead searches what can come after here.
func (s *Session) Ahead(ctx context.Context, by explore.Strategy) (*explore.Report, error) {
	return s.program.Behind(ctx, s.Schedule(), explore.Options{Strategy: by, Between: s.Between})
}

// ReplayCommand returns the line that replays the steps taken.
func (s *Session) ReplayCommand() string {
	run := s.Schedule()
	return s.program.ReplayCommand(&run)
}

// Scenario returns the scenario with the rules in force and the steps taken as its schedule.
func (s *Session) Scenario() *workloads.Scenario {
	sc := *s.scenario
	run := s.Schedule()
	sc.Rules = &workloads.Rules{Spec: s.Rules()}
	sc.Schedule = &workloads.Schedule{Text: run.String()}
	return &sc
}

// FirstSwitch goes to before the first step that takes the turn from a task that could have gone on: where a counterexample begins to
// be one.
func (s *Session) FirstSwitch() error {
	t, err := s.program.Replay(s.run)
	if err != nil {
		return err
	}
	for i := 1; i < len(t.Steps); i++ {
		if before := t.Steps[i-1].Task; t.Steps[i].Task != before && slices.Contains(t.Steps[i].Enabled, before) {
			return s.show(s.run, i)
		}
	}
	return s.show(s.run, 0)
}
