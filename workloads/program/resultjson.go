package program

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// resultJSON is a result in JSON, which is what explore --format json prints: docs/explore.md names every key, and keys are only ever
// added. It is about the first violation, of which a reader needs the summary of each step.
type resultJSON struct {
	Scenario         string            `json:"scenario"`
	Rules            string            `json:"rules"`
	Machine          string            `json:"machine"`
	Strategy         explore.Strategy  `json:"strategy"`
	Verdict          string            `json:"verdict"`
	Stated           *string           `json:"stated"`
	AsStated         bool              `json:"as_stated"`
	Complete         bool              `json:"complete"`
	Interrupted      bool              `json:"interrupted"`
	Executions       int               `json:"executions"`
	Earlier          int               `json:"executions_earlier"`
	Checkpoint       string            `json:"checkpoint"`
	Redundant        int               `json:"redundant"`
	Truncated        int               `json:"truncated"`
	Depth            int               `json:"depth"`
	DistinctOutcomes int               `json:"distinct_outcomes"`
	Outcomes         map[string]int    `json:"outcomes"`
	First            map[string]string `json:"first"`
	StepsMax         int               `json:"steps_max"`
	ElapsedNS        int64             `json:"elapsed_ns"`
	MemoryModel      string            `json:"memory_model"`
	Choices          []task.Choice     `json:"choices"`
	Oracles          []string          `json:"oracles"`
	ByWay            []string          `json:"oracles_by_way"`
	States           int               `json:"states"`
	Broken           []string          `json:"broken"`
	Passed           []string          `json:"passed_over"`
	Oracle           string            `json:"oracle"`
	Message          string            `json:"message"`
	Schedule         string            `json:"schedule"`
	Trace            []trace.Summary   `json:"trace"`
	Finally          []trace.Performed `json:"finally"`
	Shrunk           *explore.Shrunk   `json:"shrunk"`
	Dropped          []string          `json:"dropped"`
	Advice           *Advice           `json:"advice"`
	Observations     []Observation     `json:"observation"`
	Reached          []string          `json:"reached"`
	NeverReached     []string          `json:"never_reached"`
	Part             string            `json:"part"`
	Parts            *Parts            `json:"parts"`
	NeverOlder       []string          `json:"never_older"`
}

// MarshalJSON implements [json.Marshaler].
func (r *Result) MarshalJSON() ([]byte, error) {
	s := &r.Search
	out := resultJSON{
		Scenario: r.Scenario, Rules: r.Rules, Machine: r.Settings, Strategy: s.Strategy, Verdict: r.Verdict(), AsStated: r.OK(),
		Complete: s.Complete, Interrupted: r.Interrupted, Executions: s.Executions, Earlier: s.Earlier, Checkpoint: r.Checkpoint,
		Redundant: s.Redundant, Truncated: s.Truncated, Depth: s.Depth, DistinctOutcomes: len(r.Outcomes), Outcomes: map[string]int{}, First: map[string]string{},
		StepsMax: s.Steps, ElapsedNS: s.Elapsed.Nanoseconds(), MemoryModel: r.memoryModel(), Choices: listed(r.Choices), Oracles: listed(r.Oracles),
		ByWay: listed(r.ByWay), States: s.States,
		Broken: listed(r.Broken()), Passed: listed(r.PassedOver()), Trace: []trace.Summary{}, Finally: []trace.Performed{}, Dropped: []string{},
		Advice: r.Advice, Observations: listed(r.Observations), Reached: listed(r.Reached), NeverReached: listed(r.NeverReached), Part: r.Part, Parts: r.Parts,
	}
	out.NeverOlder = listed(r.NeverOlder)
	if r.Stated != nil {
		stated := strings.TrimPrefix(r.Stated.String(), "verdict "+r.Stated.Rules+" ")
		out.Stated = &stated
	}
	for _, o := range r.Outcomes {
		out.Outcomes[o.Text], out.First[o.Text] = o.Executions, o.First.String()
	}
	switch {
	case len(r.Violations) > 0:
		out.violation(r.Violations[0])
	case len(s.Violations) > 0: // of which no counterexample was made
		v := &Violation{Found: s.Violations[0]}
		out.Oracle, out.Message = v.Oracle(), v.Message()
		if !r.Unmade() {
			out.Schedule = v.Schedule.String()
		}
	}
	return plain(&out)
}

func (out *resultJSON) violation(v *Violation) {
	out.Oracle, out.Message, out.Schedule = v.Oracle(), v.Message(), v.Schedule.String()
	for i := range v.Trace.Steps {
		out.Trace = append(out.Trace, v.Trace.Steps[i].Summary)
	}
	out.Finally, out.Dropped, out.Shrunk = listed(v.Trace.Finally), listed(v.Trace.Dropped), v.Shrunk
}

// MarshalJSON implements [json.Marshaler].
func (o Observation) MarshalJSON() ([]byte, error) {
	return plain(struct {
		Question string `json:"question"`
		Answer   string `json:"answer"`
		Positive int    `json:"positive"`
		Negative int    `json:"negative"`
	}{o.Question, o.Answer(), o.Positive, o.Negative})
}

// memoryModel names what loads may see.
func (r *Result) memoryModel() string {
	if slices.Contains(r.Choices, task.StaleWalk) {
		return r.Memory.String() + "+stale-walk"
	}
	return r.Memory.String()
}

// listed returns an empty list for none: in JSON it is no null.
func listed[T any](all []T) []T { return append([]T{}, all...) }

// plain is json.Marshal that leaves signs of comparison as they are. Whether they are escaped says who encodes the whole.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// MarshalJSON implements [json.Marshaler].
func (a *Advice) MarshalJSON() ([]byte, error) {
	type size struct {
		Executions float64 `json:"executions"`
		Low        float64 `json:"low"`
		High       float64 `json:"high"`
		TakesNS    int64   `json:"takes_ns"`
	}
	type smaller struct {
		Without []string `json:"without"`
		size
	}
	type instead struct {
		Strategy explore.Strategy `json:"strategy"`
		Counts   string           `json:"counts"`
		Bound    int              `json:"bound"`
		size
	}
	sized := func(p *explore.Prediction, takes time.Duration) size {
		return size{math.Round(p.Executions), math.Round(p.Low), math.Round(p.High), takes.Nanoseconds()}
	}
	out := struct {
		size
		Smaller []smaller        `json:"smaller"`
		Instead []instead        `json:"instead"`
		Whole   explore.Strategy `json:"whole"`
	}{sized(&a.Predicted, a.Left), []smaller{}, []instead{}, a.Whole}
	for _, s := range a.Smaller {
		out.Smaller = append(out.Smaller, smaller{s.Without, sized(&s.Predicted, s.Takes)})
	}
	for _, b := range a.Instead {
		out.Instead = append(out.Instead, instead{b.Strategy.Name, b.Strategy.Counts, b.Bound, sized(&b.Predicted, b.Takes)})
	}
	return plain(out)
}
