package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// Options say how to explore a scenario. Watch and Choices of the embedded ones are set here.
type Options struct {
	explore.Options
	Setting
	NoShrink bool   // show failures as they were found
	PartName string // what Part is called; "": by its number

	// Advise, if it is not nil, is told what to expect of a search that takes longer than a minute, and what could take its place.
	Advise      func(*Advice)
	AdviseAfter time.Duration // how soon it is looked for; 0: after 5 seconds
}

// Result is what came of exploring a scenario.
type Result struct {
	Scenario    string
	Title       string
	Argument    string // what names the scenario on a command line
	Rules       string
	OwnRules    bool               // the rules are the scenario's own
	Stated      *workloads.Verdict // nil: none is stated for these rules
	Search      explore.Report
	Bounded     bool                       // the strategy is one that can finish
	Memory      explore.MemoryModel        // what loads may see
	Model       string                     // the memory model that was asked for; "": the scenario's own
	Choices     []task.Choice              // that were offered
	Oracles     []string                   // that watched
	Without     []string                   // that were switched off
	Machine     []workloads.MachineSetting // in place of those that the scenario states
	Settings    string                     // of the machine that are not as usual, with commas between
	Outcomes    []Outcome                  // by text
	Goals       []string                   // that executions went on to, behind all others; nil: to the first that spoke
	Show        []string                   // that they were said to go on to; nil: the scenario's own say
	Fallback    bool                       // none of them spoke, and another is shown
	ByWay       []string                   // oracles for which not all was searched: of several ways to a state they have judged one
	Muted       bool                       // executions went on behind the oracles of the lock discipline
	Interrupted bool
	Part        string  // of a search, that it is about, as 3 of 16; "": the whole
	Parts       *Parts  // that it was added up from; nil: it is about one search
	Checkpoint  string  // the file that the search can go on from; "": none
	Advice      *Advice // nil: the search ended by itself, or nothing is known

	Violations   []*Violation
	Cut          string   // what to shorten where all executions are too long; "": nothing known, or none was cut off
	Unmet        []string // what is asked to exist, and a finished search has not found
	Observations []Observation
	Reached      []string // points of the kernel's code
	NeverReached []string
	NeverOlder   []string // loads that could have seen an older value and never did, in a complete search
}

// Violation is a failure, as small as it could be made.
type Violation struct {
	explore.Found
	Shrunk *explore.Shrunk // nil: it could not be made smaller, as it does not fail every time
	Trace  *trace.Trace
}

// Oracle returns the name of what was violated: an oracle, or how the execution ended.
func (v *Violation) Oracle() string { return v.Kind() }

// Message returns what happened, in a sentence.
func (v *Violation) Message() string {
	if len(v.Violations) > 0 {
		return v.Violations[0].Message
	}
	return strings.TrimPrefix(v.Found.String(), v.Ending.String()+": ")
}

// Outcome is how executions ended.
type Outcome struct {
	Text       string
	Executions int
	First      explore.Schedule // an execution that ended so
}

// Observation answers a question as herd7 does.
type Observation struct {
	Question string
	Positive int // executions in which it holds
	Negative int
}

// Answer returns herd's word for the counts.
func (o Observation) Answer() string {
	switch {
	case o.Positive == 0:
		return "Never"
	case o.Negative == 0:
		return "Always"
	}
	return "Sometimes"
}

// Explore searches the interleavings of a scenario. It returns an error if that cannot be done at all.
func Explore(ctx context.Context, sc *workloads.Scenario, o Options) (*Result, error) {
	p, err := New(sc, o.Setting)
	if err != nil {
		return nil, err
	}
	adviser := p.advise(ctx, &o)
	r, err := p.search(ctx, &o)
	if err != nil {
		adviser.end(nil)
	} else {
		r.Advice = adviser.end(&r.Search)
		shrinking, cancel := o.shrinking(ctx, r.Search.Elapsed)
		defer cancel()
		err = p.counterexamples(shrinking, r, r.Stated, &o)
	}
	return r, errors.Join(err, p.Close())
}

// Survey searches as Explore does, and makes no counterexamples of what it finds. Where init fails, which Explore returns as an error, that
// is what it finds: rules may be what makes it fail.
func Survey(ctx context.Context, sc *workloads.Scenario, o Options) (*Result, error) {
	p, err := New(sc, o.Setting)
	if err != nil {
		return nil, err
	}
	r, err := p.survey(ctx, &o)
	return r, errors.Join(err, p.Close())
}

