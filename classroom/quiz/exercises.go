package quiz

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vmasim/classroom/step"
	"vmasim/explore/trace"
	"vmasim/internal/rules"
	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// Exercise is one of a course that goes from one fault to who may free a VMA. Its check runs or searches, as that of a question does.
type Exercise struct {
	Name  string // ex01-one-fault
	Goal  string
	Hints []string // each says more than the one before

	scenario string                                                                            // a built-in one, or a text
	rules    string                                                                            // under which it is asked about
	solution string                                                                            // a right answer, "" where a search finds one
	ask      func(ctx context.Context, e *Exercise, sc *workloads.Scenario) (*Question, error) // makes the question
	cell     string                                                                            // that is asked about, after so many writes
	writes   int
}

const oneFault = "init\n    mmap A 4K rw private anon\n\nthread faulter\n    touch A write\n"

// Exercises returns the course, in order.
func Exercises() []Exercise {
	return []Exercise{
		{Name: "ex01-one-fault", Goal: "One task writes to a page of a fresh mapping. Which value has vm_refcnt of its VMA while the fault holds the VMA's lock?", scenario: oneFault, rules: "linux-6.18", ask: askCell, cell: "vma#1.vm_refcnt", writes: 1,
			Hints: []string{"A VMA that is in the tree counts 1 for that.", "Each reader adds one: step through it with vmasim step, or look at vma_start_read."}},
		{Name: "ex02-and-back", Goal: "The same fault: which value has vm_refcnt when the lock is given back?", scenario: oneFault, rules: "linux-6.18", ask: askCell, cell: "vma#1.vm_refcnt", writes: 2,
			Hints: []string{"vma_end_read undoes what vma_start_read did."}},
		{Name: "ex03-writer-flag", Goal: "munmap write-locks the VMA that it takes away. Which value has vm_refcnt right after the writer's first step on it?", scenario: "init\n    mmap A 4K rw private anon\n\nthread mapper\n    munmap A\n", rules: "linux-6.18", ask: askCell, cell: "vma#1.vm_refcnt", writes: 1,
			Hints: []string{"The writer adds a flag that no number of readers reaches, so that new readers fail.", "The flag is 0x40000000."}},
		{Name: "ex04-sequence", Goal: "mmap_lock is taken for writing by munmap. mm_lock_seq was 2 before: which value has it while munmap is inside?", scenario: "init\n    mmap A 4K rw private anon\n\nthread mapper\n    munmap A\n", rules: "linux-6.18", ask: askCell, cell: "mm.mm_lock_seq", writes: 1,
			Hints: []string{"It is a sequence counter: what is odd about one while a writer is inside?"}},
		{Name: "ex05-beside-munmap", Goal: "A fault beside munmap of its VMA, as Linux 6.18 does it: is there an order of steps that breaks something?", scenario: "detach-race", rules: "linux-6.18", ask: askVerdict, solution: program.Verified,
			Hints: []string{"The reader may lose the race for the VMA, and then it goes to mmap_lock. Is that something broken?"}},
		{Name: "ex06-december-2024", Goal: "The same as it was posted in December 2024: find an order of steps that breaks it.", scenario: "detach-race", rules: "refcount-v6", ask: askBreak,
			Hints: []string{"vma_mark_detached drops the writer's own reference, and looks at nothing else.", "Let the reader look at mm_lock_seq before the writer begins, and count itself in after the writer has given its flag back.", "Then whose put drops the count to zero?"}},
		{Name: "ex07-mend-it", Goal: "Add rules to refcount-v6 until the scenario is verified. An answer is a set of rules, as refcount-v6,+NAME.", scenario: "detach-race", rules: "refcount-v6", ask: askMend, solution: "refcount-v6,+detach-waits,+settle-before-put",
			Hints: []string{"vmasim rules --family detach and --family reuse say what can be added.", "The writer has to wait for such readers, and a put must not touch the VMA when it has given it back."}},
		{Name: "ex08-next-life", Goal: "Without detach-waits a put hits the next life of the VMA's memory: find the order of steps.", scenario: "put-to-zero", rules: "linux-6.18,-detach-waits", ask: askBreak,
			Hints: []string{"The memory of a freed VMA is another VMA at once.", "Let the reader stand between its increment and its put while the VMA is freed and made anew."}},
		{Name: "ex09-last-put", Goal: "Zijlstra's answer was that the last put frees. munmap may fail after it has detached: find an order of steps that breaks free-at-zero.", scenario: "last-put", rules: "free-at-zero", ask: askBreak,
			Hints: []string{"A munmap that fails attaches again what it has detached.", "Who owns a VMA whose last put has freed it?"}},
		{Name: "ex10-mend-free-at-zero", Goal: "Mend free-at-zero for the same scenario with a rule.", scenario: "last-put", rules: "free-at-zero", ask: askMend, solution: "free-at-zero,+detach-waits",
			Hints: []string{"Which rule of the family detach does the proposal lack?"}},
		{Name: "ex11-downgrade", Goal: "munmap downgrades mmap_lock before it clears the page tables, which ends all VMA write locks. Without detach-waits: find the order of steps that breaks it.", scenario: "downgrade-teardown", rules: "linux-6.18,-detach-waits", ask: askBreak,
			Hints: []string{"After the downgrade a reader finds vm_lock_seq unequal to mm_lock_seq: the VMA seems free.", "The reader must have found the VMA before it left the tree."}},
		{Name: "ex12-two-ways", Goal: "A look-up that checks the address before it takes the reference can be mended in two ways: by the check's place, or by what may be reused when. Give the second.", scenario: "reuse-then-attach", rules: "linux-6.18,-address-after-ref", ask: askMend, solution: "linux-6.18,-address-after-ref,-typesafe-slab",
			Hints: []string{"vmasim rules --family reuse.", "If the memory of a freed VMA stays what it is until a grace period has ended, what can a reader find at its address?"}},
	}
}

