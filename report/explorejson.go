package report

import (
	"io"
	"strings"

	"vmasim/workloads/program"
)

func newExploreJSON(w io.Writer, _ bool) func(*program.Result) error {
	encoder := encoderTo(w)
	return func(r *program.Result) error { return encoder.Encode(r) }
}

func newEvents(w io.Writer, _ bool) func(*program.Result) error {
	return func(r *program.Result) error {
		b := &strings.Builder{}
		for _, v := range r.Violations {
			if err := events(b, r.Scenario, v.Oracle(), v.Trace); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}
