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
	messageLines = 3 // of a message; longer ones are a page
	cellLines    = 8 // at most, where they stand below the steps
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

// place shows where the session stands: what the tasks would do next, the last steps, the cells, and the message.
func (m *model) place(height int) []string {
	left := m.width
	if m.width >= wide {
		left = m.width * 3 / 5
	}
	next := step.Wrap(slices.Concat(m.s.NextLines(), m.s.EndLines()), left, 4)
	message := step.Wrap(m.message, m.width, 2)
	message = message[:min(len(message), messageLines)]
	cells := step.Wrap(m.s.CellLines(false), m.width-left, 6)
	below := len(message)
	if left == m.width {
		cells = step.Wrap(m.s.CellLines(false), m.width, 6)
		cells = cells[:min(len(cells), cellLines, max(0, height-below-3)/2)]
		below += len(cells)
	}
	next = next[:min(len(next), max(2, height-below-2))]
	room := max(0, height-below-len(next)-2)
	steps := step.Wrap(m.s.StepLines(max(0, m.s.At()-room)), left, 8)
	steps = steps[max(0, len(steps)-room):]
	column := slices.Concat(paint(next, height), []string{faint(strings.Repeat("─", left))}, padded(paint(steps, room), room),
		[]string{faint(strings.Repeat("─", left))})
	if left == m.width {
		return slices.Concat(column, paint(cells, cellLines), paint(message, messageLines))
	}
	cells = append(cells, step.Wrap(m.s.MapLines(), m.width-left-2, 4)...)
	return slices.Concat(beside(column, paint(cells, len(column)), left), paint(message, messageLines))
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
