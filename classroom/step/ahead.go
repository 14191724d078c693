package step

import (
	"context"
	"fmt"
	"math"
	"time"

	"vmasim/explore"
)

// Continuations are what can come after a place of a run, where those that differ only in the order of independent steps are one.
type Continuations struct {
	Of       int      `json:"of"`       // how many were searched
	Breaking int      `json:"breaking"` // how many of them break a rule or come to a standstill
	Complete bool     `json:"complete"` // these are all
	Kinds    []string `json:"kinds"`    // how they break
	Nearest  *Nearest `json:"nearest"`  // nil: none was found
}

// Nearest is the continuation with the fewest preemptions that breaks.
type Nearest struct {
	Kind        string `json:"kind"`
	Preemptions int    `json:"preemptions"` // behind the place
	Steps       int    `json:"steps"`
}

// Continuations searches what can come after here, for so long at most.
func (s *Session) Continuations(ctx context.Context, limit time.Duration) (*Continuations, error) {
	started := time.Now()
	all, err := s.program.Behind(ctx, s.Schedule(), explore.Options{KeepGoing: math.MaxInt, Between: s.Between, Time: limit * 2 / 3})
	if err != nil {
		return nil, err
	}
	c := &Continuations{Of: all.Executions - all.Redundant, Complete: all.Complete}
	c.Breaking = c.Of - all.Truncated
	for _, finished := range all.DistinctOutcomes {
		c.Breaking -= finished
	}
	kinds := map[string]bool{}
	for i := range all.Violations {
		if k := all.Violations[i].Kind(); !kinds[k] {
			kinds[k] = true
			c.Kinds = append(c.Kinds, k)
		}
	}
	if c.Breaking == 0 {
		return c, nil
	}
	near, err := s.program.Behind(ctx, s.Schedule(), explore.Options{Strategy: explore.Bounded, Between: s.Between, Time: max(time.Millisecond, limit-time.Since(started))})
	if err == nil && len(near.Violations) > 0 {
		v := &near.Violations[0]
		c.Nearest = &Nearest{v.Kind(), near.Bound + 1, len(v.Schedule.Tasks) - s.at}
	}
	return c, err
}

func (c *Continuations) lines() []string {
	lines := []string{fmt.Sprintf("%d of %d continuations break, counting those once that differ only in the order of independent steps", c.Breaking, c.Of)}
	if !c.Complete {
		lines[0] += "; there are more, which were not searched"
	}
	for _, k := range c.Kinds {
		lines = append(lines, "  "+k)
	}
	if n := c.Nearest; n != nil {
		lines = append(lines, fmt.Sprintf("with the fewest preemptions, %d, and %d steps from here: %s, where violation goes", n.Preemptions, n.Steps, n.Kind))
	}
	return lines
}
