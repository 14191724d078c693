package program

import (
	"vmasim/explore"
	"vmasim/internal/task"
)

// generatedJSON is a hunt in JSON, which is what explore --generate --format json prints: one object. docs/explore.md names every key, and
// keys are only ever added.
type generatedJSON struct {
	Rules       string             `json:"rules"`
	Against     string             `json:"against"`
	Calls       []string           `json:"calls"`
	Choices     []string           `json:"choices"`
	Seed        uint64             `json:"seed"`
	Strategies  []explore.Strategy `json:"strategies"`
	Bound       int                `json:"executions_each"`
	Programs    int                `json:"programs"`
	Done        int                `json:"done"`
	Interrupted bool               `json:"interrupted"`
	TimedOut    bool               `json:"timed_out"`
	Counts      map[Change]int     `json:"counts"`
	Both        int                `json:"violated_under_both"`
	Differing   int                `json:"differing"`
	Executions  int                `json:"executions"`
	Elapsed     int64              `json:"elapsed_ns"`
	Reached     map[string]int     `json:"reached"`
	Never       []string           `json:"never_reached"`
	Difference  *differenceJSON    `json:"difference"`
	Shard       string             `json:"shard"`
	Parts       *Parts             `json:"parts"`
}

// differenceJSON is the program that differs.
type differenceJSON struct {
	Program  int    `json:"program"`
	Message  string `json:"message"`
	Under    string `json:"under"`
	Scenario string `json:"scenario"`
	File     string `json:"file"`
	Compared *Pair  `json:"compared"`
}

// MarshalJSON implements [json.Marshaler].
func (g *Generated) MarshalJSON() ([]byte, error) {
	out := generatedJSON{
		Rules: g.Rules, Against: g.Against, Calls: listed(g.Calls), Choices: listed(g.May), Seed: g.Seed, Strategies: listed(g.Strategies),
		Bound: g.Bound, Programs: g.Programs, Done: g.Done, Interrupted: g.Interrupted, TimedOut: g.TimedOut, Counts: map[Change]int{},
		Both: g.Both, Differing: g.Differing, Executions: g.Executions, Elapsed: g.Elapsed.Nanoseconds(), Reached: g.Reached, Never: listed(g.NeverReached()), Shard: g.Shard, Parts: g.Parts,
	}
	for _, change := range Changes() {
		out.Counts[change] = g.Counts[change]
	}
	if d := g.Difference; d != nil {
		out.Difference = &differenceJSON{d.Program, d.Message, d.Under, d.Text, d.File, d.Pair}
	}
	return plain(&out)
}

// NeverReached returns the points that no program has reached.
func (g *Generated) NeverReached() (names []string) {
	for _, name := range task.AllPoints().Names() {
		if g.Reached[name] == 0 {
			names = append(names, name)
		}
	}
	return names
}
