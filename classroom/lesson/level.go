package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/classroom/play"
	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/internal/suggest"
	"vmasim/workloads/program"
)

// Level is a task with a check: to break a scenario by an order of steps, or to mend one by rules.
type Level struct {
	Name     string    `json:"name"`
	Kind     LevelKind `json:"kind"`
	Title    string    `json:"title"`
	Goal     string    `json:"goal"`
	Scenario string    `json:"scenario"`
	Text     string    `json:"text"` // of the scenario, without what it says of its own end
	Rules    string    `json:"rules"`
	Hints    []string  `json:"hints"`   // each says more than the one before
	Offered  []Offered `json:"offered"` // the rules that may be switched to mend it

	show     string   // the oracle that breaks it; "": the scenario's own, or any
	families []string // of the rules that may be switched
}

// LevelKind is what is to be done in a level.
type LevelKind string

// The kinds of levels.
const (
	BreakIt LevelKind = "break"
	MendIt  LevelKind = "mend"
)

// Offered is a rule that may be switched.
type Offered struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	On      bool   `json:"on"`      // at the start
	Setting string `json:"setting"` // what switches it
}

// Levels returns the levels, those of each kind in the order in which they get harder.
func Levels() ([]Level, error) {
	all := slices.Concat(breakLevels(), mendLevels())
	for i := range all {
		l := &all[i]
		text, err := bare(l.Scenario, l.show)
		if err != nil {
			return nil, fmt.Errorf("level %s: %w", l.Name, err)
		}
		l.Text = text
		if l.Offered, err = offered(l.Rules, l.families); err != nil {
			return nil, fmt.Errorf("level %s: %w", l.Name, err)
		}
	}
	return all, nil
}

