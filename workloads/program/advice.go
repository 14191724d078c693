package program

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"vmasim/explore"
	"vmasim/internal/task"
)

// Advice is what to expect of a search that is not finished, and what could be searched in its place. The times are those at the rate of
// the search.
type Advice struct {
	Predicted explore.Prediction
	Rate      float64          // executions a second
	Left      time.Duration    // that the search still takes
	Smaller   []Smaller        // the smallest first
	Instead   []Instead        // what can be promised in its place
	Whole     explore.Strategy // that may search all of it sooner, which is not predicted; "": none
}

// Smaller is a scenario without a part, or with a choice less.
type Smaller struct {
	Without   []string
	Predicted explore.Prediction
	Takes     time.Duration
}

// Instead is a bounded search.
type Instead struct {
	Strategy  explore.StrategyInfo
	Bound     int
	Predicted explore.Prediction
	Takes     time.Duration
}

const (
	adviseAfter  = 5 * time.Second // what ends before needs no advice
	longSearch   = time.Minute     // what is left of a search that is let go on without advice
	mostSmaller  = 3
	smallerParts = 3                // that are taken away together at most, if one is not enough
	smallerBy    = 2                // times, or it is not worth telling
	smallerTime  = 10 * time.Second // for all of them
	highestBound = 8                // that is looked at
	longest      = 100 * 365 * 24 * time.Hour
)

// expense is what a prediction may cost.
type expense struct {
	executions int
	time       time.Duration // where other work leaves little for it
}

var (
	predicting = expense{20_000, 8 * time.Second} // a search
	comparing  = expense{6_000, time.Second}      // one that may take its place
	bounding   = expense{500, time.Second}        // a bounded one
)

// Flags returns what makes explore search so.
func (i *Instead) Flags() string {
	return fmt.Sprintf("--strategy %s --%ss %d", i.Strategy.Name, i.Strategy.Counts, i.Bound)
}

// TooLong reports whether the search is too large to be waited for.
func (a *Advice) TooLong() bool { return a.Left > longSearch }

// takes returns how long executions take.
func takes(executions, rate float64) time.Duration {
	seconds := executions / max(rate, 1)
	if seconds > longest.Seconds() {
		return longest
	}
	return time.Duration(max(seconds, 0) * float64(time.Second))
}

// adviser looks beside a search how large it is. It has programs of its own, so that what it runs is no part of what the search reports.
type adviser struct {
	p       *Program
	o       Options
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	begun  bool
	advice *Advice // so far; nil: none
}

