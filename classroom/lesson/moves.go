package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/classroom/play"
	"vmasim/explore/trace"
	"vmasim/internal/suggest"
)

// Moves let tasks go on in turn, with semicolons between: "reader 3" takes three steps, "reader to X" goes to before the step that has to do
// with X, a cell or the end of its name, a kernel function or an operation, "reader past X" to behind it, "reader through X" to behind it and all
// that follow at once and have to do with X, too, "reader end" to where the task has ended or cannot go on. Said like this, a place in a run stays the same when the protocol gets a step more.

// Play performs moves in a session, which it leaves where they end.
func Play(ctx context.Context, s *play.Session, moves string) (play.Place, error) {
	p := s.Do(ctx, "")
	for move := range strings.SplitSeq(moves, ";") {
		words := strings.Fields(move)
		if len(words) == 0 {
			continue
		}
		var err error
		if p, err = playMove(ctx, s, p, words); err != nil {
			return p, fmt.Errorf("%q: %w", strings.TrimSpace(move), err)
		}
	}
	return p, nil
}

func playMove(ctx context.Context, s *play.Session, p play.Place, words []string) (play.Place, error) {
	who := words[0]
	place := slices.Index(p.Trace.Tasks, who)
	if place < 0 {
		return p, errors.New(suggest.Unknown("task", who, p.Trace.Tasks, ""))
	}
	take := func(steps int) error {
		next := s.Do(ctx, fmt.Sprintf("%c %d", 'A'+place, steps)) // its name may be that of a command, too
		if next.Wrong != "" {
			return fmt.Errorf("after %d steps: %s", p.At, next.Wrong)
		}
		p = next
		return nil
	}
	switch {
	case len(words) == 2 && words[1] == "end":
		for n := pending(&p, who); n != nil && n.Enabled; n = pending(&p, who) {
			if err := take(1); err != nil {
				return p, err
			}
		}
		return p, nil
	case len(words) == 2:
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return p, err
		}
		return p, take(n)
	case len(words) == 3 && (words[1] == "to" || words[1] == "past" || words[1] == "through"):
		n := pending(&p, who)
		for ; n != nil && !concerns(n, words[2]); n = pending(&p, who) {
			if err := take(1); err != nil {
				return p, err
			}
		}
		if n == nil {
			return p, fmt.Errorf("%s does not come to %s", who, words[2])
		}
		for taken := 0; n != nil && concerns(n, words[2]) && words[1] != "to" && (taken == 0 || words[1] == "through"); taken++ {
			if err := take(1); err != nil {
				return p, err
			}
			n = pending(&p, who)
		}
		return p, nil
	}
	return p, fmt.Errorf("expected TASK N, TASK to X, TASK past X, TASK through X or TASK end")
}

// pending returns the step that a task would take, nil for none.
func pending(p *play.Place, task string) *trace.Next {
	for i := range p.Trace.Next {
		if p.Trace.Next[i].Task == task {
			return &p.Trace.Next[i]
		}
	}
	return nil
}

// concerns reports whether a step has to do with what a move names.
func concerns(n *trace.Next, what string) bool {
	return n.Cell == what || strings.HasSuffix(n.Cell, "."+what) || n.Func == what || n.Op.String() == what
}

// Place returns the run that the moves of a step, from 0, lead to.
func (l *Lesson) Place(ctx context.Context, step int) (schedule string, err error) {
	if step < 0 || step >= len(l.Steps) || l.Steps[step].Moves == "" {
		return "", fmt.Errorf("lesson %s shows no run in step %d", l.Name, step+1)
	}
	s := &l.Steps[step]
	session, err := play.Open(s.request(), nil)
	if err != nil {
		return "", err
	}
	p, err := Play(ctx, session, s.Moves)
	return p.Run, errors.Join(err, session.Close())
}
