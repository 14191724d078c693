package report

import (
	"fmt"
	"io"
	"strings"

	"vmasim/explore"
	"vmasim/workloads/program"
)

// Replay returns a function that writes what came of replaying a schedule. Formats for programs show it as a search of one
// execution.
func (f ExploreFormat) Replay(w io.Writer, full bool) func(*program.Replayed) error {
	if f.Name != exploreFormats[0].Name {
		write := f.new(w, full)
		return func(r *program.Replayed) error { return write(searchOf(r)) }
	}
	return func(r *program.Replayed) error {
		_, err := io.WriteString(w, replayText(r, full))
		return err
	}
}

func searchOf(r *program.Replayed) *program.Result {
	out := &program.Result{Scenario: r.Scenario, Title: r.Title, Rules: r.Rules, Violations: []*program.Violation{{Found: r.Found, Dropped: r.Dropped, Trace: r.Trace}}}
	out.Search.Executions, out.Search.Steps = 1, len(r.Trace.Steps)
	if r.Ending.Failed() {
		out.Search.Violations = []explore.Found{r.Found}
	}
	return out
}

func replayText(r *program.Replayed, full bool) string {
	b := &strings.Builder{}
	title := r.Scenario
	if r.Title != "" {
		title += ": " + r.Title
	}
	fmt.Fprintf(b, "%s\nrules %s\n", title, r.Rules)
	dropped(b, r.Dropped)
	b.WriteString("\n")
	traceText(b, r.Trace, full)
	b.WriteString("\n")
	t := r.Trace
	switch {
	case len(t.Violated) > 0:
		for _, v := range t.Violated {
			fmt.Fprintf(b, "%s: %s\n", strings.ToUpper(v.Oracle), shortNames(v.Message))
		}
	case t.Diverged != nil:
		fmt.Fprintf(b, "%v\n", t.Diverged)
	case r.Ending.Failed():
		fmt.Fprintf(b, "%s\n", strings.ToUpper(r.Ending.String()))
	case t.Outcome == "":
		fmt.Fprintf(b, "the schedule ends after %s, before the tasks do\n", plural(uint64(len(t.Steps)), "step"))
	default:
		fmt.Fprintf(b, "ended well: %s\n", t.Outcome)
	}
	return b.String()
}
