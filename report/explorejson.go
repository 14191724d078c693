package report

import (
	"io"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/task"
	"vmasim/workloads/program"
)

// explored is the object that explore --format json prints. docs/explore.md names every key; keys are only ever added.
type explored struct {
	Scenario         string            `json:"scenario"`
	Rules            string            `json:"rules"`
	Machine          string            `json:"machine"`
	Strategy         string            `json:"strategy"`
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
	StepsMax         int               `json:"steps_max"`
	ElapsedNS        int64             `json:"elapsed_ns"`
	MemoryModel      string            `json:"memory_model"`
	Choices          []string          `json:"choices"`
	Oracles          []string          `json:"oracles"`
	Broken           []string          `json:"broken"`
	Passed           []string          `json:"passed_over"`
	Oracle           string            `json:"oracle"`
	Message          string            `json:"message"`
	Schedule         string            `json:"schedule"`
	Trace            []trace.Summary   `json:"trace"`
	Finally          []trace.Performed `json:"finally"`
	Shrunk           *shrunk           `json:"shrunk"`
	Dropped          []string          `json:"dropped"`
	Observation      []observation     `json:"observation"`
	Reached          []string          `json:"reached"`
	NeverReached     []string          `json:"never_reached"`
}

type shrunk struct {
	From explore.Size `json:"from"`
	To   explore.Size `json:"to"`
}

type observation struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
	Positive int    `json:"positive"`
	Negative int    `json:"negative"`
}

func newExploreJSON(w io.Writer, _ bool) func(*program.Result) error {
	encoder := encoderTo(w)
	return func(r *program.Result) error { return encoder.Encode(exploredOf(r)) }
}

func memoryModel(r *program.Result) string {
	if slices.Contains(r.Choices, task.StaleWalk) {
		return "sc+stale-walk"
	}
	return "sc"
}

func exploredOf(r *program.Result) *explored {
	s := &r.Search
	out := &explored{
		Scenario: r.Scenario, Rules: r.Rules, Machine: r.Settings, Strategy: string(s.Strategy), Verdict: r.Verdict(), AsStated: r.OK(), Complete: s.Complete,
		Interrupted: r.Interrupted, Executions: s.Executions, Earlier: s.Earlier, Checkpoint: r.Checkpoint, Redundant: s.Redundant, Truncated: s.Truncated, Depth: s.Depth,
		DistinctOutcomes: len(r.Outcomes), Outcomes: map[string]int{}, StepsMax: s.Steps, ElapsedNS: s.Elapsed.Nanoseconds(),
		MemoryModel: memoryModel(r), Choices: []string{}, Oracles: r.Oracles, Broken: append([]string{}, r.Broken()...), Passed: append([]string{}, r.PassedOver()...),
		Trace: []trace.Summary{}, Finally: []trace.Performed{}, Dropped: []string{}, Observation: []observation{}, Reached: append([]string{}, r.Reached...),
		NeverReached: append([]string{}, r.NeverReached...),
	}
	if r.Stated != nil {
		stated := strings.TrimPrefix(r.Stated.String(), "verdict "+r.Stated.Rules+" ")
		out.Stated = &stated
	}
	for _, c := range r.Choices {
		out.Choices = append(out.Choices, string(c))
	}
	for _, o := range r.Outcomes {
		out.Outcomes[o.Text] = o.Executions
	}
	for _, o := range r.Observations {
		out.Observation = append(out.Observation, observation{o.Question, o.Answer(), o.Positive, o.Negative})
	}
	if len(r.Violations) > 0 {
		out.violation(r.Violations[0])
	}
	return out
}

func (out *explored) violation(v *program.Violation) {
	out.Oracle, out.Message, out.Schedule = v.Oracle(), v.Message(), v.Schedule.String()
	for i := range v.Trace.Steps {
		out.Trace = append(out.Trace, v.Trace.Steps[i].Summary)
	}
	out.Finally = append(out.Finally, v.Trace.Finally...)
	out.Dropped = append(out.Dropped, v.Dropped...)
	if v.Shrunk != nil {
		out.Shrunk = &shrunk{v.Shrunk.From, v.Shrunk.To}
	}
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
