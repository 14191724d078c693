package play

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"vmasim/classroom/compare"
	"vmasim/explore"
	"vmasim/explore/trace"
)

// Comparing is a run and what it is put beside: rules, or another run.
type Comparing struct {
	Request        // whose schedule is the run
	Against string `json:"against"` // rules, or a schedule
}

// Pair is two runs side by side.
type Pair struct{ *trace.Pair }

// MarshalJSON implements [json.Marshaler].
func (p *Pair) MarshalJSON() ([]byte, error) { return json.Marshal(p.Pair) }

// State returns what both have come to behind some rows.
func (p *Pair) State(rows int) *compare.State { return compare.StateAt(p.Pair, rows) }

// Compare puts a run beside the same under other rules, or beside another run. between is called before each run that it takes, and tell is told how
// many these are.
func Compare(r *Comparing, between func(), tell func(Progress)) (*Pair, error) {
	sc, setting, err := r.parse()
	if err != nil {
		return nil, err
	}
	if r.Schedule == "" {
		return nil, errors.New("there is no run to compare: explore, or step")
	}
	first, err := explore.ParseSchedule(r.Schedule)
	if err != nil {
		return nil, err
	}
	against := strings.TrimSpace(r.Against)
	switch {
	case against == "":
		return nil, errors.New("nothing to compare with was named: expected rules, as linux-6.18, or a schedule, as v2:… is one")
	case !strings.Contains(against, ":"):
		runs := 0
		pair, err := compare.Under(sc, setting, first, against, func() {
			between()
			runs++
			tell(Progress{Executions: runs})
		})
		return &Pair{pair}, err
	}
	second, err := explore.ParseSchedule(against)
	if err != nil {
		return nil, fmt.Errorf("the other run: %w", err)
	}
	pair, err := compare.Runs(sc, setting, first, second)
	return &Pair{pair}, err
}
