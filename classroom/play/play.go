// Package play is what a page can ask of the laboratory: texts go in, and values that JSON can word come out. It needs no files, no
// terminal and no network.
package play

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vmasim/check"
	"vmasim/classroom/quiz"
	"vmasim/classroom/step"
	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Request is a scenario and what is to be done with it.
type Request struct {
	Name     string           `json:"name"` // of the scenario, as messages give it
	Text     string           `json:"text"`
	Rules    string           `json:"rules"`    // in place of its own; "" keeps them
	Schedule string           `json:"schedule"` // to step through; "": from the beginning
	Branches []string         `json:"branches"` // schedules of runs that were gone before
	Without  []string         `json:"without"`  // oracles that are switched off
	Strategy explore.Strategy `json:"strategy"` // "" is the default
	Seconds  float64          `json:"seconds"`  // of a search, at most; 0: as long as it takes
}

// Mistake says what is wrong with a request, and where in the text, if it is the text.
type Mistake struct {
	Line    int    `json:"line"`   // from 1; 0: nowhere in it
	Column  int    `json:"column"` // in bytes
	Message string `json:"message"`
}

// Mistakes words an error.
func Mistakes(err error) (all []Mistake) {
	if list, ok := errors.AsType[workloads.ErrorList](err); ok {
		for _, e := range list {
			all = append(all, Mistake{e.Pos.Line, e.Pos.Col, e.Msg})
		}
		return all
	}
	return []Mistake{{Message: err.Error()}}
}

// parse reads the scenario of a request.
func (r *Request) parse() (*workloads.Scenario, program.Setting, error) {
	setting := program.Setting{Rules: r.Rules, Without: r.Without}
	sc, err := workloads.Parse(r.Name+workloads.Extension, []byte(r.Text))
	if err != nil {
		return nil, setting, err
	}
	for _, f := range sc.Files {
		if f.Path != "" {
			return nil, setting, fmt.Errorf("file %s is a real file, which a page cannot open", f.Name)
		}
	}
	return sc, setting, nil
}

// Check reports the mistakes of a scenario, and what keeps it from being explored.
func Check(r *Request) error {
	sc, setting, err := r.parse()
	if err != nil {
		return err
	}
	p, err := program.New(sc, setting)
	if err != nil {
		return err
	}
	return p.Close()
}

// Progress is how far a search is.
type Progress struct {
	Executions int     `json:"executions"`
	Rate       float64 `json:"rate"`    // a second
	Share      float64 `json:"share"`   // that is done, from 0 to 1; 0: not known
	Seconds    float64 `json:"seconds"` // that it has taken
}

// Report is what a search came to.
type Report struct {
	*program.Result
	Trace *trace.Trace // of the first counterexample; nil: there is none
}

// MarshalJSON implements [json.Marshaler]: the keys of the result with all that is known of its counterexample.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Result  *program.Result `json:"result"`
		Verdict string          `json:"verdict"`
		Replay  string          `json:"replay"` // the line that replays the counterexample
		Trace   *trace.Trace    `json:"counterexample"`
	}{r.Result, r.Result.Verdict(), r.replay(), r.Trace})
}

func (r Report) replay() string {
	if len(r.Violations) == 0 {
		return ""
	}
	return r.ReplayCommand(&r.Violations[0].Schedule)
}

// Explore searches the interleavings of a scenario. between is called now and then, by the goroutine that searches: where nothing preempts
// it, others run only then. An end of ctx ends the search, and what was found so far is returned.
func Explore(ctx context.Context, r *Request, between func(), tell func(Progress)) (*Report, error) {
	sc, setting, err := r.parse()
	if err != nil {
		return nil, err
	}
	o := program.Options{Setting: setting}
	o.Strategy, o.Between = r.Strategy, between
	o.Time = time.Duration(r.Seconds * float64(time.Second))
	o.Every = 200 * time.Millisecond
	o.Progress = func(p explore.Progress) {
		tell(Progress{p.Executions, p.Rate, p.Share, p.Elapsed.Seconds()})
	}
	result, err := program.Explore(ctx, sc, o)
	if err != nil {
		return nil, err
	}
	report := &Report{Result: result}
	if len(result.Violations) > 0 {
		report.Trace = result.Violations[0].Trace
	}
	return report, nil
}

// Session is a session that is shown by a page.
type Session struct {
	step  *step.Session
	title string
}

// Place is where a session stands.
type Place struct {
	Title    string        `json:"title"`
	Rules    string        `json:"rules"`
	At       int           `json:"at"`     // how many steps are taken
	Len      int           `json:"len"`    // with those that were taken back
	Over     bool          `json:"over"`   // no step can be taken
	Replay   string        `json:"replay"` // the line that replays the steps taken
	Run      string        `json:"run"`    // the schedule of all of them
	Here     string        `json:"here"`   // the schedule of the steps taken
	Without  []string      `json:"without"`
	Trace    *trace.Trace  `json:"trace"`
	Cells    []step.Cell   `json:"cells"`
	State    step.State    `json:"state"`
	Misfit   string        `json:"misfit"` // why the schedule that was opened is not one of this program, and which step is not possible; "": it is
	Branches []step.Branch `json:"branches"`
	Said     []string      `json:"said"`  // what a command has to say
	Wrong    string        `json:"wrong"` // why it was not performed; "": it was
}

