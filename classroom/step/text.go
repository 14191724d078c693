package step

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"vmasim/explore/trace"
)

// wrap breaks a line between words so that it fits, and indents what comes after the break. A word that is too long has a line of its own.
func wrap(line string, width, indent int) (lines []string) {
	head := len(line) - len(strings.TrimLeft(line, " "))
	text := line[:head]
	for i, word := range strings.SplitAfter(line[head:], " ") {
		if i > 0 && utf8.RuneCountInString(text)+utf8.RuneCountInString(strings.TrimRight(word, " ")) > width {
			lines = append(lines, strings.TrimRight(text, " "))
			text = strings.Repeat(" ", indent)
		}
		text += word
	}
	return append(lines, strings.TrimRight(text, " "))
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

// stepLines are the steps behind the first n.
func (s *Session) stepLines(n int) (lines []string) {
	for i := n; i < len(s.trace.Steps); i++ {
		lines = append(lines, s.stepLine(&s.trace.Steps[i]))
	}
	return lines
}

// cellLines are the cells that tasks share, or all that were touched. The last step's change is marked.
func (s *Session) cellLines(all bool) (lines []string) {
	for _, c := range Cells(s.trace, s.at, all) {
		mark, value := " ", c.Value
		if c.Changed {
			mark, value = "*", c.Before+" -> "+c.Value
		}
		line := fmt.Sprintf("%s %s = %s", mark, c.Name, value)
		if c.Step > 0 {
			line += fmt.Sprintf("  (%s, step %d)", c.Writer, c.Step)
		}
		lines = append(lines, line)
	}
	return lines
}

// mapLines are the address spaces.
func (s *Session) mapLines() (lines []string) {
	for _, m := range s.trace.After {
		lines = append(lines, m.Name+":")
		for _, l := range m.Lines {
			lines = append(lines, "  "+l)
		}
	}
	return lines
}

// nextLines say of each task what it would do next, and why it cannot.
func (s *Session) nextLines() (lines []string) {
	for i, name := range s.trace.Tasks {
		at := slices.IndexFunc(s.trace.Next, func(n trace.Next) bool { return n.Task == name })
		head := fmt.Sprintf("%s %s  ", letter(i), name)
		if at < 0 {
			if len(s.trace.Next) > 0 {
				lines = append(lines, head+"has ended")
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
		lines = append(lines, line)
	}
	return lines
}

// endLines say how the run has ended, where it has.
func (s *Session) endLines() (lines []string) {
	if len(s.trace.Next) > 0 {
		return nil
	}
	for _, v := range s.trace.Violated {
		lines = append(lines, strings.ToUpper(v.Oracle)+": "+v.Message)
	}
	if len(lines) == 0 {
		lines = append(lines, "the run is over: "+s.trace.Ending.String())
	}
	for _, b := range s.trace.Blocked {
		lines = append(lines, b.Task+" cannot go on: "+access(b.Op.String(), b.Cell, "", ""))
		for _, w := range b.Why {
			lines = append(lines, "  "+w)
		}
	}
	for _, f := range s.trace.Finally {
		lines = append(lines, "finally "+f.Text+" => "+f.Result)
	}
	if s.trace.Outcome != "" {
		lines = append(lines, "outcome: "+s.trace.Outcome)
	}
	return lines
}

// Lines say where the session stands: the steps since the first before, the cells, and what the tasks would do next.
func (s *Session) Lines(before, width int) (lines []string) {
	add := func(indent int, all []string) {
		for _, l := range all {
			lines = append(lines, wrap(l, width, indent)...)
		}
	}
	steps := s.stepLines(min(max(before, 0), s.at))
	add(8, steps)
	add(6, s.cellLines(false))
	add(4, s.nextLines())
	add(4, s.endLines())
	return lines
}
