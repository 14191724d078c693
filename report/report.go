// Package report words the results of runs: tables for people, JSON for programs, lines for benchstat.
// docs/output.md is its manual.
package report

import (
	"errors"
	"io"
	"slices"

	"vmasim/internal/suggest"
	"vmasim/workloads/driver"
)

// Format is a way to word results.
type Format struct {
	Name string
	Help string
	new  func(io.Writer) func(*driver.Result) error
}

// formatTable are the formats; the first is the default.
var formatTable = []Format{
	{"text", "readable tables", newText},
	{"json", "one JSON object a line for each scenario", newJSON},
	{"bench", "lines of go test -bench, which benchstat reads", newBench},
}

// Formats returns the formats; the first is the default.
func Formats() []Format { return slices.Clone(formatTable) }

// ByName finds a format.
func ByName(name string) (Format, error) {
	names := make([]string, len(formatTable))
	for i, f := range formatTable {
		if names[i] = f.Name; f.Name == name {
			return f, nil
		}
	}
	return Format{}, errors.New(suggest.Unknown("format", name, names, ""))
}

// New returns a function that writes one result after the other to w, each in one write. It returns w's errors.
func (f Format) New(w io.Writer) func(*driver.Result) error { return f.new(w) }

// perSecond is a rate; 0 where no time has passed.
func perSecond(n uint64, r *driver.Result) float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(n) / r.Elapsed.Seconds()
}
