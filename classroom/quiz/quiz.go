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
	"slices"
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
	Kind    string
	Seed    uint64
	Lines   []string // what it is about
	Ask     string   // how an answer is written
	Form    Form
	Choices []string // of which one is the answer, for the form Choice
	Hints   []string // each says more than the one before; none: it has none
	Try     *Run     // where it is tried, for the forms Order and Rules

	mark     func(ctx context.Context, answer string) (Mark, error)
	solution func(ctx context.Context) (string, error) // a right answer
}

// Form is how an answer is given.
type Form string

// The forms.
const (
	Choice Form = "choice" // one of several words
	Number Form = "number" // in any base
	Layout Form = "layout" // VMAs
	Order  Form = "order"  // the tasks of the steps, as schedules have them
	Rules  Form = "rules"  // a generation with rules switched
)

// Run is a run of the scenario of a question, or where one begins.
type Run struct {
	Name     string // of the scenario
	Text     string // of it, without its story
	Rules    string
	Schedule string // "": no step is taken
	Replay   string // the line that shows it; "": it has none
}

// runOf is a run of a scenario under rules. Its text says, too, behind which oracles an execution goes on, which its question does not.
func runOf(sc *workloads.Scenario, rules, schedule, replay string) *Run {
	c := withoutStory(sc)
	c.Show = sc.Show
	return &Run{sc.Name, c.String(), rules, schedule, replay}
}

// Mark is what an answer is worth, and why.
type Mark struct {
	Right bool
	Lines []string // why
	Run   *Run     // that decides; nil: none does
}

// isExercise reports whether a name is one of an exercise, as 3 and ex3 are.
func isExercise(name string) bool {
	number := strings.TrimPrefix(name, "ex")
	return number != "" && '0' <= number[0] && number[0] <= '9'
}

// Ask draws a question of a kind, or makes that of an exercise, which is the same for every seed.
func Ask(ctx context.Context, name string, seed uint64) (*Question, error) {
	if isExercise(name) {
		return NewExercise(ctx, name)
	}
	return New(ctx, name, seed)
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

// How many executions a search takes at most: where a question is drawn, which a browser has to do while a student waits, and where an
// answer is judged.
const (
	drawSized  = 500
	classSized = 3000
)

// tries is how often a scenario is drawn until one is small enough.
const tries = 100

var errNothingFits = errors.New("no scenario that fits was drawn: try another seed")

// withoutStory is a scenario without its story, and without hints at how it ends.
func withoutStory(sc *workloads.Scenario) *workloads.Scenario {
	c := *sc
	c.Title, c.Doc, c.Verdicts, c.Rules, c.Questions, c.Show, c.Schedule = "", "", nil, nil, nil, nil, nil
	return &c
}

// bare returns the text of such a scenario.
func bare(sc *workloads.Scenario) []string {
	return strings.Split(strings.TrimSpace(withoutStory(sc).String()), "\n")
}

// explored explores a scenario under rules. Only what is small enough is complete, or has failed. A failure is not made smaller: its run
// is one of the scenario that was asked about.
func explored(ctx context.Context, sc *workloads.Scenario, rules string, executions int) (*program.Result, error) {
	o := program.Options{Setting: program.Setting{Rules: rules}, NoShrink: true}
	o.Executions = executions
	return program.Explore(ctx, sc, o)
}

// decided reports whether a search says what the scenario does.
func decided(r *program.Result) bool { return r.Verdict() != program.NotFound }

// stated draws a litmus test, and rules under which it is said to break or to be verified. Whether it does is for who draws to see.
func stated(d *drawing, breaks bool) (*workloads.Scenario, string, error) {
	all := workloads.Litmus()
	for range tries {
		sc, err := workloads.LoadBuiltin(among(d, all).Name)
		if err != nil {
			return nil, "", err
		}
		fits := slices.DeleteFunc(slices.Clone(sc.Verdicts), func(v *workloads.Verdict) bool { return (len(v.Oracles) > 0) != breaks })
		if len(fits) > 0 {
			return sc, among(d, fits).Rules, nil
		}
	}
	return nil, "", fmt.Errorf("none of %d litmus tests drawn states such a verdict: expected another --seed", tries)
}

// small draws a litmus test that is said to break, or not to, until fits says that its result is one to ask about.
func small(ctx context.Context, d *drawing, breaks bool, fits func(*program.Result) bool) (*workloads.Scenario, string, *program.Result, error) {
	for range tries {
		sc, rules, err := stated(d, breaks)
		if err != nil {
			return nil, "", nil, err
		}
		r, err := explored(ctx, sc, rules, drawSized)
		if err != nil {
			return nil, "", nil, err
		}
		if ctx.Err() != nil {
			return nil, "", nil, ctx.Err()
		}
		if decided(r) && !r.Unmade() && (r.Verdict() == program.Violated) == breaks && fits(r) {
			return sc, rules, r, nil
		}
	}
	return nil, "", nil, errNothingFits
}

// about words the scenario of a question.
func about(sc *workloads.Scenario, rules string) []string {
	return append(append([]string{"rules " + rules, ""}, bare(sc)...), "")
}

// counterexample says how a scenario breaks under rules, and in which run.
func counterexample(sc *workloads.Scenario, spec string, r *program.Result) (why string, run *Run) {
	if len(r.Violations) == 0 {
		return strings.Join(r.Broken(), ", "), nil
	}
	if r.Fallback { // it was found with every oracle ending an execution
		c := *sc
		c.Show = nil
		sc = &c
	}
	v := r.Violations[0]
	return v.Oracle() + ": " + v.Message(), runOf(sc, spec, v.Schedule.String(), r.ReplayCommand(&v.Schedule))
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
