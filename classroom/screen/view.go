package screen

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"vmasim/classroom/step"
)

// The smallest terminal that a session fits in, and how wide one is that shows the cells beside the steps.
const (
	minWidth  = 40
	minHeight = 12
	wide      = 120
)

const (
	messageLines = 3  // of a message; longer ones are a page
	stateLines   = 8  // at least, where there is room below the steps
	barsHeight   = 20 // from where on bars stand there, too
)

// View implements [tea.Model].
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	return v
}

// lines are the lines of the screen, none wider or more than it has.
func (m *model) lines() []string {
	if m.width == 0 {
		return nil // how large it is comes first
	}
	if m.width < minWidth || m.height < minHeight {
		return fitted([]string{
			fmt.Sprintf("%d×%d is too small:", m.width, m.height),
			fmt.Sprintf("make it %d×%d, or", minWidth, minHeight),
			"pipe commands to", "vmasim step", "(q quits)",
		}, m.width, m.height)
	}
	body := m.height - 2
	switch {
	case m.cancel != nil: // the command has the session: what was shown before it stays
	case m.page != nil:
		m.shown = append([]string{m.head()}, padded(m.pageLines(body), body)...)
	default:
		m.shown = append([]string{m.head()}, padded(m.place(body), body)...)
	}
	return fitted(append(slices.Clone(m.shown), faint(m.prompt())), m.width, m.height)
}

func (m *model) head() string {
	at := fmt.Sprintf("step %d", m.s.At())
	if n := m.s.Len(); n > m.s.At() {
		at += fmt.Sprintf(" of %d", n)
	}
	return bold(at + "  " + m.s.Rules() + "  " + m.title)
}

func (m *model) pageLines(height int) []string {
	return paint(step.Wrap(m.page, m.width, 4)[min(m.top, len(m.page)-1):], height)
}

// place shows where the session stands: what the tasks would do next, the last steps, how things stand, and the message.
func (m *model) place(height int) []string {
	left := m.width
	if m.width >= wide {
		left = m.width * 3 / 5
	}
	next := step.Wrap(slices.Concat(m.s.NextLines(), m.s.EndLines()), left, 4)
	message := step.Wrap(m.message, m.width, 2)
	message = message[:min(len(message), messageLines)]
	below := len(message)
	var state, bars []step.Line
	if left == m.width {
		if height >= barsHeight {
			bars = m.s.Bars(m.width)
			bars = bars[:min(len(bars), height/5)]
		}
		state = chosen(step.Wrap(m.state(false), m.width, 6), min(max(stateLines, height/3), max(0, height-below-3)/2))
		below += len(state) + len(bars)
	}
	next = next[:min(len(next), max(2, height-below-2))]
	room := max(0, height-below-len(next)-2)
	steps := step.Wrap(m.s.StepLines(max(0, m.s.At()-room)), left, 8)
	steps = steps[max(0, len(steps)-room):]
	rule := faint(strings.Repeat("─", left))
	column := slices.Concat(paint(next, height), []string{rule}, padded(paint(steps, room), room), []string{rule})
	if left == m.width {
		return slices.Concat(column, paint(state, height), paint(bars, height), paint(message, messageLines))
	}
	bars = m.s.Bars(m.width - left - 2)
	state = step.Wrap(m.state(true), m.width-left-2, 6)
	state = append(chosen(state, max(0, len(column)-len(bars)-1)), step.Line{Task: -1})
	return slices.Concat(beside(column, paint(append(state, bars...), len(column)), left), paint(message, messageLines))
}

// state is how things stand, what a reader looks for first: where there is little room, locks are more than cells.
func (m *model) state(all bool) []step.Line {
	if all {
		return slices.Concat(m.s.WatchLines(), m.s.CellLines(false), m.s.StateLines(true))
	}
	return slices.Concat(m.s.WatchLines(), m.s.StateLines(false), m.s.CellLines(false))
}

// chosen leaves so many lines: those that are marked, then the first.
func chosen(lines []step.Line, atMost int) []step.Line {
	lines = slices.Clone(lines)
	for _, marked := range []bool{false, true} {
		for i := len(lines) - 1; i >= 0 && len(lines) > atMost; i-- {
			if lines[i].Marked == marked {
				lines = slices.Delete(lines, i, i+1)
			}
		}
	}
	return lines
}

// beside sets a column to the right of another, which is so wide.
func beside(left, right []string, width int) (lines []string) {
	for i, l := range left {
		if i < len(right) {
			l = ansi.Truncate(l, width, "") + strings.Repeat(" ", max(0, width-ansi.StringWidth(l))) + "  " + right[i]
		}
		lines = append(lines, l)
	}
	return lines
}

// fitted cuts what a screen has no room for.
func fitted(lines []string, width, height int) []string {
	lines = lines[:min(len(lines), height)]
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, width, "…")
	}
	return lines
}

func padded(lines []string, height int) []string {
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines
}

// paint gives the first lines colours: one for each task, and what the last step has changed or broken stands out. The terminal's library
// leaves colours away where they are not wanted.
func paint(lines []step.Line, atMost int) (all []string) {
	for _, l := range lines[:min(len(lines), max(0, atMost))] {
		codes := []string{}
		if l.Task >= 0 {
			codes = append(codes, taskColours[l.Task%len(taskColours)])
		}
		if l.Marked {
			codes = append(codes, "1", "7")
		}
		all = append(all, style(l.Text, codes...))
	}
	return all
}

// taskColours are foreground colours that differ for colour-blind readers, too; the letter says the same.
var taskColours = []string{"36", "33", "35", "34", "32"}

func style(text string, codes ...string) string {
	if len(codes) == 0 {
		return text
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[m"
}

func bold(text string) string  { return style(text, "1") }
func faint(text string) string { return style(text, "2") }
