package bench

import (
	"fmt"
	"io"
	"os"
	"strings"

	"vmasim/workloads/measure"
)

// StrictVariable is the environment variable that, set to 1, makes a bar that is shown to be missed fail the benchmark. Without it a bar
// only prints: a shared machine must not fail a build by its neighbours.
const StrictVariable = "VMASIM_BENCH_STRICT"

// Bar is a limit on a ratio of a result.
type Bar struct {
	id     string
	of     string
	to     []string
	limit  float64
	least  bool
	factor float64

	kernelFault float64 // what a fault of the kernel takes, in ns, if the bar is about the kernel; else 0
}

// slowKernel is how long a fault of the kernel takes, in ns, from which on a ratio to it says nothing: that of a virtual machine without
// page tables of its own, where it is the host's that is measured.
const slowKernel = 3000

// The verdicts.
const (
	met        = "met"         // the interval of the ratio lies within the limit
	missed     = "MISSED"      // it lies beyond the limit
	notTold    = "not told"    // it holds the limit, or too few rounds count
	noEvidence = "no evidence" // the kernel that is compared with is slow
)

// Beside returns the bar for a kernel whose fault takes so many nanoseconds.
func (b Bar) Beside(kernelFault float64) Bar {
	b.kernelFault = kernelFault
	return b
}

// AtMost says that one operation of `of` takes at most limit times the sum of one operation of each of `to`.
func AtMost(id, of string, limit float64, to ...string) Bar {
	return Bar{id: id, of: of, to: to, limit: limit, factor: 1}
}

// AtLeast says that one operation of `of` takes at least limit times the sum of one operation of each of `to`.
func AtLeast(id, of string, limit float64, to ...string) Bar {
	bar := AtMost(id, of, limit, to...)
	bar.least = true
	return bar
}

// Speedup says that threads threads of `many` do together at least limit times the operations that `one` does.
func Speedup(id, many, one string, threads int, limit float64) Bar {
	bar := AtLeast(id, one, limit, many)
	bar.factor = float64(threads)
	return bar
}

// Ratio returns the measured figure that the bar limits.
func (b Bar) Ratio(r *measure.Result) measure.Interval { return r.Ratio(b.of, b.to...).Times(b.factor) }

// names are the candidates that the bar speaks of.
func (b Bar) names() []string { return append([]string{b.of}, b.to...) }

// reporter is the part of *testing.B that a report needs.
type reporter interface {
	Helper()
	ReportMetric(value float64, unit string)
	Output() io.Writer
	Errorf(format string, args ...any)
}

// Report prints a line for each bar (without bars, one for the result) to b, a *testing.B, and reports the ratios and
// the times per operation as metrics. A missed bar is an error only in strict mode.
func Report(b reporter, r *measure.Result, bars ...Bar) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // the time of a whole comparison says nothing
	for _, name := range r.Candidates() {
		b.ReportMetric(r.NS(name).Median, unit(name)+"-ns")
	}
	if dropped, _ := r.Dropped(); dropped > 0 {
		b.ReportMetric(float64(dropped), "dropped")
	}
	if len(bars) == 0 {
		fmt.Fprintln(b.Output(), r)
	}
	strict := os.Getenv(StrictVariable) == "1"
	for _, bar := range bars {
		metric := "ratio"
		if len(bars) > 1 {
			metric = unit(bar.id) + "-ratio"
		}
		b.ReportMetric(bar.Ratio(r).Median, metric)
		line := bar.line(r)
		fmt.Fprintln(b.Output(), line)
		if strict && bar.verdict(r) == missed {
			b.Errorf("bar missed: %s", line)
		}
	}
}

// unit makes a name fit to be part of a benchmark unit, which has no spaces.
func unit(name string) string { return strings.ReplaceAll(name, " ", "-") }

func (b Bar) line(r *measure.Result) string {
	sign := ""
	if b.least {
		sign = ">="
	}
	names, kernel := b.names(), ""
	if b.kernelFault > 0 {
		kernel = fmt.Sprintf(" (a fault of the kernel takes %s ns)", measure.Digits(b.kernelFault))
	}
	return fmt.Sprintf("%s %s: %s, ratio %s, bar %s%s %s%s%s", b.id, r.Name(), r.Times(names...),
		b.Ratio(r).Text(), sign, measure.Digits(b.limit), b.verdict(r), kernel, r.Noise(names...))
}

// verdict says what the rounds show of the limit: that the ratio keeps it, that it does not, or neither.
func (b Bar) verdict(r *measure.Result) string {
	if b.kernelFault > slowKernel {
		return noEvidence
	}
	ratio, limit := b.Ratio(r), b.limit
	if b.least { // what is at least the limit is at most it below zero
		ratio.Low, ratio.High, limit = -ratio.High, -ratio.Low, -limit
	}
	switch below, known := ratio.Below(limit); {
	case !known:
		return notTold
	case below:
		return met
	}
	return missed
}
