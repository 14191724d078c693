package report

import (
	"errors"
	"io"

	"vmasim/internal/suggest"
)

// Format is a way to word something: what came of a run or a search, or an execution.
type Format[T any] struct {
	Name string
	Help string
	new  func(w io.Writer, look Look) func(T) error
}

// New returns a function that writes one after the other to w, each in one write, with that look. It returns w's errors.
func (f Format[T]) New(w io.Writer, look Look) func(T) error { return f.new(w, look) }

// FormatByName finds a format.
func FormatByName[T any](all []Format[T], name string) (Format[T], error) {
	names := make([]string, len(all))
	for i, f := range all {
		if names[i] = f.Name; f.Name == name {
			return f, nil
		}
	}
	return Format[T]{}, errors.New(suggest.Unknown("format", name, names, ""))
}

func named(scenario, title string) string {
	if title == "" {
		return scenario
	}
	return scenario + ": " + title
}
