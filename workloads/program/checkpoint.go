package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vmasim/internal/task"
)

// kept is what of the executions so far a checkpoint holds.
type kept struct {
	Without   []string      `json:"without"`
	Behind    string        `json:"behind"` // what is gone on behind
	Questions []string      `json:"questions"`
	Outcomes  []keptOutcome `json:"outcomes"`
	Reached   []string      `json:"reached"` // counters
	Points    task.Points   `json:"points"`
}

type keptOutcome struct {
	Text    string   `json:"text"`
	Answers []bool   `json:"answers"`
	Results []string `json:"results"`
}

// Keep implements [explore.Program].
func (p *Program) Keep() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := kept{Without: p.withoutSorted(), Behind: p.passText(), Questions: p.questions()}
	for _, text := range slices.Sorted(maps.Keys(p.outcomes)) {
		o := p.outcomes[text]
		k.Outcomes = append(k.Outcomes, keptOutcome{text, o.answers, slices.Sorted(maps.Keys(o.results))})
	}
	k.Points = p.points
	for c := range p.reached {
		k.Reached = append(k.Reached, c.String())
	}
	slices.Sort(k.Reached)
	return json.Marshal(k)
}

func (p *Program) withoutSorted() []string { return slices.Sorted(slices.Values(p.without)) }

func (p *Program) questions() (all []string) {
	for _, q := range p.scenario.Questions {
		all = append(all, q.String())
	}
	return all
}

// Recall implements [explore.Program].
func (p *Program) Recall(text []byte) error {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("is damaged: %w", err)
	}
	if !slices.Equal(k.Without, p.withoutSorted()) {
		return fmt.Errorf("belongs to a search %s, this is one %s", oraclesBut(k.Without), oraclesBut(p.without))
	}
	if k.Behind != p.passText() {
		return fmt.Errorf("belongs to a search %s, this is one %s", behindText(k.Behind), behindText(p.passText()))
	}
	if !slices.Equal(k.Questions, p.questions()) {
		return errors.New("answers other questions than the scenario asks")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range k.Outcomes {
		results := map[string]bool{}
		for _, r := range o.Results {
			results[r] = true
		}
		p.outcomes[o.Text] = &outcome{text: o.Text, answers: o.Answers, results: results}
	}
	p.points |= k.Points
	for c := range task.NumCounters {
		if slices.Contains(k.Reached, c.String()) {
			p.reached[c] = true
		}
	}
	return nil
}

func oraclesBut(without []string) string {
	if len(without) == 0 {
		return "with all oracles"
	}
	return "without " + strings.Join(without, ",")
}

func behindText(behind string) string {
	if behind == "" {
		return "that goes on behind nothing"
	}
	return "for " + behind
}

// come notes points that were come to.
func (p *Program) come(points task.Points) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points |= points
}

// reach notes that a branch was taken.
func (p *Program) reach(c task.Counter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached[c] = true
}
