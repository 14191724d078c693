package workloads

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a scenario. Line and Col start at 1; Col counts bytes.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
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
