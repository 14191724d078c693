package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/classroom/play"
	"vmasim/explore"
	"vmasim/internal/suggest"
	"vmasim/workloads/program"
)

// Revealed is what came of a prediction.
type Revealed struct {
	Right    bool     `json:"right"`
	Answer   string   `json:"answer"` // what was found
	Found    []string `json:"found"`  // and how, in sentences
	After    []string `json:"after"`  // the explanation
	Schedule string   `json:"schedule"`
}

// finding is what a run or a search says to a question.
type finding struct {
	answer   string
	lines    []string
	schedule string // a run that shows it; "": there is none
}

// kind is a kind of question: what is asked for, and how it is found out.
type kind struct {
	word string
	find func(ctx context.Context, s *Step, arg string, between func()) (finding, error)
}

func kinds() []kind {
	return []kind{
		{"verdict", verdict},         // does any order of steps break it?
		{"oracle", oracle},           // which oracle speaks?
		{"preemptions", preemptions}, // how few preemptions does it take?
		{"outcome", outcome},         // can it end so? The argument is a part of the outcome.
		{"value", value},             // which value does this cell have after the moves?
		{"able", able},               // can this task go on after the moves?
		{"together", mayTogether},    // may two tasks hold mmap_lock so?
		{"access", mayAccess},        // may this field be used so under these locks?
	}
}

// kind returns the kind of the step's question, and its argument.
func (s *Step) kind() (kind, string, error) {
	word, arg, _ := strings.Cut(s.about, " ")
	var names []string
	for _, k := range kinds() {
		if k.word == word {
			return k, arg, nil
		}
		names = append(names, k.word)
	}
	return kind{}, "", errors.New(suggest.Unknown("kind of question", word, names, "one of "+strings.Join(names, ", ")))
}

// Reveal finds the answer to the question of a step, from 0, and marks what was chosen. between is called now and then during a search.
func (l *Lesson) Reveal(ctx context.Context, step int, choice string, between func()) (*Revealed, error) {
	if step < 0 || step >= len(l.Steps) || l.Steps[step].Question == "" {
		return nil, fmt.Errorf("lesson %s asks nothing in step %d", l.Name, step+1)
	}
	s := &l.Steps[step]
	if !slices.Contains(s.Choices, choice) {
		return nil, fmt.Errorf("%s is none of the answers, expected one of %s", suggest.Quote(choice), strings.Join(s.Choices, ", "))
	}
	k, arg, err := s.kind()
	if err != nil {
		return nil, err
	}
	f, err := k.find(ctx, s, arg, between)
	if err != nil {
		return nil, err
	}
	return &Revealed{choice == f.answer, f.answer, f.lines, s.after, f.schedule}, nil
}

func (s *Step) request() *play.Request {
	return &play.Request{Name: s.Scenario, Text: s.Text, Rules: s.Rules}
}

// search explores the scenario of a step to the end.
func (s *Step) search(ctx context.Context, by explore.Strategy, between func()) (*play.Report, error) {
	r := s.request()
	r.Strategy = by
	report, err := play.Explore(ctx, r, between, func(play.Progress) {})
	if err != nil {
		return nil, err
	}
	if report.Verdict() == program.NotFound {
		return nil, errors.New("the search was stopped before it had an answer")
	}
	return report, nil
}

// counted says how much was searched.
func counted(r *play.Report) string {
	if r.Search.Complete {
		return fmt.Sprintf("every interleaving was searched, %d executions", r.Search.Executions)
	}
	return fmt.Sprintf("found after %d executions", r.Search.Executions)
}

// broken says how the counterexample of a search breaks.
func broken(r *play.Report) (line, schedule string) {
	v := r.Violations[0]
	return v.Oracle() + ": " + v.Message(), v.Schedule.String()
}

func verdict(ctx context.Context, s *Step, _ string, between func()) (f finding, err error) {
	r, err := s.search(ctx, "", between)
	if err != nil {
		return f, err
	}
	f = finding{answer: r.Verdict(), lines: []string{r.Verdict() + ", " + counted(r)}}
	if f.answer == program.Violated {
		var line string
		line, f.schedule = broken(r)
		f.lines = append(f.lines, line)
	}
	return f, nil
}

func oracle(ctx context.Context, s *Step, _ string, between func()) (f finding, err error) {
	r, err := s.search(ctx, "", between)
	switch {
	case err != nil:
		return f, err
	case r.Verdict() != program.Violated:
		return finding{"none", []string{"none speaks: " + counted(r)}, ""}, nil
	}
	line, schedule := broken(r)
	return finding{r.Violations[0].Oracle(), []string{line, counted(r)}, schedule}, nil
}

