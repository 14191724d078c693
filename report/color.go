package report

import "github.com/charmbracelet/x/ansi"

// taskColors are the colours of tasks, which take turns: none is that of what is violated.
var taskColors = [...]ansi.BasicColor{ansi.Cyan, ansi.Yellow, ansi.Magenta, ansi.Green, ansi.Blue}

// task colours what a task does.
func (l Look) task(n int, text string) string {
	return l.style(ansi.Style{}.ForegroundColor(taskColors[n%len(taskColors)]), text)
}

// violated returns how the step of a task is coloured in which a rule is broken.
func (l Look) violated(n int) func(string) string {
	return func(text string) string {
		return l.style(ansi.Style{}.Bold().ForegroundColor(taskColors[n%len(taskColors)]), text)
	}
}

// red colours what is violated.
func (l Look) red(text string) string {
	return l.style(ansi.Style{}.Bold().ForegroundColor(ansi.Red), text)
}

func (l Look) style(s ansi.Style, text string) string {
	if !l.Color || text == "" {
		return text
	}
	return s.Styled(text)
}
