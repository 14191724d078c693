// Package quiz asks a student what the protocol does. No answer is kept: each is checked by running the scenario or by exploring it, and a
// wrong one is met with the run that refutes it. A seed decides everything that is drawn, so each student can have his own questions, and a
// teacher the same ones again.
package quiz

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Kind is a kind of question.
type Kind struct {
	Name string
	Doc  string
	make func(ctx context.Context, d *drawing) (*Question, error)
}

// Kinds are those that there are.
func Kinds() []Kind {
	return []Kind{
		{"verdict", "does this scenario break anything under these rules?", verdictQuestion},
		{"outcome", "can this outcome happen?", outcomeQuestion},
		{"break", "put the steps into an order that breaks it", breakQuestion},
		{"rule", "which rule forbids what is seen here?", ruleQuestion},
		{"value", "which value does this step leave?", valueQuestion},
		{"layout", "which VMAs are there after these calls?", layoutQuestion},
		{"locks", "may a task that holds this lock wait for that one?", locksQuestion},
	}
}

// Question is one question.
type Question struct {
	Kind  string
	Seed  uint64
	Lines []string // what it is about
	Ask   string   // how an answer is written
	Hints []string // each says more than the one before; none: it has none

	mark     func(ctx context.Context, answer string) (Mark, error)
	solution func(ctx context.Context) (string, error) // a right answer
}

// Mark is what an answer is worth, and why.
type Mark struct {
	Right  bool
	Lines  []string // why
	Replay string   // the line that shows the run that decides; "": none does
}

// New draws a question of a kind.
func New(ctx context.Context, kind string, seed uint64) (*Question, error) {
	k, err := Find(kind)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte(kind))
	q, err := k.make(ctx, &drawing{rand.New(rand.NewPCG(seed, h.Sum64()))})
	if err != nil {
		return nil, fmt.Errorf("question %s with seed %d: %w", kind, seed, err)
	}
	q.Kind, q.Seed = kind, seed
	return q, nil
}

// Find returns a kind by its name.
func Find(name string) (Kind, error) {
	var names []string
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return Kind{}, errors.New(suggest.Unknown("question", name, names, "one that vmasim quiz lists"))
}

// Mark marks an answer. An error says that it is none.
func (q *Question) Mark(ctx context.Context, answer string) (Mark, error) {
	return q.mark(ctx, strings.TrimSpace(answer))
}

// Solution returns a right answer.
func (q *Question) Solution(ctx context.Context) (string, error) { return q.solution(ctx) }

// drawing draws what a question is about.
type drawing struct{ *rand.Rand }

// among draws one of several.
func among[T any](d *drawing, all []T) T { return all[d.IntN(len(all))] }

// classSized is how many executions a search of a question takes at most.
const classSized = 3000

// tries is how often a scenario is drawn until one is small enough.
const tries = 100

var errNothingFits = errors.New("no scenario that fits was drawn: try another seed")

// bare returns the text of a scenario without its story, and without hints at how it ends.
func bare(sc *workloads.Scenario) []string {
	c := *sc
	c.Title, c.Doc, c.Verdicts, c.Rules, c.Questions, c.Show = "", "", nil, nil, nil, nil
	return strings.Split(strings.TrimSpace(c.String()), "\n")
}

// explored explores a scenario under rules. Only what is small enough is complete, or has failed.
func explored(ctx context.Context, sc *workloads.Scenario, rules string) (*program.Result, error) {
	o := program.Options{Setting: program.Setting{Rules: rules}}
	o.Executions = classSized
	return program.Explore(ctx, sc, o)
}

// decided reports whether a search says what the scenario does.
func decided(r *program.Result) bool { return r.Verdict() != program.NotFound }

// small draws a litmus test under one of the rules for which it states a verdict, until fits says that its result is one to ask about.
func small(ctx context.Context, d *drawing, fits func(*program.Result) bool) (*workloads.Scenario, string, *program.Result, error) {
	all := workloads.Litmus()
	for range tries {
		sc, err := workloads.LoadBuiltin(among(d, all).Name)
		if err != nil {
			return nil, "", nil, err
		}
		if len(sc.Verdicts) == 0 {
			continue
		}
		rules := among(d, sc.Verdicts).Rules
		r, err := explored(ctx, sc, rules)
		if err != nil {
			return nil, "", nil, err
		}
		if ctx.Err() != nil {
			return nil, "", nil, ctx.Err()
		}
		if decided(r) && !r.Unmade() && fits(r) {
			return sc, rules, r, nil
		}
	}
	return nil, "", nil, errNothingFits
}

// about words the scenario of a question.
func about(sc *workloads.Scenario, rules string) []string {
	return append(append([]string{"rules " + rules, ""}, bare(sc)...), "")
}

// counterexample says how a run breaks, and how it is shown.
func counterexample(r *program.Result) (why, replay string) {
	if len(r.Violations) == 0 {
		return strings.Join(r.Broken(), ", "), ""
	}
	v := r.Violations[0]
	return v.Oracle() + ": " + v.Message(), r.ReplayCommand(&v.Schedule)
}

// yesNo reads an answer.
func yesNo(answer, yes, no string) (bool, error) {
	switch strings.ToLower(answer) {
	case yes, yes[:1]:
		return true, nil
	case no, no[:1]:
		return false, nil
	}
	return false, fmt.Errorf("%s is no answer, expected %s or %s", suggest.Quote(answer), yes, no)
}

// fixed is a solution that is known when the question is drawn.
func fixed(answer string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return answer, nil }
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