func preemptions(ctx context.Context, s *Step, _ string, between func()) (f finding, err error) {
	r, err := s.search(ctx, explore.Bounded, between)
	if err != nil {
		return f, err
	}
	if r.Verdict() != program.Violated {
		return f, errors.New("no number of preemptions breaks it")
	}
	line, schedule := broken(r)
	n := r.Search.Bound + 1
	return finding{fmt.Sprint(n), []string{fmt.Sprintf("with fewer than %d nothing breaks: all interleavings with up to %d were searched", n, n-1), line}, schedule}, nil
}

func outcome(ctx context.Context, s *Step, part string, between func()) (f finding, err error) {
	r, err := s.search(ctx, "", between)
	if err != nil {
		return f, err
	}
	f = finding{answer: "no", lines: []string{counted(r) + "; they end in"}}
	for _, o := range r.Outcomes {
		f.lines = append(f.lines, fmt.Sprintf("%d × %s", o.Executions, o.Text))
		if strings.Contains(o.Text, part) {
			f.answer, f.schedule = "yes", o.First.String()
		}
	}
	if f.answer == "no" && !r.Search.Complete {
		return f, errors.New("the search found a violation before it had seen every outcome")
	}
	return f, nil
}

// after performs the moves of a step and those that its question is about, and passes on where they end.
func (s *Step) afterMoves(ctx context.Context, look func(p *play.Place) (finding, error)) (f finding, err error) {
	session, err := play.Open(s.request(), nil)
	if err != nil {
		return f, err
	}
	p, err := Play(ctx, session, s.Moves+";"+s.then)
	if err == nil {
		f, err = look(&p)
	}
	f.schedule = p.Run
	return f, errors.Join(err, session.Close())
}

func value(ctx context.Context, s *Step, cell string, _ func()) (finding, error) {
	return s.afterMoves(ctx, func(p *play.Place) (f finding, err error) {
		for _, c := range p.Cells {
			if c.Name == cell {
				f.answer = c.Value
			}
		}
		if f.answer == "" {
			return f, fmt.Errorf("no step has to do with %s", cell)
		}
		for i := range p.Trace.Steps {
			if st := &p.Trace.Steps[i]; st.Cell == cell && st.Writes() && st.Is != "" {
				f.lines = append(f.lines, fmt.Sprintf("step %d, %s in %s: %s → %s", st.Number, st.Task, st.Func, st.Was, st.Is))
			}
		}
		if len(f.lines) == 0 {
			f.lines = []string{"no step has written it: it is as it was"}
		}
		return f, nil
	})
}

func able(ctx context.Context, s *Step, who string, _ func()) (finding, error) {
	return s.afterMoves(ctx, func(p *play.Place) (finding, error) {
		n := pending(p, who)
		switch {
		case n == nil:
			return finding{}, fmt.Errorf("%s has ended after %d steps", who, p.At)
		case n.Enabled:
			return finding{answer: "yes", lines: []string{fmt.Sprintf("%s comes next, %s %s in %s, and nothing keeps it from that", who, n.Op, n.Cell, n.Func)}}, nil
		}
		return finding{answer: "no", lines: append([]string{fmt.Sprintf("%s waits in %s: %s %s", who, n.Func, n.Op, n.Cell)}, n.Why...)}, nil
	})
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func mayTogether(_ context.Context, _ *Step, arg string, _ func()) (f finding, err error) {
	one, other, _ := strings.Cut(arg, " ")
	a, err := findMode(one)
	if err != nil {
		return f, err
	}
	b, err := findMode(other)
	if err != nil {
		return f, err
	}
	said := map[bool]string{true: "gets it", false: "has to wait"}
	f = finding{answer: yesNo(together(a, b))}
	f.lines = []string{fmt.Sprintf("tried: while %s holds mmap_lock, %s %s", a.means, b.means, said[b.after(a)])}
	if a.name != b.name {
		f.lines = append(f.lines, fmt.Sprintf("and the other way round: while %s holds it, %s %s", b.means, a.means, said[a.after(b)]))
	}
	return f, nil
}

func mayAccess(_ context.Context, _ *Step, arg string, _ func()) (f finding, err error) {
	a, err := parseAccess(arg)
	if err != nil {
		return f, err
	}
	verb := "read"
	if a.write {
		verb = "written"
	}
	return finding{answer: yesNo(a.rule().Allows(held(a.with))), lines: []string{fmt.Sprintf("%s may be %s under %s", a.field.Name, verb, a.rule())}}, nil
}
