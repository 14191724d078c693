package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vmasim/explore"
	"vmasim/workloads/program"
)

// Advice words what to do about a search that is too large, a line for each piece, while it goes on.
func Advice(scenario string, a *program.Advice) (lines []string) {
	adviceLines(func(_, format string, args ...any) {
		lines = append(lines, scenario+": "+fmt.Sprintf(format, args...))
	}, a, "")
	return lines
}

// adviceLines words advice in lines with a name. command stands before the flags that search otherwise.
func adviceLines(line func(name, format string, args ...any), a *program.Advice, command string) {
	line("predicted", "%s, %s more at %s", predictedText(&a.Predicted), aboutTime(a.Left), rate(a.Rate))
	for i, s := range a.Smaller {
		name := ""
		if i == 0 {
			name = "smaller"
		}
		line(name, "without %s: about %s, %s", strings.Join(s.Without, " and "), aboutCount(s.Predicted.Executions), aboutTime(s.Takes))
	}
	name := "instead"
	for _, b := range a.Instead {
		line(name, "%s%s: all with at most %s, %s", command, b.Flags(), plural(uint64(b.Bound), b.Strategy.Counts), aboutTime(b.Takes))
		name = ""
	}
	if a.Whole != "" {
		line(name, "%s--strategy %s: all, if memory suffices, but for the oracles that it names", command, a.Whole)
	}
}

// predictedText words a prediction with what it may be wrong by.
func predictedText(p *explore.Prediction) string {
	switch {
	case p.High == 0:
		return "more than " + aboutCount(p.Executions) + " executions"
	case p.Low == p.High:
		return aboutCount(p.Executions) + " executions"
	}
	return fmt.Sprintf("about %s executions (%s to %s)", aboutCount(p.Executions), aboutCount(p.Low), aboutCount(p.High))
}

// aboutCount words a number with the two digits that can be relied on.
func aboutCount(n float64) string {
	if n >= 1e12 {
		return fmt.Sprintf("%.1e", n)
	}
	unit := math.Pow(10, max(math.Floor(math.Log10(max(n, 1)))-1, 0))
	return count(uint64(math.Round(n/unit) * unit))
}

// aboutTime words how long something takes, about.
func aboutTime(d time.Duration) string {
	const day = 24 * time.Hour
	const year = 365 * day
	switch {
	case d >= 100*year:
		return "over a century"
	case d >= 2*year:
		return fmt.Sprintf("~%d years", d/year)
	case d >= 2*day:
		return fmt.Sprintf("~%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("~%dh", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("~%dm", d/time.Minute)
	}
	return "~" + max(d.Round(time.Second), time.Second).String()
}
