package explore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// Rest divides what a part has left, which its checkpoint tells, among n new parts: what it has not begun, and the branches of what it has. It
// returns them, and the checkpoint by which the part has ended there.
func (p *Part) Rest(ctx context.Context, program Program, o Options, state []byte, n int) (parts []*Part, ended []byte, err error) {
	info, err := strategyInfo(p.Search.Strategy)
	if err != nil {
		return nil, nil, err
	}
	o.Strategy, o.Workers, o.Part, o.Checkpoint = info.Name, 1, p, ""
	s := newSearch(program, o)
	defer s.close()
	defer s.endWith(ctx)()
	c, err := s.read(state)
	switch {
	case err != nil:
		return nil, nil, err
	case c.Ended:
		return nil, nil, errors.New("nothing of it is left")
	}
	var shares []share
	if info.Finishes {
		shares, err = s.restOfTree(c, sharesOfPart*n)
	} else {
		shares, err = restOfDraws(p, c, n)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	parts, err = deal(&p.Search, shares, n)
	if err != nil {
		return nil, nil, err
	}
	var report Report
	report.DistinctOutcomes, report.First = map[string]int{}, map[string]Schedule{}
	for _, saved := range c.reports() {
		report.addSaved(saved)
	}
	saved := saveReport(&report)
	for _, r := range c.reports() {
		saved.Violations, saved.Passed = append(saved.Violations, r.Violations...), append(saved.Passed, r.Passed...)
	}
	c.Report, c.Parts = saved, map[int]*savedPart{}
	c.Ended, c.Rest, c.RestOf = true, parts[0].Division, n
	for _, child := range parts {
		child.Parent = p.name()
	}
	ended, err = json.Marshal(c)
	return parts, append(ended, '\n'), err
}

// addSaved adds up all that can be added without running anything.
func (r *Report) addSaved(saved *savedReport) {
	o := Report{
		Executions: saved.Executions, Redundant: saved.Redundant, Truncated: saved.Truncated, Steps: saved.Steps,
		DistinctOutcomes: saved.Outcomes, First: saved.First,
	}
	copy(o.Ops[:], saved.Ops)
	r.add(&o)
}

// restOfTree returns what is left of a part: shares that are as they were, and those that were begun, each divided where it can be
// and there are fewer than enough.
func (s *search) restOfTree(c *checkpoint, enough int) (shares []share, err error) {
	var open []int
	leftOut := c.LeftOut
	for i, h := range s.o.Part.Shares {
		if h.Phase < c.Phase { // an earlier phase is over
			h.At, h.Phase = nil, c.Phase
		}
		begun := c.Parts[i]
		switch {
		case i < c.Merged || begun != nil && begun.Done:
			leftOut = leftOut || begun != nil && begun.LeftOut
			if h.Phase == c.Phase { // it is done with in this phase, and may belong to the next
				h.At, h.Phase = nil, c.Phase+1
			}
		case begun != nil && begun.At != nil:
			open = append(open, len(shares))
			h.At = begun.At
		}
		shares = append(shares, h)
	}
	bounded := s.o.Strategy.Counts() != ""
	if !bounded || !leftOut {
		open = slices.DeleteFunc(open, func(i int) bool { return shares[i].Phase > c.Phase })
		kept := shares[:0]
		for i, h := range shares {
			if at := slices.Index(open, i); at >= 0 {
				open[at] = len(kept)
			}
			if h.Phase <= c.Phase {
				kept = append(kept, h)
			}
		}
		shares = kept
	}
	if bounded { // in the next phase a piece would lack its siblings
		return shares, nil
	}
	for _, i := range slices.Backward(open) {
		if len(shares) >= enough {
			break
		}
		pieces, err := shares[i].divide(s.workers[0], s.o.Strategy, enough)
		if err != nil {
			return nil, err
		}
		shares = slices.Replace(shares, i, i+1, pieces...)
	}
	return shares, nil
}

// divide divides a share that was begun.
func (h *share) divide(x *Executor, strategy Strategy, enough int) (pieces []share, err error) {
	part, err := h.open(strategy, h.Phase)
	if err != nil {
		return nil, err
	}
	if d, ok := part.(*dpor); ok {
		if d.limit > 0 { // behind its last execution, others have begun
			return []share{*h}, nil
		}
		if err := d.recall(x); err != nil {
			return nil, err
		}
		return d.shares(x, enough)
	}
	for i, piece := range part.(*dfs).pieces(enough) {
		at := any(nil)
		if i == 0 {
			at = piece.save()
		}
		h, err := newShare(piece.prefix(), at)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, h)
	}
	return pieces, nil
}

// pieces divides what is left of a shard: the first piece is the shard itself, which goes on where it stands, the others are
// its alternatives, from the top, until there are enough.
func (d *dfs) pieces(enough int) []*dfs {
	all := []*dfs{d}
	for ; d.floor < len(d.path) && len(all) < enough; d.floor++ {
		here := &d.path[d.floor]
		d.weight /= float64(here.of)
		for ; here.left != 0; here.left &= here.left - 1 {
			own := fixed(d.path[:d.floor+1])
			own[d.floor].taken = here.left.first()
			all = append(all, &dfs{bound: d.bound, path: own, floor: len(own), weight: d.weight})
		}
	}
	return all
}

// restOfDraws returns the numbers of the random executions that are left, in as many shares as parts want of each range.
func restOfDraws(p *Part, c *checkpoint, n int) (shares []share, err error) {
	ph, err := p.drawn(func(d draws) shard { return &random{d} })
	if err != nil {
		return nil, err
	}
	var ranges []prefixDraws
	for i := c.Merged; ; i++ {
		part := ph.part(i)
		if part == nil {
			break
		}
		d := part.(*random)
		if begun := c.Parts[i]; begun != nil && begun.Done {
			continue
		} else if begun != nil && begun.At != nil {
			if err := d.restore(begun.At); err != nil {
				return nil, err
			}
		}
		if last := len(ranges) - 1; last >= 0 && ranges[last].End == d.first {
			ranges[last].End = d.end
			continue
		}
		ranges = append(ranges, prefixDraws{d.first, d.end})
	}
	for _, r := range ranges {
		each, err := divideDraws(r, n)
		if err != nil {
			return nil, err
		}
		shares = append(shares, each...)
	}
	return shares, nil
}