// advise makes an adviser of a search that asks for one. o is made to tell it how far the search is.
func (p *Program) advise(ctx context.Context, o *Options) *adviser {
	a := &adviser{p: p, cancel: func() {}}
	if o.Advise == nil || o.Part != nil { // of a part it is known that it is one of a large search
		return a
	}
	ctx, a.cancel = context.WithCancel(ctx)
	a.o = *o
	progress := o.Progress
	start := time.Now()
	o.Progress = func(now explore.Progress) {
		if progress != nil {
			progress(now)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.begun && time.Since(start) >= cmp.Or(o.AdviseAfter, adviseAfter) {
			a.begun = true
			a.running.Go(func() { a.look(ctx, now) })
		}
	}
	return a
}

// end ends the adviser and returns what it has to say about a search that has ended; nil: nothing.
func (a *adviser) end(r *explore.Report) *Advice {
	a.cancel()
	a.running.Wait()
	if a.advice == nil || r == nil || r.Complete || r.Enough {
		return nil
	}
	a.advice.Left = takes(a.advice.Predicted.Executions-float64(r.Executions), a.advice.Rate)
	return a.advice
}

// look predicts the search, and what could take its place.
func (a *adviser) look(ctx context.Context, now explore.Progress) {
	of := a.predict(ctx, a.p.cuts, a.p.choices(), predicting)
	if of == nil {
		return
	}
	all := &Advice{Predicted: *of, Rate: now.Rate, Left: takes(of.Executions-float64(now.Executions), now.Rate)}
	a.note(all)
	if !all.TooLong() {
		return
	}
	if !a.o.Strategy.Remembers() && explore.Stateful.Fits(a.p.memory, a.p.choices()) == nil {
		all.Whole = explore.Stateful
	}
	for _, s := range explore.Strategies() {
		if s.Counts != "" && (a.o.Strategy != s.Name || max(a.o.Preemptions, a.o.Delays) == 0) {
			if b := a.within(ctx, s, now.Rate); b != nil {
				all.Instead = append(all.Instead, *b)
				a.note(all)
			}
		}
	}
	all.Smaller = a.smaller(ctx, all)
	a.note(all)
	if ctx.Err() == nil {
		a.o.Advise(a.advice)
	}
}

// note makes the advice known to end.
func (a *adviser) note(so *Advice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := *so
	a.advice = &known
}

// within returns the highest bound that can be searched in a while, or the lowest.
func (a *adviser) within(ctx context.Context, s explore.StrategyInfo, rate float64) (found *Instead) {
	for bound := 1; bound <= highestBound; bound++ {
		o := a.o
		o.Strategy, o.Preemptions, o.Delays = s.Name, bound, bound
		of := a.predictAs(ctx, a.p.cuts, a.p.choices(), &o, bounding)
		if of == nil || of.High == 0 {
			return found
		}
		b := &Instead{Strategy: s, Bound: bound, Predicted: *of, Takes: takes(of.Executions, rate)}
		if found != nil && b.Takes > longSearch {
			return found
		}
		found = b
	}
	return found
}

// candidate is a smaller search.
type candidate struct {
	cuts    []cut
	choices []task.Choice
	without []string
	size    *explore.Prediction
}

// smaller returns the smallest searches without one part of the threads or one choice, and, if none of them is small enough, without more.
func (a *adviser) smaller(ctx context.Context, of *Advice) (all []Smaller) {
	ctx, cancel := context.WithTimeout(ctx, smallerTime)
	defer cancel()
	from := candidate{a.p.cuts, a.p.choices(), nil, &of.Predicted}
	for parts := 1; parts <= smallerParts; parts++ {
		var found []candidate
		for _, c := range a.without(&from) {
			if c.size = a.predict(ctx, c.cuts, c.choices, comparing); c.size != nil && c.size.High > 0 && c.size.Executions*smallerBy <= from.size.Executions {
				found = append(found, c)
			}
		}
		if len(found) == 0 {
			return all
		}
		slices.SortStableFunc(found, func(x, y candidate) int { return cmp.Compare(x.size.Executions, y.size.Executions) })
		shown := found[:min(len(found), mostSmaller)]
		if parts > 1 {
			shown = found[:1]
		}
		for _, c := range shown {
			all = append(all, Smaller{c.without, *c.size, takes(c.size.Executions, of.Rate)})
		}
		if from = found[0]; takes(from.size.Executions, of.Rate) <= longSearch {
			return all
		}
	}
	return all
}

// without returns a search without one part more: a statement, a task, a thread, rounds, or a choice. Two tasks are left at
// least.
func (a *adviser) without(from *candidate) (all []candidate) {
	p, err := newReduced(a.p.given, from.cuts, a.p.setting)
	if err != nil {
		return nil
	}
	defer p.Close()
	tasks, _ := p.Size()
	seen := map[string]bool{}
	for _, th := range p.scenario.Threads {
		parts := p.candidatesIn(&th.Block)
		if th.Count > 1 && tasks > 2 {
			parts = append(parts, []cut{{th.Name, 0, th.Count - 1}})
		}
		if th.Count > 0 && tasks-th.Count > 1 {
			parts = append(parts, []cut{{th.Name, 0, 0}})
		}
		for _, more := range parts {
			cuts := append(slices.Clone(from.cuts), more...)
			if key := cutPrint("", cuts); len(more) == 1 && !seen[key] {
				seen[key] = true
				all = append(all, candidate{cuts, from.choices, append(slices.Clone(from.without), more[0].describe(a.p.given)), nil})
			}
		}
	}
	for i, c := range from.choices {
		rest := slices.Delete(slices.Clone(from.choices), i, i+1)
		all = append(all, candidate{from.cuts, rest, append(slices.Clone(from.without), "may "+string(c)), nil})
	}
	return all
}

// predict predicts the search of what is left of the scenario.
func (a *adviser) predict(ctx context.Context, cuts []cut, choices []task.Choice, limit expense) *explore.Prediction {
	return a.predictAs(ctx, cuts, choices, &a.o, limit)
}

// predictAs returns nil if there is no prediction. No oracle watches, and nothing that is violated ends an execution: without a part, the
// others may well not get what they rely on.
func (a *adviser) predictAs(ctx context.Context, cuts []cut, choices []task.Choice, o *Options, limit expense) *explore.Prediction {
	p, err := newReduced(a.p.given, cuts, a.p.setting)
	if err != nil {
		return nil
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(ctx, limit.time)
	defer cancel()
	of, err := explore.Predict(ctx, p, explore.Options{
		Executions: limit.executions, Strategy: o.Strategy, Preemptions: o.Preemptions, Delays: o.Delays, Depth: o.Depth, MaxChosen: o.MaxChosen, Between: o.Between,
		Memory: p.memory, Choices: choices, Pass: func(string) bool { return true },
	})
	if err != nil {
		return nil
	}
	return of
}
