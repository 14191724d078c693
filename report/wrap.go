package report

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// cells is how many cells of a terminal a text takes.
func cells(text string) int { return ansi.StringWidth(text) }

// Wrap breaks each line of a text between words, so that it takes at most width cells. The rest of it goes on in lines that begin with
// the blanks of the first, and hang. A word that is wider has a line to itself, or is broken behind commas.
func Wrap(text string, width int, hang string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for _, part := range wrapped(strings.TrimSuffix(line, "\n"), width, hang) {
			b.WriteString(part + "\n")
		}
	}
	return b.String()
}

// bound is a blank that no line is broken at unless there is no other way.
const bound = "\u00a0"

// wrapped breaks one line.
func wrapped(line string, width int, hang string) (lines []string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	hang = indent + hang
	at, begun := indent, false
	end := func() {
		lines = append(lines, strings.TrimRight(strings.ReplaceAll(at, bound, " "), " "))
		at, begun = hang, false
	}
	for rest := line[len(indent):]; rest != ""; {
		var gap, word string
		gap, word, rest = nextWord(rest)
		if begun && cells(at)+cells(gap)+cells(word) > width {
			end()
		}
		if begun {
			at += gap
		}
		for _, piece := range pieces(word, width-cells(at)) {
			if begun && cells(at)+cells(piece) > width {
				end()
			}
			at, begun = at+piece, true
		}
	}
	if begun || lines == nil {
		end()
	}
	return lines
}

// nextWord splits a text behind its first word.
func nextWord(text string) (gap, word, rest string) {
	trimmed := strings.TrimLeft(text, " ")
	gap = text[:len(text)-len(trimmed)]
	if i := strings.IndexByte(trimmed, ' '); i >= 0 {
		return gap, trimmed[:i], trimmed[i:]
	}
	return gap, trimmed, ""
}

// pieces breaks a word that takes more than width cells: at the blanks that are bound, or else behind commas.
func pieces(word string, width int) []string {
	switch {
	case cells(word) <= width:
		return []string{word}
	case strings.Contains(word, bound):
		return strings.SplitAfter(word, bound)
	}
	return strings.SplitAfter(word, ",")
}
