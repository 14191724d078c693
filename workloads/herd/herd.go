package herd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"vmasim/explore"
)

// Result is what a test came to.
type Result struct {
	Test     *Test
	Memory   explore.MemoryModel
	States   map[string]int // how many executions ended so, of those that the filter lets through
	Positive int            // states that meet the condition
	Negative int            // that do not
	Complete bool           // every execution is among them
	Wrong    string         // what a thread did that is no C; "": nothing
	Elapsed  time.Duration
}

// Run explores a test.
func Run(ctx context.Context, t *Test, o explore.Options) (*Result, error) {
	p, err := newProgram(t)
	if err != nil {
		return nil, err
	}
	report, err := explore.Search(ctx, p, o)
	if err != nil {
		return nil, err
	}
	r := &Result{Test: t, Memory: o.Memory, States: map[string]int{}, Complete: report.Complete, Elapsed: report.Elapsed}
	for text, n := range report.DistinctOutcomes {
		if wrong, ok := strings.CutPrefix(text, wrongPrefix); ok {
			r.Wrong = wrong
			continue
		}
		state := stateOf(text)
		if t.Filter != nil && !t.Filter.holds(state) {
			continue
		}
		r.States[text] += n
		if t.Cond.holds(state) {
			r.Positive++
		} else {
			r.Negative++
		}
	}
	return r, nil
}

// stateOf reads the values of a state by the names of the places.
func stateOf(text string) map[string]string {
	state := map[string]string{}
	for _, word := range strings.Fields(text) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(word, ";"), "="); ok {
			state[name] = value
		}
	}
	return state
}

// holds reports whether a state meets the condition; nil is true.
func (c *Cond) holds(state map[string]string) bool {
	if c == nil {
		return true
	}
	switch c.Op {
	case "true":
		return true
	case "and":
		return c.Of[0].holds(state) && c.Of[1].holds(state)
	case "or":
		return c.Of[0].holds(state) || c.Of[1].holds(state)
	case "not":
		return !c.Of[0].holds(state)
	}
	value := c.value()
	if c.Other != nil {
		value = state[c.Other.String()]
	}
	return (state[c.Loc.String()] == value) == (c.Op == "=")
}

func (c *Cond) value() string {
	if c.Points != "" {
		return c.Points
	}
	return fmt.Sprint(c.Value)
}

// locs adds the places that a condition is about.
func (c *Cond) locs(all []Loc) []Loc {
	if c == nil {
		return all
	}
	for _, of := range c.Of {
		all = of.locs(all)
	}
	if c.Op == "=" || c.Op == "!=" {
		all = append(all, c.Loc)
		if c.Other != nil {
			all = append(all, *c.Other)
		}
	}
	return all
}

// Observation is Never, Sometimes or Always, as herd7 words how often the condition is met.
func (r *Result) Observation() string {
	switch {
	case r.Positive == 0:
		return "Never"
	case r.Negative == 0:
		return "Always"
	}
	return "Sometimes"
}

// OK reports whether the states are as the question asks.
func (r *Result) OK() bool {
	switch r.Test.Ask {
	case NotExists:
		return r.Positive == 0
	case Forall:
		return r.Negative == 0
	}
	return r.Positive > 0
}

// Agrees reports whether the observation is the one that the file states, if it states one.
func (r *Result) Agrees() bool { return r.Test.Result == "" || r.Test.Result == r.Observation() }

// Write prints the result as herd7 does, and what it has no line for: the memory model, and where a file states another result.
func (r *Result) Write(w io.Writer) error {
	var b strings.Builder
	ask := map[Quantifier]string{Exists: "Allowed", NotExists: "Forbidden", Forall: "Required"}[r.Test.Ask]
	fmt.Fprintf(&b, "Test %s %s\nStates %d\n", r.Test.Name, ask, len(r.States))
	for _, s := range slices.Sorted(maps.Keys(r.States)) {
		fmt.Fprintln(&b, s)
	}
	fmt.Fprintln(&b, map[bool]string{true: "Ok", false: "No"}[r.OK()])
	fmt.Fprintf(&b, "Witnesses\nPositive: %d Negative: %d\n", r.Positive, r.Negative)
	fmt.Fprintf(&b, "Observation %s %s %d %d\n", r.Test.Name, r.Observation(), r.Positive, r.Negative)
	fmt.Fprintf(&b, "Time %s %.2f\n", r.Test.Name, r.Elapsed.Seconds())
	fmt.Fprintf(&b, "Memory %s", r.Memory)
	if !r.Complete {
		b.WriteString(", not all executions")
	}
	b.WriteString("\n")
	if r.Test.Plain {
		b.WriteString("Plain accesses as READ_ONCE and WRITE_ONCE, races are not looked for\n")
	}
	if r.Wrong != "" {
		fmt.Fprintf(&b, "Wrong %s\n", r.Wrong)
	}
	if !r.Agrees() {
		fmt.Fprintf(&b, "Stated %s\n", r.Test.Result)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
