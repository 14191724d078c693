package explore

import "fmt"

// partPlan is the plan of a part of a search: the phases of the whole, each with the shards of the part alone.
type partPlan struct {
	plan // of the whole
	part *Part
	o    *Options
}

// planPart returns the plan of the part that is to be searched.
func planPart(info *StrategyInfo, o *Options, earlier int) plan {
	whole := info.plan(o, earlier)
	if o.Part == nil {
		return whole
	}
	if info.Counts == "" && info.Finishes {
		whole = &onePhase{whole: true}
	}
	return &partPlan{whole, o.Part, o}
}

func (p *partPlan) phase(x *Executor, n int) (*phase, error) {
	if info, err := strategyInfo(p.o.Strategy); err != nil || !info.Finishes {
		return p.plan.phase(x, n)
	}
	parts, err := p.part.shards(n)
	return each(parts), err
}

// shards makes the shards of a phase.
func (p *Part) shards(phase int) (all []shard, err error) {
	for i := range p.Shares {
		s, err := p.Shares[i].open(p.Search.Strategy, phase)
		if err != nil {
			return nil, fmt.Errorf("share %d: %w", i+1, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// open makes the shard of a phase.
func (h *share) open(strategy Strategy, phase int) (shard, error) {
	var s shard
	if strategy == DPOR {
		var prefix prefixDPOR
		if err := decode(h.Prefix, &prefix); err != nil {
			return nil, err
		}
		d, err := prefix.open()
		if err != nil {
			return nil, err
		}
		s = d
	} else {
		var prefix prefixDFS
		if err := decode(h.Prefix, &prefix); err != nil {
			return nil, err
		}
		of, bound := strategy.price()
		bound = min(bound, phase)
		d, err := prefix.open(of, bound)
		if err != nil {
			return nil, err
		}
		if bound >= 0 && (phase < prefix.Spent || phase < h.Phase) { // nothing of it belongs to this phase
			d.begun, d.cut = true, true
		}
		s = d
	}
	if h.At != nil && phase == h.Phase {
		return s, s.restore(h.At)
	}
	return s, nil
}

// ranges returns the numbers of the executions of a random search.
func (p *Part) ranges() (all []prefixDraws, err error) {
	for i := range p.Shares {
		var r prefixDraws
		if err := decode(p.Shares[i].Prefix, &r); err != nil {
			return nil, fmt.Errorf("share %d: %w", i+1, err)
		}
		if r.End < r.First || r.End > 1<<62 {
			return nil, fmt.Errorf("share %d has executions %d to %d", i+1, r.First, r.End)
		}
		all = append(all, r)
	}
	return all, nil
}

// drawn makes the phase of a part of a random search.
func (p *Part) drawn(make func(d draws) shard) (*phase, error) {
	ranges, err := p.ranges()
	if err != nil {
		return nil, err
	}
	ph := &phase{weight: func(int) float64 { return 0 }}
	for _, r := range ranges {
		ph.draws += r.End - r.First
	}
	ph.part = func(i int) shard {
		at := uint64(i) * drawsPerShard
		for _, r := range ranges {
			if n := (r.End - r.First + drawsPerShard - 1) / drawsPerShard * drawsPerShard; at >= n {
				at -= n
				continue
			}
			first := r.First + at
			end := min(r.End, first+drawsPerShard)
			return make(newDraws(p.Search.Seed, first, end))
		}
		return nil
	}
	return ph, nil
}
