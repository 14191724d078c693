package program

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vmasim/internal/rules"
	"vmasim/workloads"
)

// Comparison is what scenarios came to under two sets of rules.
type Comparison struct {
	Rules, Against string
	Scenarios      int // that are to be compared: Pairs has fewer if that was interrupted
	Interrupted    bool
	Pairs          []*Pair
}

// NewComparison begins a comparison of so many scenarios. Both specifications can be parsed.
func NewComparison(spec, against string, scenarios int) *Comparison {
	return &Comparison{Rules: inForce(spec), Against: inForce(against), Scenarios: scenarios}
}

// inForce is a specification in its shortest form.
func inForce(spec string) string {
	s, err := rules.Parse(spec)
	if err != nil {
		return spec
	}
	return s.String()
}

// Pair is what one scenario came to under both.
type Pair struct {
	Scenario string
	With     *Result // nil: it was interrupted before
	Against  *Result

	// How they differ.
	Change       Change
	Worse        bool
	Broken       Sides // oracles that spoke
	Outcomes     Sides
	Reached      Sides
	NeverReached Sides
}

// Sides is what only one of two results has.
type Sides struct {
	With    []string `json:"rules"`
	Against []string `json:"against"`
}

// Change says how a result differs from that under the rules it is compared with.
type Change string

// The changes.
const (
	ChangeNew   Change = "new"   // it shows a violation, the other none
	ChangeGone  Change = "gone"  // the other shows a violation, and it is verified
	ChangeOther Change = "other" // both were searched to the end, and differ in something else
	ChangeOpen  Change = "open"  // a search that did not finish leaves open whether anything changed
	ChangeNone  Change = "same"
)

// Changes returns all of them, the most important first.
func Changes() []Change {
	return []Change{ChangeNew, ChangeGone, ChangeOther, ChangeOpen, ChangeNone}
}

// The bounds of each search of a comparison, where none is stated.
const (
	ComparedTime     = 15 * time.Second
	comparedFailures = 64 // kinds of failure: all that a scenario has, so that oracles can be compared
)

// Compare explores a scenario under the rules of the options and under others. It makes no counterexamples. It compares what speaks
// first, unless the options say otherwise: to go on behind that, as the scenario may say, can take for ever where a broken rule makes
// tasks go round. Where the others show no violation, the first one tells all that is compared, and ends the search.
func Compare(ctx context.Context, sc *workloads.Scenario, o Options, against string) (*Pair, error) {
	if o.Time == 0 && o.Executions == 0 {
		o.Time = ComparedTime
	}
	others := o
	others.Rules, others.KeepGoing = against, cmp.Or(o.KeepGoing, comparedFailures)
	other, err := surveyFirst(ctx, sc, others)
	if err != nil || ctx.Err() != nil {
		return newPair(sc.Name, nil, other), err
	}
	o.KeepGoing = cmp.Or(o.KeepGoing, 1)
	if other.Verdict() == Violated {
		o.KeepGoing = others.KeepGoing
	}
	with, err := surveyFirst(ctx, sc, o)
	return newPair(sc.Name, with, other), err
}

// surveyFirst is Survey that ends executions at what speaks first, unless the options say what they are to go on to. Who explores the
// scenario by itself goes on to what it is to show.
func surveyFirst(ctx context.Context, sc *workloads.Scenario, o Options) (*Result, error) {
	show := o.Show
	if len(show) == 0 && !o.Consequences {
		o.Show = []string{Any}
	}
	r, err := Survey(ctx, sc, o)
	if r != nil {
		r.Show = show
	}
	return r, err
}

// newPair lays two results side by side.
func newPair(scenario string, with, against *Result) *Pair {
	p := &Pair{Scenario: scenario, With: with, Against: against, Change: ChangeOpen}
	if with == nil || against == nil {
		return p
	}
	p.Broken = sides(with.Broken(), against.Broken())
	p.Outcomes = sides(with.outcomeTexts(), against.outcomeTexts())
	p.Reached = sides(with.Reached, against.Reached)
	p.NeverReached = sides(with.NeverReached, against.NeverReached)
	p.Change, p.Worse = p.change()
	return p
}

// sides returns what is on one side only.
func sides(with, against []string) Sides {
	return Sides{without(with, against), without(against, with)}
}

func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

func (s *Sides) differ() bool { return len(s.With)+len(s.Against) > 0 }

// change judges the difference. A thing that only one side has says something where the other was searched to the end.
func (p *Pair) change() (_ Change, worse bool) {
	with, against := p.With, p.Against
	broken, brokenBefore := with.Verdict() == Violated, against.Verdict() == Violated
	finished := with.Search.Complete && against.Search.Complete
	switch {
	case p.Interrupted():
		return ChangeOpen, false
	case broken && !brokenBefore:
		return ChangeNew, true
	case brokenBefore && with.Verdict() == Verified:
		return ChangeGone, false
	case broken && !p.Broken.differ():
		return ChangeNone, false
	case !finished:
		return ChangeOpen, false
	case broken:
		return ChangeOther, len(p.Broken.With) > 0
	case p.Outcomes.differ() || p.Reached.differ() || p.NeverReached.differ():
		return ChangeOther, false
	}
	return ChangeNone, false
}

// outcomeTexts are the outcomes without how many executions ended so.
func (r *Result) outcomeTexts() (texts []string) {
	for _, o := range r.Outcomes {
		texts = append(texts, o.Text)
	}
	return texts
}

// Interrupted reports whether one of the searches did not come to its end for an interrupt.
func (p *Pair) Interrupted() bool {
	return p.With == nil || p.Against == nil || p.With.Interrupted || p.Against.Interrupted
}

// Add takes in what one scenario came to.
func (c *Comparison) Add(p *Pair) {
	c.Pairs = append(c.Pairs, p)
	c.Interrupted = c.Interrupted || p.Interrupted()
}

// Count is how many scenarios changed so.
func (c *Comparison) Count(change Change) (n int) {
	for _, p := range c.Pairs {
		if p.Change == change {
			n++
		}
	}
	return n
}

// Worse returns the scenarios that changed for the worse.
func (c *Comparison) Worse() (pairs []*Pair) {
	for _, p := range c.Pairs {
		if p.Worse {
			pairs = append(pairs, p)
		}
	}
	return pairs
}
