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
	new  func(w io.Writer, full bool) func(T) error
}

// New returns a function that writes one after the other to w, each in one write. It returns w's errors. Where executions are drawn, full
// shows every step.
func (f Format[T]) New(w io.Writer, full bool) func(T) error { return f.new(w, full) }

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
