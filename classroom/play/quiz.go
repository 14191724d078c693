package play

import (
	"context"
	"fmt"
	"strconv"

	"vmasim/classroom/quiz"
	"vmasim/internal/suggest"
)

// Which says which question a page asks for.
type Which struct {
	Name string `json:"name"` // of a kind, or of an exercise
	Seed string `json:"seed"` // of a kind's, a number: a number of JavaScript has not all of them
}

// Question is a question that a page asks.
type Question struct {
	question *quiz.Question

	Name    string    `json:"name"`
	Seed    string    `json:"seed"`
	Lines   []string  `json:"lines"` // what it is about
	Ask     string    `json:"ask"`   // how an answer is written
	Form    quiz.Form `json:"form"`
	Choices []string  `json:"choices"` // of which one is the answer
	Hints   []string  `json:"hints"`   // each says more than the one before
	Try     *Run      `json:"try"`     // where it is tried; null: with the answer alone
}

// Run is a run of the scenario of a question, or where one begins. Its keys are those of a request.
type Run struct {
	Name     string `json:"name"`
	Text     string `json:"text"`
	Rules    string `json:"rules"`
	Schedule string `json:"schedule"`
	Replay   string `json:"replay"` // the line that shows it in a terminal
}

// Marked is what an answer is worth.
type Marked struct {
	Answer string   `json:"answer"`
	Right  bool     `json:"right"`
	Why    []string `json:"why"`
	Run    *Run     `json:"run"` // that decides; null: none does
}

// Ask asks a question.
func Ask(ctx context.Context, w *Which) (*Question, error) {
	seed, err := strconv.ParseUint(w.Seed, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is no number of a question, expected one such as 7", suggest.Quote(w.Seed))
	}
	q, err := quiz.Ask(ctx, w.Name, seed)
	if err != nil {
		return nil, err
	}
	return &Question{q, q.Kind, w.Seed, q.Lines, q.Ask, q.Form, q.Choices, q.Hints, runOf(q.Try)}, nil
}

// Mark marks an answer. An error says that it is none.
func (q *Question) Mark(ctx context.Context, answer string) (*Marked, error) {
	m, err := q.question.Mark(ctx, answer)
	if err != nil {
		return nil, err
	}
	return &Marked{answer, m.Right, m.Lines, runOf(m.Run)}, nil
}

// Solution returns a right answer, and why it is one.
func (q *Question) Solution(ctx context.Context) (*Marked, error) {
	answer, err := q.question.Solution(ctx)
	if err != nil {
		return nil, err
	}
	return q.Mark(ctx, answer)
}

func runOf(r *quiz.Run) *Run {
	if r == nil {
		return nil
	}
	return &Run{r.Name, r.Text, r.Rules, r.Schedule, r.Replay}
}
