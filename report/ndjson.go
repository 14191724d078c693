package report

import (
	"strings"

	"vmasim/explore/trace"
)

// event is one line of --format ndjson.
type event struct {
	Scenario string `json:"scenario"`
	Oracle   string `json:"oracle"`
	trace.Record
}

// events writes the steps of an execution, one object a line.
func events(b *strings.Builder, t *trace.Trace, _ Look) error {
	encoder := encoderTo(b)
	for i := range t.Steps {
		if err := encoder.Encode(event{t.Scenario, t.Oracle(), t.Steps[i].Record}); err != nil {
			return err
		}
	}
	return nil
}

// data writes an execution as it is.
func data(b *strings.Builder, t *trace.Trace, _ Look) error { return trace.Write(b, t) }
