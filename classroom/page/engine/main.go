//go:build js

// Command engine is the laboratory inside a page: it runs in a worker, and answers what the page asks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall/js"
	"time"

	"vmasim/classroom/lesson"
	"vmasim/classroom/play"
)

// engine is what the page talks to. One question is answered at a time.
type engine struct {
	session  *play.Session  // nil: none was opened
	question *play.Question // nil: none was asked
	pair     *play.Pair     // nil: nothing was compared
	cancel   context.CancelFunc
}

func main() {
	e := &engine{cancel: func() {}}
	js.Global().Set("vmasim", js.ValueOf(map[string]any{
		"ask":    js.FuncOf(e.ask),
		"cancel": js.FuncOf(func(js.Value, []js.Value) any { e.cancel(); return nil }),
	}))
	select {}
}

// ask answers a question, which is its name, a JSON text, and a function that is told how far the answer is. It returns a promise of JSON.
func (e *engine) ask(_ js.Value, args []js.Value) any {
	what, text, tell := args[0].String(), args[1].String(), args[2]
	return js.Global().Get("Promise").New(js.FuncOf(func(_ js.Value, promise []js.Value) any {
		go func() {
			answer, err := e.answer(what, []byte(text), func(p play.Progress) { tell.Invoke(encoded(p)) })
			if err != nil {
				answer = map[string]any{"mistakes": play.Mistakes(err)}
			}
			promise[0].Invoke(encoded(answer))
		}()
		return nil
	}))
}

func (e *engine) answer(what string, text []byte, tell func(play.Progress)) (any, error) {
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	defer cancel()
	if name, ok := strings.CutPrefix(what, "quiz "); ok {
		return e.quiz(ctx, name, text)
	}
	if answer, known, err := lesson.Answer(ctx, what, text, letOthersRun()); known {
		return answer, err
	}
	if what == "compare" || what == "beside" {
		return e.compare(what, text, tell)
	}
	var r play.Request
	if !slices.Contains([]string{"list", "names", "explain", "do"}, what) {
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, err
		}
	}
	switch what {
	case "list":
		return play.List(), nil
	case "names":
		return play.Names(), nil
	case "explain":
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, err
		}
		entries, err := play.Explain(name)
		return map[string]any{"entries": entries}, err
	case "check":
		return struct{}{}, play.Check(&r)
	case "explore":
		return play.Explore(ctx, &r, letOthersRun(), tell)
	case "ahead":
		return play.Ahead(ctx, &r, letOthersRun())
	case "open":
		return e.open(ctx, &r)
	case "do":
		var line string
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, err
		}
		if e.session == nil {
			return nil, fmt.Errorf("no session was opened")
		}
		return e.session.Do(ctx, line), nil
	}
	return nil, fmt.Errorf("the engine does not know %q", what)
}

// compare puts a run beside another one, and says what both have come to behind some rows of that pair.
func (e *engine) compare(what string, text []byte, tell func(play.Progress)) (any, error) {
	if what == "compare" {
		var r play.Comparing
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, err
		}
		pair, err := play.Compare(&r, letOthersRun(), tell)
		if err != nil {
			return nil, err
		}
		e.pair = pair
		return pair, nil
	}
	var rows int
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, err
	}
	if e.pair == nil {
		return nil, errors.New("nothing was compared")
	}
	return e.pair.State(rows), nil
}

// quiz answers what is asked about questions: "ask" draws one, which "mark" and "solution" are about.
func (e *engine) quiz(ctx context.Context, what string, text []byte) (any, error) {
	if what == "ask" {
		var which play.Which
		if err := json.Unmarshal(text, &which); err != nil {
			return nil, err
		}
		q, err := play.Ask(ctx, &which)
		e.question = q
		return q, err
	}
	if e.question == nil {
		return nil, errors.New("no question was asked")
	}
	switch what {
	case "mark":
		var answer string
		if err := json.Unmarshal(text, &answer); err != nil {
			return nil, err
		}
		return e.question.Mark(ctx, answer)
	case "solution":
		return e.question.Solution(ctx)
	}
	return nil, fmt.Errorf("the engine does not know quiz %q", what)
}

func (e *engine) open(ctx context.Context, r *play.Request) (any, error) {
	s, err := play.Open(r, letOthersRun())
	if err != nil {
		return nil, err
	}
	if e.session != nil {
		if err := e.session.Close(); err != nil {
			return nil, err
		}
	}
	e.session = s
	return s.Do(ctx, ""), nil
}

// letOthersRun returns what a search calls between executions. Nothing preempts it here, and messages of the page are let in only while
// this program sleeps.
func letOthersRun() func() {
	last := time.Now()
	return func() {
		if time.Since(last) >= 200*time.Millisecond {
			time.Sleep(time.Millisecond)
			last = time.Now()
		}
	}
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"mistakes": play.Mistakes(err)})
	}
	return string(text)
}
