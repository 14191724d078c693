package lesson

import (
	"context"
	"encoding/json"
	"fmt"
)

// Request is what a page asks about a lesson or a level.
type Request struct {
	Lesson  string `json:"lesson"`
	Step    int    `json:"step"` // from 0
	Choice  string `json:"choice"`
	Level   string `json:"level"`
	Attempt string `json:"attempt"` // a schedule, or settings of rules
	Below   int    `json:"below"`   // see [Level.Best]
}

// Answer answers what a page asks: which lessons and levels there are, where the moves of a step lead, what came of a prediction or an attempt,
// and how well a level can be solved. between is called now and then during a search. It reports false for what it does not know.
func Answer(ctx context.Context, what string, text []byte, between func()) (answer any, known bool, err error) {
	answers := map[string]func(r *Request) (any, error){
		"lessons": func(*Request) (any, error) { return Lessons() },
		"levels":  func(*Request) (any, error) { return Levels() },
		"place": about(Find, func(r *Request) string { return r.Lesson }, func(l *Lesson, r *Request) (any, error) {
			run, err := l.Place(ctx, r.Step)
			return map[string]string{"schedule": run}, err
		}),
		"reveal": about(Find, func(r *Request) string { return r.Lesson }, func(l *Lesson, r *Request) (any, error) { return l.Reveal(ctx, r.Step, r.Choice, between) }),
		"judge":  about(FindLevel, func(r *Request) string { return r.Level }, func(l *Level, r *Request) (any, error) { return l.Judge(ctx, r.Attempt, between) }),
		"best":   about(FindLevel, func(r *Request) string { return r.Level }, func(l *Level, r *Request) (any, error) { return l.Best(ctx, r.Below, between) }),
	}
	find, known := answers[what]
	if !known {
		return nil, false, nil
	}
	var r Request
	if len(text) > 0 {
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, true, fmt.Errorf("the request cannot be read: %w", err)
		}
	}
	answer, err = find(&r)
	return answer, true, err
}

// about answers a request about a lesson or a level.
func about[T any](find func(string) (*T, error), name func(*Request) string, answer func(*T, *Request) (any, error)) func(*Request) (any, error) {
	return func(r *Request) (any, error) {
		t, err := find(name(r))
		if err != nil {
			return nil, err
		}
		return answer(t, r)
	}
}
