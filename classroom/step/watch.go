package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/classroom/explain"
	"vmasim/explore/trace"
	"vmasim/internal/suggest"
)

// Watch is what a reader watches: a cell, or a comparison of two values.
//
//	watch = value [("==" | "!=" | "<" | "<=" | ">" | ">=") value]
//	value = a cell, as vma#1.vm_refcnt | a number | NULL | an object, as vma#2
//
// A cell alone is watched for its changes, a comparison for becoming true.
type Watch struct {
	left, right string
	op          string // "": a cell alone
}

// comparisons are the operators, the longer before those that they begin with.
var comparisons = []string{"==", "!=", "<=", ">=", "<", ">"}

func (w Watch) String() string {
	if w.op == "" {
		return w.left
	}
	return w.left + " " + w.op + " " + w.right
}

// WatchError says where in the text of a watch a mistake is.
type WatchError struct {
	Column int // in bytes, from 1
	Text   string
}

func (e *WatchError) Error() string { return fmt.Sprintf("watch:1:%d: %s", e.Column, e.Text) }

// ParseWatch reads a watch.
func ParseWatch(text string) (w Watch, err error) {
	p := watchParser{text: text}
	if w.left, err = p.value(); err != nil {
		return Watch{}, err
	}
	begin := p.at
	if w.op = p.operator(); w.op != "" {
		w.right, err = p.value()
	} else if !isName(w.left) {
		return Watch{}, &WatchError{begin + 1, "expected a comparison behind " + w.left + ": a value that does not change is nothing to watch"}
	}
	if err == nil && w.op != "" && !isName(w.left) && !isName(w.right) {
		return Watch{}, &WatchError{1, "expected a cell on one side of " + w.op}
	}
	if rest := strings.TrimSpace(p.text[p.at:]); err == nil && rest != "" {
		p.blanks()
		expected := "expected nothing more"
		if w.op == "" {
			expected = "expected one of " + strings.Join(comparisons, " ")
		}
		return Watch{}, &WatchError{p.at + 1, expected + ", got " + suggest.Quote(rest)}
	}
	if err != nil {
		return Watch{}, err
	}
	return w, nil
}

// isName reports whether a value is a cell or an object, and no constant.
func isName(value string) bool {
	return value != "NULL" && (value[0] < '0' || value[0] > '9')
}

type watchParser struct {
	text string
	at   int
}

func (p *watchParser) blanks() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

func (p *watchParser) operator() string {
	p.blanks()
	for _, op := range comparisons {
		if strings.HasPrefix(p.text[p.at:], op) {
			p.at += len(op)
			return op
		}
	}
	return ""
}

// value reads a cell, an object, a number or NULL.
func (p *watchParser) value() (string, error) {
	p.blanks()
	begin := p.at
	for p.at < len(p.text) && isWord(p.text[p.at]) {
		p.at++
	}
	word := p.text[begin:p.at]
	switch {
	case word == "" && p.at == len(p.text):
		return "", &WatchError{begin + 1, "expected a cell, as vma#1.vm_refcnt, or a number, got the end"}
	case word == "":
		return "", &WatchError{begin + 1, "expected a cell, as vma#1.vm_refcnt, or a number, got " + suggest.Quote(strings.TrimSpace(p.text[begin:]))}
	case word[0] >= '0' && word[0] <= '9':
		if _, err := strconv.ParseUint(word, 0, 64); err != nil {
			return "", &WatchError{begin + 1, suggest.Quote(word) + " is no number: expected digits, or 0x and hexadecimal ones"}
		}
	case strings.ContainsRune("#.[]+", rune(word[0])):
		return "", &WatchError{begin + 1, "expected a name to begin with a letter, got " + suggest.Quote(word)}
	}
	return word, nil
}

// isWord reports whether a byte can be in the name of a cell, or in a number.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_#.[]+", c) >= 0
}

// Watched is a watch where a session stands.
type Watched struct {
	Watch   string `json:"watch"`
	Value   string `json:"value"`  // of a cell; of a comparison true or false; "" where a cell was not touched yet
	Before  string `json:"before"` // the last step
	Changed bool   `json:"changed"`
	Of      []Part `json:"of"` // the cells of a comparison
}

