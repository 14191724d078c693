package lesson

import (
	"context"
	"encoding/json"
	"fmt"
)

// Request is what a page asks about a lesson.
type Request struct {
	Lesson string `json:"lesson"`
	Step   int    `json:"step"` // from 0
	Choice string `json:"choice"`
}

// Answer answers what a page asks: which lessons there are, where the moves of a step lead, and what came of a prediction. between is called
// now and then during a search. It reports false for what it does not know.
func Answer(ctx context.Context, what string, text []byte, between func()) (answer any, known bool, err error) {
	if what == "lessons" {
		answer, err = Lessons()
		return answer, true, err
	}
	if what != "place" && what != "reveal" {
		return nil, false, nil
	}
	var r Request
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, true, fmt.Errorf("the request cannot be read: %w", err)
	}
	l, err := Find(r.Lesson)
	if err != nil {
		return nil, true, err
	}
	if what == "reveal" {
		answer, err = l.Reveal(ctx, r.Step, r.Choice, between)
		return answer, true, err
	}
	run, err := l.Place(ctx, r.Step)
	return map[string]string{"schedule": run}, true, err
}
