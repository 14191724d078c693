package bench

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// StrictVariable is the environment variable that, set to 1, makes a missed bar fail the benchmark. Without it a bar
// only prints: a shared machine must not fail a build by its neighbours.
const StrictVariable = "VMASIM_BENCH_STRICT"

// Bar is a limit on a ratio of a Result.
type Bar struct {
	id     string
	of     string
	to     []string
	limit  float64
	least  bool
	factor float64
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

// Ratio is the measured figure that the bar limits.
func (b Bar) Ratio(r *Result) Stat { return r.Ratio(b.of, b.to...).Times(b.factor) }

// Met tells whether the median of the ratio keeps the limit.
func (b Bar) Met(r *Result) bool {
	if median := b.Ratio(r).Median; b.least {
		return median >= b.limit
	} else {
		return median <= b.limit
	}
}

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
func (r *Result) Report(b reporter, bars ...Bar) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // the time of a whole comparison says nothing
	for _, name := range r.order {
		b.ReportMetric(r.NS(name).Median, unit(name)+"-ns")
	}
	if noisy, _ := r.Noisy(); noisy > 0 {
		b.ReportMetric(float64(noisy), "noisy")
	}
	if len(bars) == 0 {
		fmt.Fprintln(b.Output(), r.line())
	}
	strict := os.Getenv(StrictVariable) == "1"
	for _, bar := range bars {
		metric := "ratio"
		if len(bars) > 1 {
			metric = unit(bar.id) + "-ratio"
		}
		b.ReportMetric(bar.Ratio(r).Median, metric)
		line := r.barLine(bar)
		fmt.Fprintln(b.Output(), line)
		if strict && !bar.Met(r) {
			b.Errorf("bar missed: %s", line)
		}
	}
}

// unit makes a name fit to be part of a benchmark unit, which has no spaces.
func unit(name string) string { return strings.ReplaceAll(name, " ", "-") }

func (r *Result) line() string {
	return r.name + ": " + r.times(r.order) + r.noise(r.order)
}

func (r *Result) barLine(bar Bar) string {
	ratio, sign := bar.Ratio(r), ""
	if bar.least {
		sign = ">="
	}
	return fmt.Sprintf("%s %s: %s, ratio %s (%s-%s), bar %s%s %s%s", bar.id, r.name, r.times(bar.names()),
		digits(ratio.Median), digits(ratio.Min), digits(ratio.Max), sign, digits(bar.limit), verdict(bar.Met(r)), r.noise(bar.names()))
}

func (r *Result) times(names []string) string {
	texts := make([]string, 0, len(names))
	for _, name := range names {
		ns := r.NS(name)
		text := fmt.Sprintf("%s %s ns (%s-%s)", name, digits(ns.Median), digits(ns.Min), digits(ns.Max))
		if background := r.BackgroundNS(name); background.Median > 0 {
			text += fmt.Sprintf(" beside %s ns", digits(background.Median))
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func (r *Result) noise(names []string) string {
	noisy, of := r.Noisy(names...)
	if noisy == 0 {
		return ""
	}
	return fmt.Sprintf(" (noisy: %d of %d samples)", noisy, of)
}

// digits prints a positive number with two or three digits that mean something.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
