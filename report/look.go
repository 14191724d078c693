package report

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"vmasim/internal/wrap"
)

// Look is how something is shown. The zero value is black on white, and as wide as DefaultWidth.
type Look struct {
	Full  bool // where executions are drawn: every step, in the kernel's words
	Width int  // of a line, in cells; 0: DefaultWidth
	Color bool
}

// The widths of lines.
const (
	DefaultWidth = 100
	MinWidth     = 40
	MaxWidth     = 1000
)

// ParseWidth reads a width.
func ParseWidth(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < MinWidth || n > MaxWidth {
		return 0, errors.New("expected a number of columns " + widths())
	}
	return n, nil
}

func widths() string { return fmt.Sprintf("from %d to %d", MinWidth, MaxWidth) }

// width is of a line.
func (l Look) width() int {
	if l.Width == 0 {
		return DefaultWidth
	}
	return l.Width
}

// label is what a line begins with that has something beside it, in a column.
var label = regexp.MustCompile(`^ *(?:\S+: +|\S(?:[^ ]| [^ ])*  +)`)

// commandOf is a line that is a command, perhaps behind what it does.
var commandOf = regexp.MustCompile(`^(\w+: )?vmasim `)

// Text breaks the lines of a text between words. Behind a label, lines go on below what it is of; a command of vmasim stays one.
func (l Look) Text(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		indent := indentation(line)
		command := commandOf.FindStringSubmatch(bare)
		switch beside := len([]rune(label.FindString(line))); {
		case command != nil:
			l.command(&b, line[:indent]+command[1], bare[len(command[1]):])
		case beside > 0 && beside <= l.width()/2:
			b.WriteString(wrap.Text(line, l.width(), strings.Repeat(" ", beside-indent)))
		default:
			l.line(&b, line)
		}
	}
	return b.String()
}

// Source breaks the comments of a scenario, which stays what it is: its statements are as wide as they are. Where there is no width, nothing
// is broken, so that a file is.
func (l Look) Source(text string) string {
	if l.Width == 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			line = wrap.Text(line, l.width(), "# ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// line writes a line, broken between words where it is too wide.
func (l Look) line(b *strings.Builder, text string) { b.WriteString(wrap.Text(text, l.width(), "  ")) }

// named writes a text behind what it is about.
func (l Look) named(b *strings.Builder, name, text string) {
	column := "          "
	line := fmt.Sprintf("%-*s %s", len(column)-1, name, text)
	if name == "" {
		column = "" // which the line begins with
	}
	b.WriteString(wrap.Text(line, l.width(), column))
}

// command writes a command of the shell, which stays one where it is broken: its words stay whole.
func (l Look) command(b *strings.Builder, label, text string) {
	const hang, goesOn = "  ", ` \`
	at, quoted := label, false
	if first, _, _ := strings.Cut(text, " "); wrap.Cells(label+first+goesOn) > l.width() {
		l.line(b, label)
		at = hang
	}
	for i, word := range strings.Split(text, " ") {
		switch {
		case i == 0:
		case wrap.Cells(at)+1+wrap.Cells(word)+len(goesOn) <= l.width():
			at += " "
		case quoted: // blanks are blanks in a schedule
			b.WriteString(at + "\n")
			at = hang
		default:
			b.WriteString(at + goesOn + "\n")
			at = hang
		}
		at += word
		quoted = quoted != (strings.Count(word, "'")%2 == 1)
	}
	b.WriteString(at + "\n")
}
