package report

import (
	"io"
	"slices"
	"strings"

	"vmasim/explore/trace"
)

// TraceFormat is a way to draw an execution.
type TraceFormat = Format[*trace.Trace]

// traceFormats are the renderers; the first is the default.
var traceFormats = []TraceFormat{
	{"text", "races drawn in columns", drawn("\n", traceText)},
	{"ndjson", "the events of each counterexample, one JSON object a line", drawn("", events)},
	{"dot", "each counterexample as a graph for Graphviz", drawn("", dot)},
	{"mermaid", "each counterexample as a sequence diagram", drawn("", mermaid)},
	{"trace", "each counterexample as data that vmasim draw reads, one JSON object a line", drawn("", data)},
	{"perfetto", "each counterexample as a trace for Perfetto, whose time is the step", newTimeline},
}

// TraceFormats returns the ways to draw an execution; the first is the default.
func TraceFormats() []TraceFormat { return slices.Clone(traceFormats) }

// drawn draws each execution by itself, with between between two of them.
func drawn(between string, draw func(b *strings.Builder, t *trace.Trace, look Look) error) func(io.Writer, Look) func(*trace.Trace) error {
	return func(w io.Writer, look Look) func(*trace.Trace) error {
		sep := ""
		return func(t *trace.Trace) error {
			b := &strings.Builder{}
			b.WriteString(sep)
			sep = between
			if err := draw(b, t, look); err != nil {
				return err
			}
			_, err := io.WriteString(w, b.String())
			return err
		}
	}
}