// offered returns the rules of some families that can be switched under others.
func offered(spec string, families []string) (all []Offered, err error) {
	start, err := rules.Parse(spec)
	if err != nil {
		return nil, err
	}
	for _, name := range families {
		f, err := rules.FindFamily(name)
		if err != nil {
			return nil, err
		}
		for _, r := range f.Rules() {
			o := Offered{r.String(), r.Info().Does, start.Has(r), "+" + r.String()}
			if o.On {
				o.Setting = "-" + r.String()
			}
			if _, err := rules.Parse(switched(spec, o.Setting)); err == nil { // others mean nothing here, or contradict what there is
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// switched returns rules with settings of some: what takes one back that was made before leaves neither.
func switched(spec string, settings ...string) string {
	parts := strings.Split(spec, ",")
	for _, s := range settings {
		opposite := "+" + s[1:]
		if s[0] == '+' {
			opposite = "-" + s[1:]
		}
		if i := slices.Index(parts, opposite); i >= 0 {
			parts = slices.Delete(parts, i, i+1)
		} else {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ",")
}

// FindLevel returns the level of that name.
func FindLevel(name string) (*Level, error) {
	all, err := Levels()
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range all {
		if names = append(names, all[i].Name); all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, errors.New(suggest.Unknown("level", name, names, ""))
}

// Judged is what came of an attempt.
type Judged struct {
	Solved   bool     `json:"solved"`
	Score    int      `json:"score"` // preemptions of the run, or rules switched: the fewer the better
	Lines    []string `json:"lines"`
	Rules    string   `json:"rules"`    // that were judged
	Schedule string   `json:"schedule"` // that decides; "": a search of everything does
}

func (l *Level) request(spec string) *play.Request {
	return &play.Request{Name: l.Scenario, Text: l.Text, Rules: spec}
}

// Judge judges a run, as a schedule, or settings of rules with commas between. between is called now and then during a search.
func (l *Level) Judge(ctx context.Context, attempt string, between func()) (*Judged, error) {
	if l.Kind == BreakIt {
		return l.judgeRun(ctx, attempt)
	}
	return l.judgeRules(ctx, attempt, between)
}

// judgeRun runs a schedule, which solves the level if it breaks something.
func (l *Level) judgeRun(ctx context.Context, schedule string) (j *Judged, err error) {
	r := l.request(l.Rules)
	r.Schedule = schedule
	s, err := play.Open(r, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p := s.Do(ctx, fmt.Sprintf("go %d", s.Do(ctx, "").Len))
	j = &Judged{Solved: p.Trace.Ending.Failed(), Rules: p.Rules, Schedule: p.Run}
	for i := 1; i < len(p.Trace.Steps); i++ {
		if before := p.Trace.Steps[i-1].Task; p.Trace.Steps[i].Task != before && slices.Contains(p.Trace.Steps[i].Enabled, before) {
			j.Score++
		}
	}
	switch {
	case j.Solved && len(p.Trace.Violated) > 0:
		j.Lines = []string{p.Trace.Oracle() + ": " + p.Trace.Violated[0].Message}
	case j.Solved:
		j.Lines = []string{p.Trace.Oracle()}
	case p.Over:
		j.Lines = []string{"this run ends well: " + p.Trace.Outcome, "take steps back, and let the tasks go on in another order"}
	default:
		j.Lines = []string{fmt.Sprintf("after %d steps nothing is broken yet", p.At)}
	}
	return j, nil
}

// judgeRules searches the scenario under the rules of the level with some of them switched.
func (l *Level) judgeRules(ctx context.Context, settings string, between func()) (*Judged, error) {
	var chosen []string
	for s := range strings.SplitSeq(settings, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if !slices.ContainsFunc(l.Offered, func(o Offered) bool { return o.Setting == s }) {
			return nil, fmt.Errorf("%s is none of the rules that may be switched here", suggest.Quote(s))
		}
		chosen = append(chosen, s)
	}
	spec := switched(l.Rules, chosen...)
	r, err := play.Explore(ctx, l.request(spec), between, func(play.Progress) {})
	if err != nil {
		return nil, err
	}
	j := &Judged{Score: len(chosen), Rules: spec}
	switch r.Verdict() {
	case program.Verified:
		j.Solved, j.Lines = true, []string{"verified: " + counted(r)}
	case program.Violated:
		line, schedule := broken(r)
		j.Lines, j.Schedule = []string{"it still breaks: " + line}, schedule
	default:
		j.Lines = []string{fmt.Sprintf("nothing was found in %d executions, but not everything was searched: choose other rules, or let it search on", r.Search.Executions)}
	}
	return j, nil
}

// Best is how well a level can be solved, as far as that was searched.
type Best struct {
	Score    int      `json:"score"` // the lowest that solves it; where Found is false: none below it does
	Found    bool     `json:"found"`
	Searched int      `json:"searched"` // executions, or sets of rules
	Settings []string `json:"settings"` // of rules, where some were found
}

// seconds is how long a search for a better solution may take, of one set of rules or of all runs.
const seconds = 30

// Best searches for the best solution: the run with the fewest preemptions, or the fewest rules. With below, it looks only for one that is
// better than that many; 0: for any.
func (l *Level) Best(ctx context.Context, below int, between func()) (*Best, error) {
	if l.Kind == MendIt {
		return l.fewestRules(ctx, below, between)
	}
	r := l.request(l.Rules)
	r.Strategy, r.Seconds = explore.Bounded, seconds
	report, err := play.Explore(ctx, r, between, func(play.Progress) {})
	if err != nil {
		return nil, err
	}
	return &Best{Score: report.Search.Bound + 1, Found: report.Verdict() == program.Violated, Searched: report.Search.Executions}, nil
}

// fewestRules tries all sets of rules that may be switched, smaller ones first.
func (l *Level) fewestRules(ctx context.Context, below int, between func()) (*Best, error) {
	b := &Best{}
	for size := 1; size <= len(l.Offered) && (below == 0 || size < below); size++ {
		err := subsets(len(l.Offered), size, func(chosen []int) (bool, error) {
			settings := make([]string, len(chosen))
			for i, n := range chosen {
				settings[i] = l.Offered[n].Setting
			}
			mends, err := l.mends(ctx, settings, between)
			b.Searched++
			if mends {
				b.Score, b.Found, b.Settings = size, true, settings
			}
			return mends, err
		})
		if err != nil || b.Found {
			return b, err
		}
		b.Score = size + 1
	}
	return b, nil
}

// mends reports whether the scenario is verified with some rules switched.
func (l *Level) mends(ctx context.Context, settings []string, between func()) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, errors.New("the search was stopped")
	}
	spec := switched(l.Rules, settings...)
	if _, err := rules.Parse(spec); err != nil {
		return false, nil // they contradict each other
	}
	r := l.request(spec)
	r.Seconds = seconds
	report, err := play.Explore(ctx, r, between, func(play.Progress) {})
	return err == nil && report.Verdict() == program.Verified, nil // where init fails under the rules they mend nothing
}

// subsets passes on each choice of size numbers below n, until one is enough.
func subsets(n, size int, enough func([]int) (bool, error)) error {
	chosen := make([]int, 0, size)
	var from func(int) (bool, error)
	from = func(first int) (bool, error) {
		if len(chosen) == size {
			return enough(chosen)
		}
		for i := first; i < n; i++ {
			chosen = append(chosen, i)
			done, err := from(i + 1)
			chosen = chosen[:len(chosen)-1]
			if done || err != nil {
				return done, err
			}
		}
		return false, nil
	}
	_, err := from(0)
	return err
}
