// Package wrap breaks lines of text so that they fit.
package wrap

import "strings"

// Text breaks each line of a text between words, so that it takes at most width cells. The rest of it goes on in lines that begin with
// the blanks of the first, and hang. A word that is wider has a line to itself, or is broken behind commas.
func Text(text string, width int, hang string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for _, part := range Line(strings.TrimSuffix(line, "\n"), width, hang) {
			b.WriteString(part + "\n")
		}
	}
	return b.String()
}

// Bound is a blank that no line is broken at unless there is no other way.
const Bound = "\u00a0"

// Line breaks one line, as Text does.
func Line(line string, width int, hang string) (lines []string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	hang = indent + hang
	at, begun := indent, false
	end := func() {
		lines = append(lines, strings.TrimRight(strings.ReplaceAll(at, Bound, " "), " "))
		at, begun = hang, false
	}
	for rest := line[len(indent):]; rest != ""; {
		var gap, word string
		gap, word, rest = nextWord(rest)
		if begun && Cells(at)+Cells(gap)+Cells(word) > width {
			end()
		}
		if begun {
			at += gap
		}
		for _, piece := range pieces(word, width-Cells(at)) {
			if begun && Cells(at)+Cells(piece) > width {
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

// pieces breaks a word that takes more than width cells: at the blanks that are Bound, or else behind commas.
func pieces(word string, width int) []string {
	switch {
	case Cells(word) <= width:
		return []string{word}
	case strings.Contains(word, Bound):
		return strings.SplitAfter(word, Bound)
	}
	return strings.SplitAfter(word, ",")
}