// survey is Survey of a program.
func (p *Program) survey(ctx context.Context, o *Options) (*Result, error) {
	r, err := p.search(ctx, o)
	if err != nil {
		if v, ok := outsideThreads(err); ok {
			return p.unmade(v, o), nil
		}
	}
	return r, err
}

// unmade is the result where init fails, and no execution begins.
func (p *Program) unmade(v task.Violation, o *Options) *Result {
	return p.result(&explore.Report{
		Strategy: cmp.Or(o.Strategy, explore.Defaults().Strategy), Depth: cmp.Or(o.Depth, explore.DefaultDepth), Complete: true,
		Violations: []explore.Found{{Ending: explore.Violated, Violations: []task.Violation{v}}},
	}, o)
}

// Unmade reports whether init failed, so that no execution began.
func (r *Result) Unmade() bool { return r.Search.Executions == 0 && len(r.Search.Violations) > 0 }

// prepare sets what a search is not told by its caller.
func (p *Program) prepare(o *Options) {
	o.Watch, o.Memory, o.Choices, o.Pass = p.Watch, p.memory, p.choices(), p.pass
	stated := p.stated()
	if o.KeepGoing == 0 && stated != nil && !stated.Verified() {
		o.KeepGoing = untilStated
		if o.Strategy != "" && o.Strategy != explore.DPOR { // which ends soon, and then the verdict tells all that is broken
			o.Until = func(f *explore.Found) bool { return states(stated, f) }
		}
	}
}

// search searches the interleavings.
func (p *Program) search(ctx context.Context, o *Options) (*Result, error) {
	p.prepare(o)
	report, err := explore.Search(ctx, p, o.Options)
	if other, ok := errors.AsType[*explore.FingerprintError](err); ok {
		err = &explore.CheckpointError{File: o.Checkpoint, Err: p.refusal(other)}
	}
	if err != nil {
		return nil, err
	}
	r := p.result(report, o)
	r.Interrupted = ctx.Err() != nil
	if report.Stopped {
		r.Checkpoint = o.Checkpoint
	}
	if o.Part != nil {
		r.Part = cmp.Or(o.PartName, fmt.Sprintf("%d of %d", o.Part.Number, o.Part.Of))
	}
	return r, nil
}

// counterexamples makes those that are to be shown. Where nothing was found but what executions went on behind, that is it.
func (p *Program) counterexamples(ctx context.Context, r *Result, stated *workloads.Verdict, o *Options) error {
	all, from := shown(r.Search.Violations, stated, o.KeepGoing), p
	if len(all) == 0 && len(r.Search.Passed) > 0 {
		first, err := newReduced(p.given, nil, Setting{Rules: p.setting.Rules, Model: p.setting.Model, Without: p.without, Show: []string{Any}})
		if err != nil {
			return err
		}
		defer first.Close()
		all, from, r.Fallback = r.Search.Passed[:1], first, true // the first symptom, before which there is none
		o.Watch, o.Pass = first.Watch, nil
	}
	for _, f := range all {
		v, err := from.Counterexample(ctx, f, o)
		if err != nil {
			return err
		}
		r.Violations = append(r.Violations, v)
	}
	return nil
}

// shrinking limits the time in which failures are made smaller: to what is left of that for the search; what was found is
// shown all the same, as small as it gets in a moment.
func (o *Options) shrinking(ctx context.Context, taken time.Duration) (context.Context, context.CancelFunc) {
	const moment = 300 * time.Millisecond
	switch {
	case ctx.Err() != nil:
		return context.WithTimeout(context.WithoutCancel(ctx), moment)
	case o.Time > 0:
		return context.WithTimeout(ctx, max(o.Time-taken, moment))
	}
	return ctx, func() {}
}

// untilStated is how many kinds of failure a search for a stated one may find.
const untilStated = 8

