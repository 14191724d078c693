package quiz

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// This file has the questions that a search answers.

// verdictQuestion is about a scenario that breaks, or does not.
func verdictQuestion(ctx context.Context, d *drawing) (*Question, error) {
	breaks := d.IntN(2) == 0 // else most answers would be the same
	sc, spec, r, err := small(ctx, d, breaks, func(*program.Result) bool { return true })
	if err != nil {
		return nil, err
	}
	return verdictOf(sc, spec, r), nil
}

// verdictOf is about a scenario with this result.
func verdictOf(sc *workloads.Scenario, spec string, r *program.Result) *Question {
	breaks := r.Verdict() == program.Violated
	return &Question{
		Lines: about(sc, spec),
		Ask:   "Is there an order of steps that breaks something? violation or verified",
		Form:  Choice, Choices: []string{program.Violated, program.Verified},
		mark: func(_ context.Context, answer string) (Mark, error) {
			says, err := yesNo(answer, program.Violated, program.Verified)
			if err != nil {
				return Mark{}, err
			}
			m := Mark{Right: says == breaks}
			if breaks {
				why, run := counterexample(sc, spec, r)
				m.Lines, m.Run = []string{why}, run
			} else {
				m.Lines = []string{fmt.Sprintf("verified: every interleaving was searched, %d executions", r.Search.Executions)}
			}
			return m, nil
		},
		solution: fixed(word(breaks, program.Violated, program.Verified)),
	}
}

// outcomeQuestion asks about an outcome: one that some do, or one that is put together from the parts of several.
func outcomeQuestion(ctx context.Context, d *drawing) (*Question, error) {
	can := d.IntN(2) == 0
	sc, spec, r, err := small(ctx, d, false, func(r *program.Result) bool {
		return len(r.Outcomes) >= 2 && len(r.Outcomes) <= 12 && (can || len(impossible(r.Outcomes)) > 0)
	})
	if err != nil {
		return nil, err
	}
	asked := among(d, r.Outcomes).Text
	if !can {
		asked = among(d, impossible(r.Outcomes))
	}
	return &Question{
		Lines: append(about(sc, spec), "the outcome", "    "+asked, ""),
		Ask:   "Can it end so? yes or no",
		Form:  Choice, Choices: []string{"yes", "no"},
		mark: func(_ context.Context, answer string) (Mark, error) {
			says, err := yesNo(answer, "yes", "no")
			if err != nil {
				return Mark{}, err
			}
			m := Mark{Right: says == can, Lines: []string{fmt.Sprintf("no execution ends so: all interleavings were searched, %d executions, and they end in", r.Search.Executions)}}
			for _, o := range r.Outcomes {
				if o.Text == asked {
					m.Lines = []string{fmt.Sprintf("%d of %d executions end so", o.Executions, r.Search.Executions)}
					m.Run = runOf(sc, spec, o.First.String(), r.ReplayCommand(&o.First))
					return m, nil
				}
			}
			for _, o := range r.Outcomes {
				m.Lines = append(m.Lines, "    "+o.Text)
			}
			return m, nil
		},
		solution: fixed(word(can, "yes", "no")),
	}, nil
}

// impossible returns outcomes that are like those of a search and are none of them, in order.
func impossible(all []program.Outcome) (mixed []string) {
	for _, a := range all {
		parts := strings.Split(a.Text, "; ")
		for _, b := range all {
			others := strings.Split(b.Text, "; ")
			if len(others) != len(parts) {
				continue
			}
			for i := range parts {
				c := slices.Clone(parts)
				c[i] = others[i]
				text := strings.Join(c, "; ")
				if !slices.Contains(mixed, text) && !slices.ContainsFunc(all, func(o program.Outcome) bool { return o.Text == text }) {
					mixed = append(mixed, text)
				}
			}
		}
	}
	slices.Sort(mixed)
	return mixed
}

// breakQuestion asks for an order that breaks a scenario.
func breakQuestion(ctx context.Context, d *drawing) (*Question, error) {
	sc, spec, r, err := small(ctx, d, true, func(r *program.Result) bool {
		return len(r.Violations) > 0 && !r.Fallback && r.Violations[0].Schedule.Switches() > 0 // else there is nothing to put in order
	})
	if err != nil {
		return nil, err
	}
	return breakOf(sc, spec, func(context.Context) (*program.Result, error) { return r, nil })
}

