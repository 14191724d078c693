package judge

import (
	"encoding/json"
	"time"
)

// resultJSON is a result in JSON, which is what diff --format json prints: docs/fidelity.md names every key, and keys are only ever added.
type resultJSON struct {
	Name        string         `json:"name"`
	Operations  int            `json:"operations"`
	Sequences   int            `json:"sequences,omitempty"`
	Drifts      int            `json:"drifts"`
	FirstDrift  *Drift         `json:"first_drift"`
	Unexpected  *Drift         `json:"unexpected"`
	Unstable    []Drift        `json:"unstable"`
	Kernel      string         `json:"kernel"`
	Another     *string        `json:"another_kernel"` // why the kernel is no judge
	Differences []string       `json:"differences"`
	Seed        uint64         `json:"seed,omitempty"`
	Elapsed     time.Duration  `json:"elapsed_ns"`
	Interrupted bool           `json:"interrupted"`
	Coverage    Coverage       `json:"coverage"`
	Skipped     map[string]int `json:"not_compared"`
}

// MarshalJSON implements [json.Marshaler].
func (r *Result) MarshalJSON() ([]byte, error) {
	out := resultJSON{
		Name: r.Name, Operations: r.Operations, Sequences: r.Sequences, Drifts: r.Drifts, FirstDrift: r.FirstDrift, Unexpected: r.Unexpected,
		Unstable: append([]Drift{}, r.Unstable...), Kernel: r.Kernel.Release, Differences: r.Kernel.Differences(), Seed: r.Seed,
		Elapsed: r.Elapsed, Interrupted: r.Interrupted, Coverage: r.Coverage, Skipped: r.Skipped,
	}
	if err := r.Kernel.Judges(); err != nil {
		why := err.Error()
		out.Another = &why
	}
	return json.Marshal(out)
}
