package report

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// graphTitle names a trace.
func graphTitle(t *trace.Trace) string { return t.Scenario + " " + t.Oracle() }

// dot draws a counterexample as a graph: the steps of a task in a column, dashed edges from the step that wrote a value
// to the one that read it.
func dot(b *strings.Builder, t *trace.Trace, look Look) error {
	d := newDrawing(t, look)
	fmt.Fprintf(b, "digraph %q {\n\tnode [shape=box, fontname=monospace];\n", graphTitle(t))
	for c, name := range t.Tasks {
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%q;\n", c, name)
		last := -1
		for i := range t.Steps {
			s := &t.Steps[i]
			if s.Task != name || !d.shown[i] {
				continue
			}
			style := ""
			if len(s.Violations) > 0 {
				style = ", color=red"
			}
			fmt.Fprintf(b, "\t\ts%d [label=%q%s];\n", i+1, fmt.Sprintf("%d %s\n%s", i+1, s.Func, plainBlanks(stepText(t, s, look))), style)
			if last >= 0 {
				fmt.Fprintf(b, "\t\ts%d -> s%d;\n", last+1, i+1)
			}
			last = i
		}
		b.WriteString("\t}\n")
	}
	for i := range t.Steps {
		if from := t.Steps[i].From; from > 0 && d.shown[i] && d.shown[from-1] {
			fmt.Fprintf(b, "\ts%d -> s%d [style=dashed, constraint=false, label=%q];\n", from, i+1, t.Steps[i].Was)
		}
	}
	after := func(n int, text string, broken bool) {
		style := ""
		if broken {
			style = ", color=red"
		}
		fmt.Fprintf(b, "\te%d [label=%q%s];\n", n, text, style)
	}
	for i := range t.Finally {
		p := &t.Finally[i]
		after(i, "finally\n"+plainBlanks(performedText(p)), len(p.Violations) > 0)
		if p.From > 0 && d.shown[p.From-1] {
			fmt.Fprintf(b, "\ts%d -> e%d [style=dashed, constraint=false];\n", p.From, i)
		}
	}
	for i, oracle := range append(slices.Clone(t.Start), t.End...) {
		after(len(t.Finally)+i, oracle, true)
	}
	b.WriteString("}\n")
	return nil
}

// mermaid draws a counterexample as a sequence diagram.
func mermaid(b *strings.Builder, t *trace.Trace, look Look) error {
	d := newDrawing(t, look)
	fmt.Fprintf(b, "---\ntitle: %s\n---\nsequenceDiagram\n", graphTitle(t))
	for c, name := range t.Tasks {
		fmt.Fprintf(b, "    participant T%d as %s\n", c, plainText(name))
	}
	column := map[string]int{}
	for c, name := range t.Tasks {
		column[name] = c
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if !d.shown[i] {
			continue
		}
		if s.From > 0 {
			fmt.Fprintf(b, "    T%d-->>T%d: %s = %s\n", column[t.Steps[s.From-1].Task], column[s.Task], plainText(s.Cell), plainText(s.Was))
		}
		fmt.Fprintf(b, "    Note over T%d: %d %s\n", column[s.Task], i+1, plainText(stepText(t, s, look)))
		for _, oracle := range s.Violations {
			fmt.Fprintf(b, "    Note over T%d: *** %s ***\n", column[s.Task], plainText(oracle))
		}
	}
	if last := len(t.Tasks) - 1; last >= 0 {
		note := func(text string) { fmt.Fprintf(b, "    Note over T0,T%d: %s\n", last, plainText(text)) }
		for i := range t.Finally {
			note("finally " + performedText(&t.Finally[i]))
			for _, oracle := range t.Finally[i].Violations {
				note("*** " + oracle + " ***")
			}
		}
		for _, oracle := range append(slices.Clone(t.Start), t.End...) {
			note("*** " + oracle + " ***")
		}
	}
	for i := range t.Blocked {
		fmt.Fprintf(b, "    Note over T%d: *** %s ***\n", column[t.Blocked[i].Task], plainText(waitingText(t, &t.Blocked[i], look)))
	}
	return nil
}

// plainText takes out what means something to Mermaid.
func plainText(s string) string {
	return strings.NewReplacer("#", "", ";", ",", "->", "→", wrap.Bound, " ").Replace(s)
}

// plainBlanks puts blanks for those at which no line is broken.
func plainBlanks(s string) string { return strings.ReplaceAll(s, wrap.Bound, " ") }
