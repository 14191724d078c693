package judge

import (
	"time"

	"vmasim/judge/host"
)

// Result is what came of a comparison.
type Result struct {
	Name        string // of the scenario, or "random"
	Interrupted bool
	Operations  int
	Drifts      int
	FirstDrift  *Drift  // nil: none
	Unexpected  *Drift  // what both sides gave alike, where the scenario states something else; nil: nothing
	Unstable    []Drift // that did not come again when the sequence was performed again
	Kernel      host.Kernel
	Seed        uint64
	Coverage    Coverage
	Skipped     map[string]int // statements that no kernel has, by name
	Sequences   int
	Elapsed     time.Duration
}

func (l *Lab) newResult() *Result {
	return &Result{Kernel: l.Kernel(), Coverage: newCoverage()}
}
