package report

import (
	"encoding/json"
	"io"

	"vmasim/workloads/driver"
)

func newJSON(w io.Writer, _ Look) func(*driver.Result) error {
	encoder := encoderTo(w)
	return func(r *driver.Result) error {
		out := *r
		out.Waits, out.FaultTimes = listed(out.Waits), listed(out.FaultTimes)
		out.Unexpected, out.Violations = listed(out.Unexpected), listed(out.Violations)
		return encoder.Encode(&out)
	}
}

// encoderTo returns an encoder that leaves signs of comparison as they are.
func encoderTo(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// listed makes no list an empty one.
func listed[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
