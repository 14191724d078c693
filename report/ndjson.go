package report

import (
	"io"

	"vmasim/explore/trace"
)

// event is one line of --format ndjson.
type event struct {
	Scenario string `json:"scenario"`
	Oracle   string `json:"oracle"`
	trace.Record
}

// events writes the steps of a counterexample, one object a line.
func events(w io.Writer, scenario, oracle string, t *trace.Trace) error {
	encoder := encoderTo(w)
	for i := range t.Steps {
		if err := encoder.Encode(event{scenario, oracle, t.Steps[i].Record}); err != nil {
			return err
		}
	}
	return nil
}
