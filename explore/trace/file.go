package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Version is the version of what Write writes. Keys are added to it; it grows when one changes its meaning.
const Version = 2

// file is a trace as it is written.
type file struct {
	Version int `json:"version"`
	*Trace
}

// Write writes a trace as one JSON object on a line.
func Write(w io.Writer, t *Trace) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(file{Version, t})
}

// Error says where a text is no trace, and why.
type Error struct {
	Line, Column int // from 1; in characters
	Err          error
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e.Err) }

// Unwrap returns why it is none.
func (e *Error) Unwrap() error { return e.Err }

// errorAt says what is wrong behind so many bytes of the text.
func errorAt(text []byte, offset int64, err error) error {
	before := text[:max(0, min(offset, int64(len(text))))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &Error{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(line) + 1, err}
}

// Read reads all traces that Write has written to a file. Where the text is none, the error is an [*Error].
func Read(r io.Reader) (all []*Trace, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		var object json.RawMessage
		err := d.Decode(&object)
		if err == io.EOF {
			return all, nil
		}
		if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, errorAt(text, wrong.Offset-1, wrong)
		}
		if err != nil {
			return nil, errorAt(text, int64(len(text)), errors.New("the text ends within a trace"))
		}
		t, err := decode(object)
		if err != nil {
			begin := d.InputOffset() - int64(len(object))
			if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				return nil, errorAt(text, begin+wrong.Offset, mistyped(wrong))
			}
			return nil, errorAt(text, begin, err)
		}
		all = append(all, t)
	}
}

// decode reads one trace.
func decode(object []byte) (*Trace, error) {
	var head struct{ Version int }
	if object[0] != '{' || json.Unmarshal(object, &head) == nil && head.Version == 0 {
		return nil, errors.New("no trace, expected an object with a version")
	}
	if head.Version != 0 && head.Version != Version {
		return nil, fmt.Errorf("the trace is of version %d, and this vmasim reads version %d", head.Version, Version)
	}
	f := file{Trace: &Trace{}}
	if err := json.Unmarshal(object, &f); err != nil {
		return nil, err
	}
	return f.Trace, f.check()
}

// mistyped words that a key has a value of another kind.
func mistyped(wrong *json.UnmarshalTypeError) error {
	expected := "a number"
	switch wrong.Type.Kind() {
	case reflect.Slice:
		expected = "a list"
	case reflect.Struct:
		expected = "an object"
	case reflect.Bool:
		expected = "true or false"
	case reflect.String:
		expected = "a string"
	}
	embedded := func(name string) bool { // in a field's path, and no key
		first, _ := utf8.DecodeRuneInString(name)
		return unicode.IsUpper(first)
	}
	keys := slices.DeleteFunc(strings.Split(wrong.Field, "."), embedded)
	return fmt.Errorf("%s: got %s, expected %s", strings.Join(keys, "."), wrong.Value, expected)
}

// check reports what a trace that was recorded has not: steps and tasks that are named and do not exist.
func (t *Trace) check() error {
	who := func(name string) error {
		if !slices.Contains(t.Tasks, name) {
			return fmt.Errorf("%q is none of the tasks", name)
		}
		return nil
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Number != i+1 {
			return fmt.Errorf("step %d has the number %d", i+1, s.Number)
		}
		if err := who(s.Task); err != nil {
			return fmt.Errorf("step %d: %w", s.Number, err)
		}
		if s.From < 0 || s.From >= s.Number {
			return fmt.Errorf("step %d sees what step %d wrote, expected an earlier one", s.Number, s.From)
		}
	}
	for i := range t.Finally {
		if f := &t.Finally[i]; f.From < 0 || f.From > len(t.Steps) {
			return fmt.Errorf("finally sees what step %d of %d wrote", f.From, len(t.Steps))
		}
	}
	for i := range t.Between {
		if c := &t.Between[i]; c.Step < 1 || c.Step > len(t.Steps) {
			return fmt.Errorf("what is mapped changes in step %d of %d", c.Step, len(t.Steps))
		}
	}
	for i := range t.Blocked {
		if err := who(t.Blocked[i].Task); err != nil {
			return fmt.Errorf("blocked: %w", err)
		}
	}
	for i := range t.Next {
		if err := who(t.Next[i].Task); err != nil {
			return fmt.Errorf("next: %w", err)
		}
	}
	return nil
}
