// Package compare puts two runs of a scenario side by side: one schedule under two sets of rules, or two schedules.
//
// The meaning of a schedule under other rules is that of its tasks, not of how many steps they take: in its turn, each task goes on until
// it stands before the step that it stands before on the other side. Steps that only one side has are taken on the way. Where a task cannot
// go on, the others do.
package compare

import (
	"errors"
	"fmt"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Under runs a schedule of a scenario, and follows it under other rules.
func Under(sc *workloads.Scenario, s program.Setting, schedule explore.Schedule, against string, between func()) (*trace.Pair, error) {
	with, err := replayed(sc, s, schedule)
	if err != nil {
		return nil, err
	}
	other, err := rules.Parse(against)
	if err != nil {
		return nil, err
	}
	own, err := rules.Parse(with.Rules)
	if err != nil {
		return nil, err
	}
	if own.String() == other.String() {
		return nil, fmt.Errorf("both sides have the rules %s: expected others to compare with", other.String())
	}
	c := &comparison{scenario: sc, setting: s, schedule: schedule, with: with, own: own, other: other, between: between}
	if c.standing, err = c.stand(); err != nil {
		return nil, err
	}
	pair, err := c.follow(other.String(), len(with.Steps))
	if err != nil {
		return nil, err
	}
	for i := range pair.Partings {
		if err := c.explain(pair, i); err != nil {
			return nil, err
		}
	}
	return pair.Pair, nil
}

// Runs puts two runs of a scenario under the same rules side by side.
func Runs(sc *workloads.Scenario, s program.Setting, first, second explore.Schedule) (*trace.Pair, error) {
	a, err := replayed(sc, s, first)
	if err != nil {
		return nil, fmt.Errorf("the first run: %w", err)
	}
	b, err := replayed(sc, s, second)
	if err != nil {
		return nil, fmt.Errorf("the second run: %w", err)
	}
	p := &trace.Pair{Names: [2]string{"the first run", "the second run"}, With: a, Against: b, Ends: [2]string{a.Ends(), b.Ends()}}
	n := 0
	p.Rows, n, p.Objects = trace.Align(a, b)
	if n < max(len(a.Steps), len(b.Steps)) {
		p.Partings = []trace.Parting{{Row: n, Text: partedText(p, n)}}
	}
	return p, nil
}

// partedText says what each of two runs does where they are no longer the same.
func partedText(p *trace.Pair, n int) string {
	does := func(name string, t *trace.Trace) string {
		if n == len(t.Steps) {
			return name + " " + t.Ends()
		}
		s := &t.Steps[n]
		return fmt.Sprintf("in %s comes %s with %s", name, s.Task, stepText(s))
	}
	return fmt.Sprintf("step %d: %s; %s", n+1, does(p.Names[0], p.With), does(p.Names[1], p.Against))
}

// replayed runs a schedule as far as it goes; where it does not fit, the error says why.
func replayed(sc *workloads.Scenario, s program.Setting, schedule explore.Schedule) (*trace.Trace, error) {
	t, err := program.ReplayScenario(sc, s, schedule)
	if err != nil {
		return nil, err
	}
	if t.Diverged != nil {
		return nil, t.Diverged
	}
	return t.Trace, nil
}

// stepText words a step in a sentence.
func stepText(s *trace.Step) string {
	text := s.Op.String()
	if s.Cell != "" {
		text += " " + s.Cell
	}
	if s.Func != "" && s.Func != s.Statement {
		text += " in " + s.Func
	}
	return text
}

// comparison is a run that is held against runs under other rules.
type comparison struct {
	scenario   *workloads.Scenario
	setting    program.Setting
	schedule   explore.Schedule
	with       *trace.Trace
	standing   map[string]trace.Next // what each task would do behind its last step, where that is known
	own, other rules.Set
	between    func()
}

// stand finds out what each task of the run would do next.
func (c *comparison) stand() (map[string]trace.Next, error) {
	next := map[string]trace.Next{}
	t := c.with
	if len(t.Next) == 0 && t.Ending.Failed() && len(t.Steps) > 0 {
		last := len(t.Steps) - 1
		before, err := replayed(c.scenario, c.setting, c.schedule.UpTo(last))
		if err != nil {
			return nil, err
		}
		for _, n := range before.Next {
			if n.Task != t.Steps[last].Task {
				next[n.Task] = n
			}
		}
		return next, nil
	}
	for _, n := range t.Next {
		next[n.Task] = n
	}
	return next, nil
}

// enabled reports whether a task of the run could go on when it had taken so many steps.
func (c *comparison) enabled(name string, steps int) bool {
	if steps < len(c.with.Steps) {
		for _, e := range c.with.Steps[steps].Enabled {
			if e == name {
				return true
			}
		}
		return false
	}
	n, ok := c.standing[name]
	return ok && n.Enabled
}

// errTooLong says that a run under other rules comes to no end.
var errTooLong = errors.New("under the other rules the tasks come to no end within the steps of an execution")

// short is a set of rules in a sentence.
func short(spec string) string {
	if strings.Count(spec, ",") > 2 {
		generation, _, _ := strings.Cut(spec, ",")
		return generation + ",…"
	}
	return spec
}
