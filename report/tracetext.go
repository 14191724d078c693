package report

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
)

// shortNames puts the names of columns for those of the oracles.
func shortNames(text string) string { return strings.ReplaceAll(text, "vm_area_struct#", "vma#") }

// traceText draws a trace, and says what it is of and how it ends.
func traceText(b *strings.Builder, t *trace.Trace, full bool) error {
	titled(b, t.Scenario, t.Title, t.Rules)
	dropped(b, t)
	b.WriteString("\n")
	withNotes(b, t, full)
	b.WriteString("\n")
	switch {
	case len(t.Violated) > 0:
		for _, v := range t.Violated {
			fmt.Fprintf(b, "%s: %s\n", strings.ToUpper(v.Oracle), shortNames(v.Message))
		}
	case t.Diverged != nil:
		fmt.Fprintf(b, "%v\n", t.Diverged)
	case t.Ending.Failed():
		fmt.Fprintf(b, "%s\n", strings.ToUpper(t.Ending.String()))
	case t.Outcome == "":
		fmt.Fprintf(b, "the schedule ends after %s, before the tasks do\n", plural(uint64(len(t.Steps)), "step"))
	default:
		fmt.Fprintf(b, "ended well: %s\n", t.Outcome)
	}
	return nil
}

// titled tells what was explored.
func titled(b *strings.Builder, scenario, title, rules string) {
	if title != "" {
		scenario += ": " + title
	}
	fmt.Fprintf(b, "%s\nrules %s\n", scenario, rules)
}

// dropped lists what of the scenario a schedule goes without.
func dropped(b *strings.Builder, t *trace.Trace) {
	if len(t.Dropped) > 0 {
		fmt.Fprintf(b, "without %s\n", strings.Join(t.Dropped, "; "))
	}
}

// withNotes draws a trace with everything that belongs to it.
func withNotes(b *strings.Builder, t *trace.Trace, full bool) {
	b.WriteString(draw(t, full))
	if len(t.Blocked) > 0 {
		b.WriteString("\n")
	}
	for i := range t.Blocked {
		why(b, &t.Blocked[i])
	}
	passedOver(b, t)
	if len(t.Objects) > 0 {
		b.WriteString("\nwhere\n")
	}
	for _, o := range t.Objects {
		fmt.Fprintf(b, "  %s is %s\n", o.Name, o.Is)
	}
	b.WriteString("\naddress space\n")
	maps(b, t)
}

// passedOver tells what the execution went on behind.
func passedOver(b *strings.Builder, t *trace.Trace) {
	if len(t.Passed) > 0 {
		b.WriteString("\nbefore that\n")
	}
	for i, p := range t.Passed {
		same := func(o trace.Passed) bool { return o.Violation.Oracle == p.Violation.Oracle }
		if slices.ContainsFunc(t.Passed[:i], same) {
			continue // the first of a kind is the one that tells
		}
		step := "      "
		if p.Step > 0 {
			step = fmt.Sprintf("  %3d ", p.Step)
		}
		fmt.Fprintf(b, "%s%s: %s\n", step, p.Violation.Oracle, strings.ReplaceAll(shortNames(p.Violation.Message), "\n", "\n      "))
	}
}

func why(b *strings.Builder, t *trace.Blocked) {
	fmt.Fprintf(b, "%s %s", t.Task, waiting(t))
	if t.Func != "" {
		fmt.Fprintf(b, " in %s", t.Func)
	}
	b.WriteString("\n")
	for _, w := range t.Why {
		fmt.Fprintf(b, "  %s\n", shortNames(w))
	}
}

// maps shows the address spaces before and after, and only once what has not changed.
func maps(b *strings.Builder, t *trace.Trace) {
	for i, m := range t.Before {
		after := m.Lines
		if i < len(t.After) {
			after = t.After[i].Lines
		}
		if slices.Equal(m.Lines, after) {
			fmt.Fprintf(b, "  %s, unchanged: %s\n", m.Name, strings.Join(m.Lines, "; "))
			continue
		}
		fmt.Fprintf(b, "  %s before: %s\n", m.Name, strings.Join(m.Lines, "; "))
		fmt.Fprintf(b, "  %s after:  %s\n", m.Name, strings.Join(after, "; "))
	}
}
