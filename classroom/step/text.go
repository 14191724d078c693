package step

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// Line is a line of text about a task, or about none.
type Line struct {
	Text   string
	Task   int  // its place in the world, -1: none
	Marked bool // it is what the last step has changed, or broken
}

// Texts returns the texts of lines.
func Texts(lines []Line) (all []string) {
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return all
}

// Wrap breaks lines between words so that they fit, and indents what comes after the break.
func Wrap(lines []Line, width, indent int) (all []Line) {
	for _, l := range lines {
		hang := strings.Repeat(" ", max(0, indent-(len(l.Text)-len(strings.TrimLeft(l.Text, " ")))))
		for _, text := range wrap.Line(l.Text, width, hang) {
			all = append(all, Line{text, l.Task, l.Marked})
		}
	}
	return all
}

// access words what a step does to its cell, or would do.
func access(op, cell, was, is string) string {
	switch {
	case cell == "":
		return op
	case was == "" && is == "":
		return op + " " + cell
	case was == is || is == "":
		return op + " " + cell + " = " + was
	default:
		return fmt.Sprintf("%s %s %s -> %s", op, cell, was, is)
	}
}

// stepLine is one step in a line: its number, the letter of its task, what it did, and in which function.
func (s *Session) stepLine(st *trace.Step) string {
	line := fmt.Sprintf("%4d %s  %s", st.Number, letter(slices.Index(s.trace.Tasks, st.Task)), access(st.Op.String(), st.Cell, st.Was, st.Is))
	if st.Func != "" {
		line += "  in " + st.Func
	}
	if st.From > 0 {
		line += fmt.Sprintf("  (written in step %d)", st.From)
	}
	for _, note := range st.Notes {
		line += "; " + note
	}
	for _, v := range st.Violations {
		line += "  *** " + v + " ***"
	}
	return line
}

// StepLines are the steps behind the first n.
func (s *Session) StepLines(n int) (lines []Line) {
	for i := n; i < len(s.trace.Steps); i++ {
		st := &s.trace.Steps[i]
		lines = append(lines, Line{s.stepLine(st), slices.Index(s.trace.Tasks, st.Task), len(st.Violations) > 0})
	}
	return lines
}

// CellLines are the cells that tasks share, or all that were touched. The last step's change is marked.
func (s *Session) CellLines(all bool) (lines []Line) {
	for _, c := range Cells(s.trace, s.at, all) {
		mark, value := " ", c.Value
		if c.Changed {
			mark, value = "*", c.Before+" -> "+c.Value
		}
		line := fmt.Sprintf("%s %s = %s", mark, c.Name, value)
		if c.Step > 0 {
			line += fmt.Sprintf("  (%s, step %d)", c.Writer, c.Step)
		}
		lines = append(lines, Line{line, slices.Index(s.trace.Tasks, c.Writer), c.Changed})
	}
	return lines
}

// drawn draws the address spaces, if there is something to draw with.
func (s *Session) drawn(width int, all bool) (lines []Line) {
	if s.Draw == nil {
		return nil
	}
	for text := range strings.Lines(s.Draw(s.trace, width, all)) {
		lines = append(lines, Line{Text: strings.TrimSuffix(text, "\n"), Task: -1})
	}
	return lines
}

// Bars draws the address spaces as they are here.
func (s *Session) Bars(width int) []Line { return s.drawn(width, false) }

// MapLines are the address spaces.
func (s *Session) MapLines() (lines []Line) {
	for _, m := range s.trace.After {
		lines = append(lines, Line{Text: m.Name + ":", Task: -1})
		for _, l := range m.Lines {
			lines = append(lines, Line{Text: "  " + l, Task: -1})
		}
	}
	return lines
}

// NextLines say of each task what it would do next, and why it cannot.
func (s *Session) NextLines() (lines []Line) {
	for i, name := range s.trace.Tasks {
		at := slices.IndexFunc(s.trace.Next, func(n trace.Next) bool { return n.Task == name })
		head := fmt.Sprintf("%s %s  ", letter(i), name)
		if at < 0 {
			if len(s.trace.Next) > 0 {
				lines = append(lines, Line{Text: head + "has ended", Task: i})
			}
			continue
		}
		n := &s.trace.Next[at]
		line := head + access(n.Op.String(), n.Cell, "", "")
		if n.Func != "" {
			line += "  in " + n.Func
		}
		if stmt := n.Statement(); stmt != "" && stmt != n.Func {
			line += "  (" + stmt + ")"
		}
		if !n.Enabled {
			line += "  waits"
			if len(n.Why) > 0 {
				line += ": " + strings.Join(n.Why, "; ")
			}
		}
		lines = append(lines, Line{Text: line, Task: i})
	}
	return lines
}

// EndLines say how the run has ended, where it has.
func (s *Session) EndLines() (lines []Line) {
	if len(s.trace.Next) > 0 {
		return nil
	}
	add := func(marked bool, text string) { lines = append(lines, Line{text, -1, marked}) }
	for _, v := range s.trace.Violated {
		add(true, strings.ToUpper(v.Oracle)+": "+v.Message)
	}
	if len(lines) == 0 {
		add(s.trace.Ending.Failed(), "the run is over: "+s.trace.Ending.String())
	}
	for _, b := range s.trace.Blocked {
		add(false, b.Task+" cannot go on: "+access(b.Op.String(), b.Cell, "", ""))
		for _, w := range b.Why {
			add(false, "  "+w)
		}
	}
	for _, f := range s.trace.Finally {
		add(len(f.Violations) > 0, "finally "+f.Text+" => "+f.Result)
	}
	if s.trace.Outcome != "" {
		add(false, "outcome: "+s.trace.Outcome)
	}
	return lines
}

// Lines say where the session stands: the steps behind the first from, the cells, and what the tasks would do next.
func (s *Session) Lines(from, width int) []string {
	return Texts(slices.Concat(
		Wrap(s.StepLines(min(max(from, 0), s.at)), width, 8),
		Wrap(slices.Concat(s.CellLines(false), s.WatchLines(), s.StateLines(false)), width, 6),
		Wrap(s.NextLines(), width, 4),
		Wrap(s.EndLines(), width, 4),
	))
}