// breakOf asks for an order that breaks a scenario. The result is asked for where the solution is.
func breakOf(sc *workloads.Scenario, spec string, result func(context.Context) (*program.Result, error)) (*Question, error) {
	p, err := program.New(sc, program.Setting{Rules: spec})
	if err != nil {
		return nil, err
	}
	begin := p.Begin()
	t, err := p.Replay(begin)
	if err != nil {
		return nil, err
	}
	if err := p.Close(); err != nil {
		return nil, err
	}
	lines := about(sc, spec)
	for i, name := range t.Tasks {
		lines = append(lines, fmt.Sprintf("%c is %s", 'A'+i, name))
	}
	return &Question{
		Lines: append(lines, "try it with: vmasim step --rules "+spec+" "+sc.Name, ""),
		Ask:   "An order of steps that breaks it, as A8 B20 A4: the task, and how many steps it takes",
		Form:  Order,
		Try:   runOf(sc, spec, "", ""),
		mark: func(ctx context.Context, answer string) (Mark, error) {
			return markRun(ctx, sc, spec, begin, answer)
		},
		solution: func(ctx context.Context) (string, error) {
			r, err := result(ctx)
			if err != nil {
				return "", err
			}
			if len(r.Violations) == 0 {
				return "", fmt.Errorf("no order of %s was found that breaks it, in %d executions", sc.Name, r.Search.Executions)
			}
			s := r.Violations[0].Schedule.String()
			return s[strings.LastIndexByte(s, ':')+1:], nil
		},
	}, nil
}

// markRun runs what a student has put in order.
func markRun(ctx context.Context, sc *workloads.Scenario, spec string, begin explore.Schedule, answer string) (Mark, error) {
	schedule, err := explore.ParseSchedule(fmt.Sprintf("v2:%s:%s:%s", begin.Scenario, begin.Rules, answer))
	if err != nil {
		return Mark{}, err
	}
	p, err := program.New(sc, program.Setting{Rules: spec})
	if err != nil {
		return Mark{}, err
	}
	defer p.Close()
	t, err := p.Replay(schedule)
	if err != nil {
		return Mark{}, err
	}
	m := Mark{Right: t.Ending.Failed(), Run: runOf(sc, spec, schedule.String(), p.ReplayCommand(&schedule))}
	switch {
	case m.Right:
		m.Lines = []string{"it breaks: " + t.Oracle()}
	case t.Diverged != nil:
		m.Lines, m.Run = []string{t.Diverged.Error()}, nil
	case t.Ending == trace.Finished:
		m.Lines = []string{"it ends well: " + t.Outcome}
	default:
		near, err := p.Behind(ctx, schedule, explore.Options{Strategy: explore.Bounded, Executions: classSized})
		if err != nil {
			return Mark{}, err
		}
		m.Lines = []string{fmt.Sprintf("after these %d steps nothing is broken yet", len(schedule.Tasks))}
		if len(near.Violations) > 0 {
			m.Lines = append(m.Lines, fmt.Sprintf("from here it takes %d preemptions more", near.Bound+1))
		} else if near.Complete {
			m.Lines = append(m.Lines, "and nothing that can come after them breaks anything: take some back")
		}
	}
	return m, nil
}

// ruleQuestion shows what comes of a rule that is switched, and asks for the rule.
func ruleQuestion(ctx context.Context, d *drawing) (*Question, error) {
	all := rules.All()
	for range tries {
		r := among(d, all)
		if r.Info().Breaks == "" || r.Info().Shows == "" {
			continue
		}
		plain, switched := r.Demonstration()
		sc, err := workloads.LoadBuiltin(r.Info().Shows)
		if err != nil {
			return nil, err
		}
		broken, err := explored(ctx, sc, switched, drawSized)
		if err != nil {
			return nil, err
		}
		if broken.Verdict() != program.Violated {
			continue
		}
		whole, err := explored(ctx, sc, plain, drawSized)
		if err != nil {
			return nil, err
		}
		if whole.Verdict() != program.Verified {
			continue
		}
		offered := []rules.Rule{r}
		for len(offered) < 4 {
			if o := among(d, all); !slices.Contains(offered, o) && r.Home().Has(o) == r.Home().Has(r) {
				offered = append(offered, o)
			}
		}
		d.Shuffle(len(offered), func(i, j int) { offered[i], offered[j] = offered[j], offered[i] })
		return askRule(sc, r, offered, broken, whole), nil
	}
	return nil, errNothingFits
}

func askRule(sc *workloads.Scenario, r rules.Rule, offered []rules.Rule, broken, whole *program.Result) *Question {
	plain, switched := r.Demonstration()
	why, run := counterexample(sc, switched, broken)
	lines := append(bare(sc), "", "With one rule of "+plain+" switched, there is an order of steps with", "    "+why, "")
	var names []string
	for _, o := range offered {
		names = append(names, o.String())
		lines = append(lines, o.String(), "    "+o.Info().Does)
	}
	return &Question{
		Lines: append(lines, ""),
		Ask:   "Which of the rules is switched? " + strings.Join(names, ", "),
		Form:  Choice, Choices: names,
		mark: func(_ context.Context, answer string) (Mark, error) {
			if !slices.Contains(names, answer) {
				return Mark{}, fmt.Errorf("%s is none of the rules, expected one of %s", suggest.Quote(answer), strings.Join(names, ", "))
			}
			if answer == r.String() {
				return Mark{true, []string{
					r.Info().Breaks,
					fmt.Sprintf("as it should be the scenario is verified: every interleaving was searched, %d executions", whole.Search.Executions),
				}, run}, nil
			}
			return Mark{false, []string{answer + " is as it should be in this run, and it breaks all the same"}, run}, nil
		},
		solution: fixed(r.String()),
	}
}