// Part is a cell in a comparison.
type Part struct {
	Cell  string `json:"cell"`
	Value string `json:"value"`
}

// values are those of the cells after some steps.
type values map[string]string

// valuesOf returns the values that cells have after the first steps of a trace. The first step that touches a cell tells what it was before.
func valuesOf(t *trace.Trace, steps int) values {
	v := values{}
	for i := range t.Steps {
		st := &t.Steps[i]
		if _, seen := v[st.Cell]; !seen && st.Cell != "" && st.Was != "" {
			v[st.Cell] = st.Was
		}
	}
	for i := range t.Steps[:steps] {
		v.take(&t.Steps[i])
	}
	return v
}

// take notes what a step has left.
func (v values) take(st *trace.Step) {
	if st.Cell != "" && st.Is != "" && st.Writes() {
		v[st.Cell] = st.Is
	}
}

// of returns the value of a cell, or of a constant; "" for a cell that was not touched yet.
func (v values) of(word string) string {
	if value, ok := v[word]; ok || strings.Contains(word, ".") {
		return value
	}
	return word // a constant, or an object that a cell may point to
}

// eval returns the value of a watch.
func (w Watch) eval(v values) string {
	if w.op == "" {
		return v[w.left]
	}
	l, r := v.of(w.left), v.of(w.right)
	if l == "" || r == "" {
		return ""
	}
	a, err := strconv.ParseUint(l, 0, 64)
	b, err2 := strconv.ParseUint(r, 0, 64)
	numbers := err == nil && err2 == nil
	equal := l == r || numbers && a == b
	switch w.op {
	case "==":
		return strconv.FormatBool(equal)
	case "!=":
		return strconv.FormatBool(!equal)
	case "<":
		return strconv.FormatBool(numbers && a < b)
	case "<=":
		return strconv.FormatBool(numbers && a <= b)
	case ">":
		return strconv.FormatBool(numbers && a > b)
	default:
		return strconv.FormatBool(numbers && a >= b)
	}
}

// stops reports whether a change of a watch's value is one that a reader waits for.
func (w Watch) stops(before, now string) bool {
	if w.op == "" {
		return before != "" && before != now
	}
	return before != "true" && now == "true"
}

// at returns a watch where a trace ends.
func (w Watch) at(before, now values) Watched {
	is := Watched{Watch: w.String(), Value: w.eval(now), Before: w.eval(before)}
	is.Changed = is.Before != is.Value && is.Before != ""
	if w.op != "" {
		for _, word := range []string{w.left, w.right} {
			if strings.Contains(word, ".") {
				is.Of = append(is.Of, Part{word, now[word]})
			}
		}
	}
	return is
}

// Watched returns what is watched, with the values here.
func (s *Session) Watched() []Watched {
	all := make([]Watched, 0, len(s.watches))
	if len(s.watches) == 0 {
		return all
	}
	before := valuesOf(s.trace, max(0, s.at-1))
	now := valuesOf(s.trace, s.at)
	for _, w := range s.watches {
		all = append(all, w.at(before, now))
	}
	return all
}

// Watch watches a cell or a comparison from now on.
func (s *Session) Watch(text string) error {
	w, err := ParseWatch(text)
	if err != nil {
		return err
	}
	t, _, err := s.coming("", 0)
	if err != nil {
		return err
	}
	names := known(t)
	for _, side := range []*string{&w.left, &w.right} {
		if *side == "" || !isName(*side) {
			continue
		}
		name, err := cellNamed(*side, names)
		if err != nil {
			return &WatchError{strings.Index(text, *side) + 1, err.Error()}
		}
		*side = name
	}
	if !strings.Contains(w.left, ".") && (w.op == "" || !strings.Contains(w.right, ".")) {
		return &WatchError{1, "expected a cell, as vma#1.vm_refcnt, got " + suggest.Quote(text)}
	}
	if slices.Contains(s.watches, w) {
		return fmt.Errorf("%s is watched already", w)
	}
	s.watches = append(s.watches, w)
	return nil
}

