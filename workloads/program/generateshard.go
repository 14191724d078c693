package program

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"vmasim/explore"
	"vmasim/workloads"
)

// Hunted is what a shard of a hunt came to, for a file. The difference that it found is only its number: the program is drawn again.
type Hunted struct {
	Rules, Against  string
	Machine         string `json:",omitempty"`
	Model           string `json:",omitempty"`
	Without         []string
	Strategy        explore.Strategy
	Seed            uint64
	Depth, Programs int
	Bound           int

	Done, Both, Differing, Executions int
	Counts                            map[Change]int
	Reached                           map[string]int
	Elapsed                           time.Duration
	First                             int // the first program that shows a violation under one of the rules; 0: none
	Other                             int // the first with other outcomes
}

// Hunted returns what the hunt came to.
func (h *Hunt) Hunted() *Hunted {
	g := h.found
	out := &Hunted{
		Rules: h.o.Rules, Against: h.o.Against, Machine: workloads.FormatSettings(h.o.Machine), Model: h.o.Model, Without: h.o.Without,
		Strategy: h.o.Strategy, Seed: h.o.Seed, Depth: h.o.Depth, Programs: h.o.Programs, Bound: h.o.Executions,
		Done: g.Done, Both: g.Both, Differing: g.Differing, Executions: g.Executions, Counts: g.Counts, Reached: g.Reached, Elapsed: g.Elapsed,
	}
	if h.first != nil {
		out.First = h.first.Program
	}
	if h.other != nil {
		out.Other = h.other.Program
	}
	return out
}

// MergeHunts adds up what the shards of a hunt came to. The first difference of all is drawn and explored again.
func MergeHunts(ctx context.Context, bodies []json.RawMessage) (*Generated, error) {
	var sum *Generated
	var h *Hunt
	first, other := 0, 0
	lowest := func(to *int, n int) {
		if n > 0 && (*to == 0 || n < *to) {
			*to = n
		}
	}
	for _, body := range bodies {
		var one Hunted
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, err
		}
		if sum == nil {
			var err error
			if h, err = one.hunt(); err != nil {
				return nil, err
			}
			sum = h.found
		}
		sum.Done += one.Done
		sum.Both += one.Both
		sum.Differing += one.Differing
		sum.Executions += one.Executions
		sum.Elapsed += one.Elapsed
		for change, n := range one.Counts {
			sum.Counts[change] += n
		}
		for point, n := range one.Reached {
			sum.Reached[point] += n
		}
		lowest(&first, one.First)
		lowest(&other, one.Other)
	}
	if first == 0 {
		first = other
	}
	if first > 0 {
		counts := maps.Clone(sum.Counts)
		d, err := h.trial(ctx, first).run()
		if err == nil && d == nil {
			err = fmt.Errorf("program %d, which differed, does not differ any more", first)
		}
		if err != nil {
			return nil, err
		}
		sum.Counts, sum.Difference = counts, d
	}
	return sum, nil
}

// hunt makes the hunt that a shard was part of.
func (one *Hunted) hunt() (*Hunt, error) {
	o := GenerateOptions{Against: one.Against, Programs: one.Programs}
	o.Rules, o.Model, o.Without, o.Strategy, o.Seed, o.Depth, o.Executions = one.Rules, one.Model, one.Without, one.Strategy, one.Seed, one.Depth, one.Bound
	if one.Machine != "" {
		var err error
		if o.Machine, err = workloads.ParseSettings(one.Machine); err != nil {
			return nil, err
		}
	}
	return NewHunt(o)
}
