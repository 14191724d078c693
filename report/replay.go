package report

import (
	"io"

	"vmasim/explore"
	"vmasim/workloads/program"
)

// ReplayFormats returns the ways to word what came of a replay, with the names of those of a search; the first is the default.
func ReplayFormats() []Format[*explore.Trace] {
	all := []Format[*explore.Trace]{replayed(traceFormats[0]), {exploreFormats[1].Name, exploreFormats[1].Help, newReplayJSON}}
	for _, f := range traceFormats[1:] {
		all = append(all, replayed(f))
	}
	return all
}

// replayed draws the execution.
func replayed(f TraceFormat) Format[*explore.Trace] {
	return Format[*explore.Trace]{f.Name, f.Help, func(w io.Writer, look Look) func(*explore.Trace) error {
		write := f.new(w, look)
		return func(t *explore.Trace) error { return write(t.Trace) }
	}}
}

// newReplayJSON shows a replay as a search of one execution.
func newReplayJSON(w io.Writer, look Look) func(*explore.Trace) error {
	write := newExploreJSON(w, look)
	return func(t *explore.Trace) error {
		out := &program.Result{Scenario: t.Scenario, Title: t.Title, Rules: t.Rules, Violations: []*program.Violation{{Found: t.Found, Trace: t.Trace}}}
		out.Search.Executions, out.Search.Steps = 1, len(t.Steps)
		if t.Ending.Failed() {
			out.Search.Violations = []explore.Found{t.Found}
		}
		return write(out)
	}
}