// shown returns the failures to be shown: where a stated one was searched for, that one.
func shown(all []explore.Found, stated *workloads.Verdict, keepGoing int) []explore.Found {
	if keepGoing != untilStated || stated == nil {
		return all
	}
	for _, name := range stated.Oracles { // the first is what the scenario is about
		if i := slices.IndexFunc(all, func(f explore.Found) bool { return slices.Contains(brokenBy(&f), name) }); i >= 0 {
			return all[i : i+1]
		}
	}
	return all[:min(len(all), 1)]
}

// states reports whether a failure is one that the verdict states.
func states(v *workloads.Verdict, f *explore.Found) bool {
	return slices.ContainsFunc(brokenBy(f), func(name string) bool { return slices.Contains(v.Oracles, name) })
}

// brokenBy returns the names of what a failure violates, the first one first.
func brokenBy(f *explore.Found) []string {
	names := []string{f.Kind()}
	for _, v := range f.Violations {
		names = append(names, v.Oracle)
	}
	return names
}

// result takes in the search's report.
func (p *Program) result(report *explore.Report, o *Options) *Result {
	sc := p.scenario
	r := &Result{
		Scenario: sc.Name, Title: sc.Title, Argument: argument(sc), Rules: p.Rules(), Stated: p.stated(), Search: *report,
		Goals: p.goals(), Show: p.setting.Show, Muted: p.setting.Consequences,
		OwnRules: o.Rules == "", Memory: p.memory, Model: o.Model, Choices: o.Choices, Oracles: p.oracles(), Without: p.without, Machine: o.Machine, Settings: sc.MachineText(),
	}
	r.ByWay = p.byWay(report.Strategy)
	for _, s := range explore.Strategies() {
		r.Bounded = r.Bounded || s.Name == report.Strategy && s.Finishes
	}
	for _, text := range slices.Sorted(maps.Keys(report.DistinctOutcomes)) {
		r.Outcomes = append(r.Outcomes, Outcome{text, report.DistinctOutcomes[text], report.First[text]})
	}
	if report.Truncated > 0 {
		r.Cut = p.longest()
	}
	p.observe(r, o)
	p.neverReached(r)
	return r
}

// argument is what names the scenario on a command line.
func argument(sc *workloads.Scenario) string {
	if sc.Dir == "" || sc.File == "<stdin>" {
		return sc.Name
	}
	return sc.File
}

// stated returns the verdict that the scenario states for the rules in force.
func (p *Program) stated() *workloads.Verdict {
	for _, v := range p.scenario.Verdicts {
		if s, err := rules.Parse(v.Rules); err == nil && s.String() == p.Rules() {
			return v
		}
	}
	return nil
}

// observe answers the questions.
func (p *Program) observe(r *Result, o *Options) {
	for i, q := range p.scenario.Questions {
		if q.Kind == workloads.KindNever && !slices.ContainsFunc(q.Oracles, p.watches) {
			continue // none of them was asked
		}
		ob := Observation{Question: q.String()}
		for _, out := range r.Outcomes {
			o := p.outcomes[out.Text]
			switch {
			case o == nil: // unknownOutcome
			case q.Kind == workloads.KindNever:
				ob.Negative += out.Executions
			case o.answers[i]:
				ob.Positive += out.Executions
			default:
				ob.Negative += out.Executions
			}
		}
		for _, f := range slices.Concat(r.Search.Violations, r.Search.Passed) {
			switch name := f.Kind(); q.Kind {
			case workloads.KindNever:
				if slices.Contains(q.Oracles, name) {
					ob.Positive++
				} else {
					ob.Negative++
				}
			case workloads.KindAlways:
				if name == q.Kind.String() {
					ob.Negative++
				}
			}
		}
		if q.Kind == workloads.KindExists && ob.Positive == 0 && r.Search.Complete && o.Part == nil && len(r.Search.Violations) == 0 && len(r.Search.Passed) == 0 {
			r.Unmet = append(r.Unmet, q.String())
		}
		r.Observations = append(r.Observations, ob)
	}
}

// lockCounters are the counters of the branches that a fault under a VMA lock can take.
var lockCounters = []task.Counter{task.VMALockSuccess, task.VMALockAbort, task.VMALockRetry, task.VMALockMiss}

