package workloads

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a scenario. Line and Col start at 1; Col counts bytes.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

func (p Pos) compare(q Pos) int {
	return cmp.Or(
		cmp.Compare(p.File, q.File),
		cmp.Compare(p.Line, q.Line),
		cmp.Compare(p.Col, q.Col),
	)
}

// SyntaxError is one mistake of a scenario: what is wrong and what was expected.
type SyntaxError struct {
	Pos Pos
	Msg string
}

func (e *SyntaxError) Error() string {
	return e.Pos.String() + ": " + e.Msg
}

// ErrorList is every mistake found, in the order of the text.
type ErrorList []*SyntaxError

// Error gives one mistake a line.
func (l ErrorList) Error() string {
	var b strings.Builder
	for i, e := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find a single *SyntaxError.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

func (l *ErrorList) addf(pos Pos, format string, args ...any) {
	*l = append(*l, &SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

// err gives nil for an empty list, else the list sorted.
func (l ErrorList) err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b *SyntaxError) int { return a.Pos.compare(b.Pos) })
	return l
}

// maxListed bounds how many known names an error message enumerates.
const maxListed = 16

// unknown words the complaint about a name that is none of known: with the
// nearest of them if one is near, else with all of them, else with hint, which
// says where such a name would come from.
func unknown(what, word string, known []string, hint string) string {
	msg := fmt.Sprintf("unknown %s %q", what, word)
	switch near := nearest(word, known); {
	case near != "":
		return fmt.Sprintf("%s, did you mean %q?", msg, near)
	case len(known) > 0 && len(known) <= maxListed:
		return msg + ", expected " + orList(known)
	case hint != "":
		return msg + ", expected " + hint
	}
	return msg
}

// orList is "a", "a or b", "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// nearest gives the known word at the smallest edit distance from word, or ""
// when none is near enough to be what was meant.
func nearest(word string, known []string) string {
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if abs(len(k)-len(word)) >= bestDistance {
			continue
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
