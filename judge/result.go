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
	DriftIn     uint64  // the sequence that it came in, from 1
	Unexpected  *Drift  // what both sides gave alike, where the scenario states something else; nil: nothing
	Unstable    []Drift // that did not come again when the sequence was performed again
	Kernel      host.Kernel
	Seed        uint64
	Coverage    Coverage
	Skipped     map[string]int // statements that no kernel has, by name
	Sequences   int
	Elapsed     time.Duration
}

// Merge adds up what shards of one run came to. The first drift is that of the first sequence that had one.
func Merge(all []*Result) *Result {
	sum := &Result{Name: all[0].Name, Kernel: all[0].Kernel, Seed: all[0].Seed, Coverage: newCoverage()}
	for _, r := range all {
		sum.Operations += r.Operations
		sum.Sequences += r.Sequences
		sum.Drifts += r.Drifts
		sum.Elapsed += r.Elapsed
		sum.Interrupted = sum.Interrupted || r.Interrupted
		sum.Unstable = append(sum.Unstable, r.Unstable...)
		sum.Coverage.Add(r.Coverage)
		if r.FirstDrift != nil && (sum.FirstDrift == nil || r.DriftIn < sum.DriftIn) {
			sum.FirstDrift, sum.DriftIn = r.FirstDrift, r.DriftIn
		}
	}
	return sum
}

func (l *Lab) newResult() *Result {
	return &Result{Kernel: l.Kernel(), Coverage: newCoverage()}
}
