package program

import (
	"context"
	"errors"

	"vmasim/explore"
	"vmasim/workloads"
)

// Parts are what a result was added up from.
type Parts struct {
	Of    int      `json:"of"`    // how many there are
	Ended int      `json:"ended"` // how many of them have ended by themselves
	Lack  []string `json:"lack"`  // the others: which, and why
	Notes []string `json:"notes"` // what else there is to be told, as of parts that were searched twice

	Lost    int `json:"-"` // of those that lack there is nothing at all
	Damaged int `json:"-"` // files that cannot be used
}

// Split divides the search of a scenario into n parts.
func Split(ctx context.Context, sc *workloads.Scenario, o Options, n int) (parts []*explore.Part, err error) {
	err = with(sc, &o, func(p *Program) error {
		parts, err = explore.Split(ctx, p, o.Options, n)
		return err
	})
	return parts, err
}

// Rest divides what a part of the search has left, as [explore.Part.Rest] does.
func Rest(ctx context.Context, sc *workloads.Scenario, o Options, part *explore.Part, state []byte, n int) (parts []*explore.Part, ended []byte, err error) {
	err = with(sc, &o, func(p *Program) error {
		parts, ended, err = part.Rest(ctx, p, o.Options, state, n)
		return err
	})
	return parts, ended, err
}

// Merge adds up what parts of the search have come to, as [explore.Merge] does, and makes counterexamples of what they found.
func Merge(ctx context.Context, sc *workloads.Scenario, o Options, parts []*explore.Part, states [][]byte, all bool) (r *Result, err error) {
	err = with(sc, &o, func(p *Program) error {
		report, err := explore.Merge(p, o.Options, parts, states, all)
		if err != nil {
			return err
		}
		r = p.result(report, &o)
		return p.counterexamples(ctx, r, r.Stated, &o)
	})
	return r, err
}

// with makes a scenario a program, and the options those of its search.
func with(sc *workloads.Scenario, o *Options, do func(*Program) error) error {
	p, err := New(sc, o.Setting)
	if err != nil {
		return err
	}
	p.prepare(o)
	return errors.Join(do(p), p.Close())
}