// cellNamed returns the cell that a word names. One that no step has touched is known by its field.
func cellNamed(word string, names []string) (string, error) {
	name, err := resolve(word, names)
	if err == nil {
		return name, nil
	}
	object, field, of := strings.Cut(word, ".")
	field, _, _ = strings.Cut(field, "[")
	if _, number, ok := strings.Cut(object, "#"); of && (ok && number != "" || slices.Contains(names, object)) {
		if _, unknown := explain.Find(field); unknown == nil {
			return word, nil
		}
	}
	return "", err
}

// Unwatch ends a watch: the i-th, from 1, or that of this text.
func (s *Session) Unwatch(which string) error {
	i := slices.IndexFunc(s.watches, func(w Watch) bool { return w.String() == which })
	if n, err := strconv.Atoi(which); err == nil {
		i = n - 1
	} else if w, err := ParseWatch(which); err == nil && i < 0 {
		i = slices.Index(s.watches, w)
	}
	if i < 0 || i >= len(s.watches) {
		var all []string
		for _, w := range s.watches {
			all = append(all, w.String())
		}
		return errors.New(suggest.Unknown("watch", which, all, fmt.Sprintf("one that is watched, or its number, up to %d", len(all))))
	}
	s.watches = slices.Delete(s.watches, i, i+1)
	return nil
}

// Until goes on to the first step that changes a cell that is watched, or makes a comparison true.
func (s *Session) Until(task string) error {
	if len(s.watches) == 0 {
		return errors.New("nothing is watched: watch a cell or a comparison first")
	}
	var v values
	var before []string
	return s.seek(task, "a watch changes, or becomes true", func(t *trace.Trace, st *trace.Step) bool {
		if v == nil || st.Number == s.at+1 {
			v, before = valuesOf(t, st.Number-1), nil
			for _, w := range s.watches {
				before = append(before, w.eval(v))
			}
		}
		v.take(st)
		stop := false
		for i, w := range s.watches {
			now := w.eval(v)
			stop = stop || w.stops(before[i], now)
			before[i] = now
		}
		return stop
	})
}

// watch is the command of [Session.Watch]; without a watch it lists them.
func watch(_ context.Context, s *Session, args []string) (Answer, error) {
	if len(args) > 0 {
		if err := s.Watch(strings.Join(args, " ")); err != nil {
			return Answer{}, err
		}
	} else if len(s.watches) == 0 {
		return Answer{}, errors.New("nothing is watched, expected a cell or a comparison, as vma#1.vm_refcnt > 1")
	}
	return Answer{Lines: Texts(s.WatchLines())}, nil
}

// unwatch is the command of [Session.Unwatch]; without a watch it ends all.
func unwatch(_ context.Context, s *Session, args []string) (Answer, error) {
	if len(args) == 0 {
		s.watches = nil
		return Answer{Lines: []string{"nothing is watched"}}, nil
	}
	err := s.Unwatch(strings.Join(args, " "))
	return Answer{Lines: Texts(s.WatchLines())}, err
}

// until is the command of [Session.Until].
func until(_ context.Context, s *Session, args []string) (Answer, error) {
	if len(args) == 0 {
		return moved(s.Until(""))
	}
	return moved(one(args, "a task, or none", s.Until))
}

// WatchLines are what is watched. The last step's change is marked.
func (s *Session) WatchLines() (lines []Line) {
	for i, w := range s.Watched() {
		mark, value := " ", w.Value
		if value == "" {
			value = "not touched yet"
		}
		if w.Changed {
			mark, value = "*", w.Before+" -> "+value
		}
		line := fmt.Sprintf("%s watch %d: %s: %s", mark, i+1, w.Watch, value)
		for j, p := range w.Of {
			line += [...]string{"  (", ", "}[min(j, 1)] + p.Cell + " = " + or(p.Value, "not touched yet")
		}
		if len(w.Of) > 0 {
			line += ")"
		}
		lines = append(lines, Line{line, -1, w.Changed})
	}
	return lines
}

// or returns the first text, or the other where that is empty.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
