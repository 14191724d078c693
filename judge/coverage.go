package judge

import "vmasim/workloads"

// Coverage counts operations by statement and result of the kernel.
type Coverage map[string]map[string]int

func newCoverage() Coverage { return Coverage{} }

func (c Coverage) add(kind workloads.Kind, out workloads.Outcome) {
	results := c[kind.String()]
	if results == nil {
		results = map[string]int{}
		c[kind.String()] = results
	}
	results[out.String()]++
}

// Add adds the counts of o.
func (c Coverage) Add(o Coverage) {
	for kind, results := range o {
		if c[kind] == nil {
			c[kind] = map[string]int{}
		}
		for result, n := range results {
			c[kind][result] += n
		}
	}
}