// neverReached says which points were come to, and which branches were never taken and which stated results never came.
func (p *Program) neverReached(r *Result) {
	for _, c := range lockCounters {
		if !p.reached[c] {
			r.NeverReached = append(r.NeverReached, c.String())
		}
	}
	r.Reached = p.points.Names()
	if r.Search.Complete && !r.Search.Enough {
		r.NeverOlder = r.Search.NeverOlder()
	}
	r.NeverReached = append(r.NeverReached, p.points.Missed(len(p.slotsOf) > 2)...)
	for _, s := range p.slots {
		if s.stmt.Expect == nil {
			continue
		}
		for i := range s.stmt.Expect.Results {
			want := s.name + " = " + s.stmt.Expect.Results[i].String()
			if s.stmt.Expect.Results[i].Kind != workloads.ResultAny && !p.seen(want) {
				r.NeverReached = append(r.NeverReached, want)
			}
		}
	}
}

// seen tells that a result came in some execution that ended.
func (p *Program) seen(result string) bool {
	for _, o := range p.outcomes {
		if o.results[result] || strings.HasSuffix(result, "= SEGV") && (o.results[result+"_MAPERR"] || o.results[result+"_ACCERR"]) {
			return true
		}
	}
	return false
}

// The verdicts.
const (
	Violated = "violation" // some interleaving breaks a rule, or a question is answered otherwise than it hopes
	Verified = "verified"  // none does, and all were searched
	NotFound = "not-found" // none was found, and not all were searched, or were looked at, as in a part
)

// Verdict says what came of the search.
func (r *Result) Verdict() string {
	switch {
	case len(r.Search.Violations) > 0 || len(r.Search.Passed) > 0 || len(r.Unmet) > 0:
		return Violated
	case r.Search.Complete && r.Part == "":
		return Verified
	}
	return NotFound
}

// Broken returns the names of what was violated.
func (r *Result) Broken() (names []string) {
	for i := range r.Search.Violations {
		names = append(names, brokenBy(&r.Search.Violations[i])...)
	}
	names = append(names, r.PassedOver()...)
	if len(r.Unmet) > 0 {
		names = append(names, workloads.KindExists.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// PassedOver returns the names of what executions went on behind.
func (r *Result) PassedOver() (names []string) {
	for i := range r.Search.Passed {
		names = append(names, r.Search.Passed[i].Kind())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// OK tells that the result is as the scenario states, or, where it states nothing, that nothing was violated.
func (r *Result) OK() bool {
	if r.Stated == nil || r.Stated.Verified() {
		return r.Verdict() != Violated
	}
	if r.Part != "" { // another may show it
		return true
	}
	return slices.ContainsFunc(r.Broken(), func(name string) bool { return slices.Contains(r.Stated.Oracles, name) })
}

// ReplayCommand returns the line that replays a schedule.
func (r *Result) ReplayCommand(s *explore.Schedule) string {
	return fmt.Sprintf("%s '%s'", r.command("replay"), s)
}

// ExploreCommand returns the line that explores the scenario in the same setting.
func (r *Result) ExploreCommand() string { return r.command("explore") }

// command is a command about the scenario, in the setting of the result.
func (r *Result) command(name string) string {
	s := Setting{Machine: r.Machine, Model: r.Model, Without: r.Without, Show: r.Show, Consequences: r.Muted}
	if !r.OwnRules {
		s.Rules = r.Rules
	}
	if r.Fallback {
		s.Show, s.Consequences = []string{Any}, false
	}
	return s.command(name, r.Argument)
}

// ReplayCommand returns the line that replays a schedule of the program.
func (p *Program) ReplayCommand(s *explore.Schedule) string {
	return fmt.Sprintf("%s '%s'", p.setting.command("replay", argument(p.given)), s)
}

// command is a command about what an argument names, in this setting.
func (s *Setting) command(name, argument string) string {
	words := []string{"vmasim", name}
	option := func(flag, value string) { words = append(words, "--"+flag, value) }
	if s.Rules != "" {
		option("rules", s.Rules)
	}
	if len(s.Machine) > 0 {
		option("machine", workloads.FormatSettings(s.Machine))
	}
	if s.Model != "" {
		option("memory", s.Model)
	}
	if len(s.Without) > 0 {
		option("without", strings.Join(s.Without, ","))
	}
	switch {
	case s.Consequences:
		words = append(words, "--consequences")
	case len(s.Show) > 0:
		option("until", strings.Join(s.Show, ","))
	}
	return strings.Join(append(words, argument), " ")
}