// Open begins a session, in whose searches between is called now and then. The caller closes it.
func Open(r *Request, between func()) (*Session, error) {
	sc, setting, err := r.parse()
	if err != nil {
		return nil, err
	}
	var schedule *explore.Schedule
	if r.Schedule != "" {
		s, err := explore.ParseSchedule(r.Schedule)
		if err != nil {
			return nil, err
		}
		schedule = &s
	}
	s, err := step.Open(sc, setting, schedule)
	if err != nil {
		return nil, err
	}
	s.Between = between
	if err := keep(s, r.Branches); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Session{s, sc.Title}, nil
}

// keep adds the runs that were gone before, but for those that cannot be read.
func keep(s *step.Session, texts []string) error {
	var runs []explore.Schedule
	for _, text := range texts {
		if run, err := explore.ParseSchedule(text); err == nil {
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return nil
	}
	return s.Keep(runs)
}

// Close gives back what the session has taken.
func (s *Session) Close() error { return s.step.Close() }

// Do performs a command of package step, none if the line is empty, and returns where the session then stands. An end of ctx ends a search.
func (s *Session) Do(ctx context.Context, line string) Place {
	answer, err := s.step.Do(ctx, line)
	run, here := s.step.Run(), s.step.Schedule()
	p := Place{
		Title: s.title, Rules: s.step.Rules(), At: s.step.At(), Len: s.step.Len(), Over: s.step.Over(), Replay: s.step.ReplayCommand(),
		Run: run.String(), Here: here.String(), Without: s.step.Without(), Trace: s.step.Trace(), Cells: step.Cells(s.step.Trace(), s.step.At(), true), State: s.step.State(), Misfit: s.step.Misfit(),
		Said: answer.Lines,
	}
	branches, failed := s.step.Branches()
	p.Branches = branches
	if err = cmp.Or(err, failed); err != nil {
		p.Wrong = err.Error()
	}
	return p
}

// Ahead says what can come after the end of the schedule of a request, as far as a search for its seconds finds out.
func Ahead(ctx context.Context, r *Request, between func()) (c *step.Continuations, err error) {
	s, err := Open(r, between)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.step.Go(s.step.Len()); err != nil {
		return nil, err
	}
	return s.step.Continuations(ctx, time.Duration(r.Seconds*float64(time.Second)))
}

// Catalogue is what there is to choose from.
type Catalogue struct {
	Scenarios   []Scenario   `json:"scenarios"`
	Generations []Named      `json:"generations"`
	Default     string       `json:"default"` // generation
	Families    []RuleFamily `json:"families"`
	Oracles     []Named      `json:"oracles"`
	Strategies  []Named      `json:"strategies"`
	Commands    []Named      `json:"commands"`  // of a session
	Questions   []Named      `json:"questions"` // kinds of them
	Exercises   []Named      `json:"exercises"` // in order
}

// Scenario is one that is built in.
type Scenario struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // litmus or bug
	Title string `json:"title"`
	Story string `json:"story"`
	Text  string `json:"text"`
}

// Named is a name and what it stands for.
type Named struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
}

// RuleFamily is a family of rules.
type RuleFamily struct {
	Named
	Rules []Rule `json:"rules"`
}

// Rule is one thing that the kernel does and that can be switched.
type Rule struct {
	Named
	On      bool   `json:"on"` // in the default generation
	Since   string `json:"since"`
	Breaks  string `json:"breaks"`
	Litmus  string `json:"litmus"`
	Setting string `json:"setting"` // what switches it, as -detach-waits
}

// List returns what there is to choose from.
func List() *Catalogue {
	c := &Catalogue{Default: rules.Default}
	add := func(kind string, all []workloads.Info) {
		for _, i := range all {
			c.Scenarios = append(c.Scenarios, Scenario{i.Name, kind, i.Title, i.Doc, i.Source})
		}
	}
	add("litmus", workloads.Litmus())
	for _, b := range workloads.Bugs() {
		add("bug", []workloads.Info{b.Info})
	}
	for _, g := range rules.Generations() {
		c.Generations = append(c.Generations, Named{g.Name, g.Doc})
	}
	byDefault, _ := rules.FindGeneration(rules.Default)
	for _, f := range rules.Families() {
		family := RuleFamily{Named: Named{f.Name, f.Doc}}
		for _, r := range f.Rules() {
			i := r.Info()
			family.Rules = append(family.Rules, Rule{Named{i.Name, i.Does}, byDefault.Has(r), i.Since, i.Breaks, i.Shows, r.Switched()})
		}
		c.Families = append(c.Families, family)
	}
	for _, o := range check.Oracles() {
		c.Oracles = append(c.Oracles, Named{o.Name, o.Means})
	}
	for _, s := range explore.Strategies() {
		c.Strategies = append(c.Strategies, Named{string(s.Name), s.Doc})
	}
	for _, cmd := range step.Commands() {
		c.Commands = append(c.Commands, Named{cmd.Name, cmd.Doc})
	}
	for _, k := range quiz.Kinds() {
		c.Questions = append(c.Questions, Named{k.Name, k.Doc})
	}
	for _, e := range quiz.Exercises() {
		c.Exercises = append(c.Exercises, Named{e.Name, e.Goal})
	}
	return c
}
