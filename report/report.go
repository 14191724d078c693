// Package report words the results of runs: tables for people, JSON for programs, lines for benchstat. Executions it draws from their
// traces alone: the files that import explore/trace import nothing else of this project.
// docs/output.md is its manual.
package report

import (
	"slices"

	"vmasim/workloads/driver"
)

// formatTable are the formats of runs; the first is the default.
var formatTable = []Format[*driver.Result]{
	{"text", "readable tables", newText},
	{"json", "one JSON object a line for each scenario", newJSON},
	{"bench", "lines of go test -bench, which benchstat reads", newBench},
}

// Formats returns the formats of runs; the first is the default.
func Formats() []Format[*driver.Result] { return slices.Clone(formatTable) }

// perSecond is a rate; 0 where no time has passed.
func perSecond(n uint64, r *driver.Result) float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(n) / r.Elapsed.Seconds()
}
