package report

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// traceText draws a trace, and says what it is of and how it ends.
func traceText(b *strings.Builder, t *trace.Trace, look Look) error {
	titled(b, t.Scenario, t.Title, t.Rules, look)
	dropped(b, t, look)
	b.WriteString("\n")
	withNotes(b, t, look)
	b.WriteString("\n")
	switch {
	case len(t.Violated) > 0:
		for _, v := range t.Violated {
			complaint(b, v.Oracle, v.Message, look)
		}
	case t.Diverged != nil:
		look.line(b, t.Diverged.Error())
	case t.Ending.Failed():
		b.WriteString(look.red(strings.ToUpper(t.Ending.String())) + "\n")
	case t.Outcome == "":
		look.line(b, fmt.Sprintf("the schedule ends after %s, before the tasks do", plural(uint64(len(t.Steps)), "step")))
	default:
		look.line(b, "ended well: "+t.Outcome)
	}
	return nil
}

// titled tells what was explored.
func titled(b *strings.Builder, scenario, title, rules string, look Look) {
	if title != "" {
		scenario += ": " + title
	}
	look.line(b, scenario)
	look.line(b, "rules "+rules)
}

// complaint words what was violated.
func complaint(b *strings.Builder, oracle, message string, look Look) {
	first, rest, more := strings.Cut(wrap.Text(strings.ToUpper(oracle)+": "+message, look.width(), "  "), ":")
	b.WriteString(look.red(first))
	if more {
		b.WriteString(":" + rest)
	}
}

// dropped lists what of the scenario a schedule goes without.
func dropped(b *strings.Builder, t *trace.Trace, look Look) {
	if len(t.Dropped) > 0 {
		look.line(b, "without "+strings.Join(t.Dropped, "; "))
	}
}

// withNotes draws a trace with everything that belongs to it.
func withNotes(b *strings.Builder, t *trace.Trace, look Look) {
	b.WriteString(draw(t, look))
	if len(t.Blocked) > 0 {
		b.WriteString("\n")
	}
	for i := range t.Blocked {
		why(b, t, &t.Blocked[i], look)
	}
	passedOver(b, t, look)
	if len(t.Objects) > 0 {
		b.WriteString("\nwhere\n")
	}
	for _, o := range t.Objects {
		look.line(b, "  "+o.Name+" is "+o.Is)
	}
	b.WriteString("\naddress space\n")
	maps(b, t, look)
}

// passedOver tells what the execution went on behind.
func passedOver(b *strings.Builder, t *trace.Trace, look Look) {
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
		text := step + p.Violation.Oracle + ": " + strings.ReplaceAll(p.Violation.Message, "\n", "\n      ")
		b.WriteString(wrap.Text(text, look.width(), strings.Repeat(" ", len("  123 ")-indentation(step))))
	}
}

func why(b *strings.Builder, of *trace.Trace, t *trace.Blocked, look Look) {
	text := t.Task + " " + waitingText(of, t, look)
	if t.Func != "" {
		text += " in " + t.Func
	}
	look.line(b, text)
	for _, w := range t.Why {
		look.line(b, "  "+w)
	}
}

// maps shows the address spaces before and after, and only once what has not changed.
func maps(b *strings.Builder, t *trace.Trace, look Look) {
	for i, m := range t.Before {
		after := m.Lines
		if i < len(t.After) {
			after = t.After[i].Lines
		}
		if slices.Equal(m.Lines, after) {
			look.line(b, "  "+m.Name+", unchanged: "+strings.Join(m.Lines, "; "))
			b.WriteString(bars(t, i, look))
			continue
		}
		look.line(b, "  "+m.Name+" before: "+strings.Join(m.Lines, "; "))
		look.line(b, "  "+m.Name+" after:  "+strings.Join(after, "; "))
		b.WriteString(bars(t, i, look))
	}
}

// indentation is how many blanks a text begins with.
func indentation(text string) int { return len(text) - len(strings.TrimLeft(text, " ")) }