// NewExercise makes the question of an exercise, which is named by its name or its number.
func NewExercise(ctx context.Context, name string) (*Question, error) {
	var names []string
	for i, e := range Exercises() {
		if name == e.Name || name == fmt.Sprint(i+1) {
			sc, err := e.load()
			if err != nil {
				return nil, err
			}
			q, err := e.ask(ctx, &e, sc)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.Name, err)
			}
			q.Kind, q.Hints = e.Name, e.Hints
			q.Lines = append([]string{e.Goal, ""}, q.Lines...)
			return q, nil
		}
		names = append(names, e.Name)
	}
	return nil, errors.New(suggest.Unknown("exercise", name, names, "one that vmasim quiz lists"))
}

func (e *Exercise) load() (*workloads.Scenario, error) {
	if strings.Contains(e.scenario, "\n") {
		return workloads.Parse(e.Name+workloads.Extension, []byte(e.scenario))
	}
	return workloads.LoadBuiltin(e.scenario)
}

// askCell asks for the value of a cell after some writes, in a run of the only task.
func askCell(_ context.Context, e *Exercise, sc *workloads.Scenario) (*Question, error) {
	s, err := step.New(sc, program.Setting{Rules: e.rules})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for seen := 0; seen < e.writes; {
		if err := s.Take(s.Trace().Tasks[0]); err != nil {
			return nil, err
		}
		if last := s.Trace().Steps[s.At()-1]; last.Cell == e.cell && last.Writes() {
			seen++
		}
	}
	last, upTo := s.Trace().Steps[s.At()-1], s.Schedule()
	return &Question{
		Lines:    about(sc, e.rules),
		Ask:      "Which value has " + e.cell + "? a number, such as 2 or 0x40000001",
		Form:     Number,
		mark:     markNumber(last.Is, []string{valueLine(&last)}, runOf(sc, e.rules, upTo.String(), s.ReplayCommand())),
		solution: fixed(last.Is),
	}, nil
}

func valueLine(s *trace.Step) string {
	return fmt.Sprintf("step %d, %s in %s: %s %s %s -> %s", s.Number, s.Task, s.Func, s.Op, s.Cell, s.Was, s.Is)
}

// askVerdict is about what comes of the scenario.
func askVerdict(ctx context.Context, e *Exercise, sc *workloads.Scenario) (*Question, error) {
	r, err := explored(ctx, sc, e.rules, classSized)
	if err != nil {
		return nil, err
	}
	return verdictOf(sc, e.rules, r), nil
}

// askBreak asks for an order that breaks the scenario.
func askBreak(_ context.Context, e *Exercise, sc *workloads.Scenario) (*Question, error) {
	return breakOf(sc, e.rules, func(ctx context.Context) (*program.Result, error) {
		return explored(ctx, sc, e.rules, classSized)
	})
}

// askMend asks for rules under which the scenario is verified.
func askMend(_ context.Context, e *Exercise, sc *workloads.Scenario) (*Question, error) {
	generation, _, _ := strings.Cut(e.rules, ",")
	return &Question{
		Lines: about(sc, e.rules),
		Ask:   "Under which rules is it verified? " + e.rules + " with others switched",
		Form:  Rules,
		Try:   runOf(sc, e.rules, "", ""),
		mark: func(ctx context.Context, answer string) (Mark, error) {
			if _, err := rules.Parse(answer); err != nil {
				return Mark{}, err
			}
			if !strings.HasPrefix(answer+",", e.rules+",") {
				return Mark{}, fmt.Errorf("%s does not begin with %s, expected that with others switched, as %[2]s,+NAME or %[2]s,-NAME: see vmasim rules %[3]s", suggest.Quote(answer), e.rules, generation)
			}
			r, err := explored(ctx, sc, answer, classSized)
			if err != nil {
				return Mark{}, err
			}
			switch r.Verdict() {
			case program.Verified:
				return Mark{true, []string{fmt.Sprintf("verified: every interleaving was searched, %d executions", r.Search.Executions)}, nil}, nil
			case program.Violated:
				why, run := counterexample(sc, answer, r)
				return Mark{false, []string{"it still breaks: " + why}, run}, nil
			}
			return Mark{false, []string{fmt.Sprintf("nothing was found in %d executions, but not every interleaving was searched", r.Search.Executions)}, nil}, nil
		},
		solution: fixed(e.solution),
	}, nil
}
