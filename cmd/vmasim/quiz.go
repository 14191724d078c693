package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/classroom/quiz"
)

// quizOptions is what the flags of quiz say.
type quizOptions struct {
	look
	seed     uint64
	answer   string
	solution bool
	hints    int
	json     bool
}

func newQuiz() *cobra.Command {
	o := &quizOptions{}
	cmd := &cobra.Command{
		Use:   "quiz [KIND | EXERCISE]",
		Short: "Be asked what the protocol does, and be told by a run",
		Long: `Ask a question about the protocol and mark the answer, which is read from standard
input: can this outcome happen, which rule forbids this, which value does this step
leave. Without a KIND the kinds are listed.

Nothing is looked up: each answer is checked by running the scenario or by searching its
interleavings, and a wrong one is met with the run that refutes it. --seed draws another
question of the kind, the same one each time.

The exit status is 0 if the answer is right or none is given, 1 if it is wrong, 2 if it
is no answer.`,
		Example: `  vmasim quiz
  vmasim quiz value --seed 7
  vmasim quiz outcome --seed 7 --answer yes
  vmasim quiz break --seed 7 --solution
  vmasim quiz 6 --hints 2
  vmasim quiz rule --seed 7 --answer detach-waits --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%d words, expected a kind of question", len(args))}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
			if len(args) == 0 {
				for _, k := range quiz.Kinds() {
					all = append(all, cobra.CompletionWithDesc(k.Name, k.Doc))
				}
				for _, e := range quiz.Exercises() {
					all = append(all, cobra.CompletionWithDesc(e.Name, e.Goal))
				}
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runQuiz(cmd, args, o) },
	}
	o.look.register(cmd)
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "which question of the kind")
	cmd.Flags().StringVar(&o.answer, "answer", "", "the answer, in place of standard input")
	cmd.Flags().IntVar(&o.hints, "hints", 0, "of an exercise: so many hints")
	cmd.Flags().BoolVar(&o.solution, "solution", false, "tell a right answer, and why it is one")
	registerJSON(cmd, &o.json, "one object for a marking script")
	return cmd
}

// asked is a question as --format json prints it.
type asked struct {
	Kind     string   `json:"kind"`
	Seed     uint64   `json:"seed"`
	Question []string `json:"question"`
	Ask      string   `json:"ask"`
	Answer   string   `json:"answer"`
	Right    *bool    `json:"right"` // null: there is no answer
	Why      []string `json:"why"`
	Replay   string   `json:"replay"`
}

func runQuiz(cmd *cobra.Command, args []string, o *quizOptions) error {
	if len(args) == 0 {
		return o.print(cmd, quizText())
	}
	q, err := quiz.Ask(cmd.Context(), args[0], o.seed)
	if err != nil {
		return refusing(cmd, err)
	}
	if !o.json {
		lines := append(q.Lines, q.Ask)
		for i, h := range q.Hints[:max(0, min(o.hints, len(q.Hints)))] {
			lines = append(lines, fmt.Sprintf("hint %d of %d: %s", i+1, len(q.Hints), h))
		}
		if err := o.print(cmd, strings.Join(lines, "\n")+"\n"); err != nil {
			return err
		}
	}
	answer := o.answer
	switch {
	case o.solution:
		if answer, err = q.Solution(cmd.Context()); err != nil {
			return err
		}
		if !o.json {
			if err := o.print(cmd, "\n"+answer+"\n"); err != nil {
				return err
			}
		}
	case answer == "":
		if isTerminal(cmd.InOrStdin()) {
			fmt.Fprint(cmd.OutOrStdout(), "> ")
		}
		in := bufio.NewScanner(cmd.InOrStdin())
		in.Scan()
		answer = in.Text()
	}
	a := asked{q.Kind, q.Seed, q.Lines, q.Ask, answer, nil, []string{}, ""}
	if answer != "" {
		m, err := q.Mark(cmd.Context(), answer)
		if err != nil {
			return refusing(cmd, err)
		}
		a.Right, a.Why = &m.Right, m.Lines
		if m.Run != nil {
			a.Replay = m.Run.Replay
		}
	}
	return printMark(cmd, &a, o)
}

// quizText lists what can be asked for.
func quizText() string {
	var b strings.Builder
	for _, k := range quiz.Kinds() {
		fmt.Fprintf(&b, "%-8s %s\n", k.Name, k.Doc)
	}
	b.WriteString("\nexercises, by number or name:\n")
	for i, e := range quiz.Exercises() {
		fmt.Fprintf(&b, "%2d %s\n", i+1, e.Name)
	}
	return b.String()
}

// printMark says what an answer is worth.
func printMark(cmd *cobra.Command, a *asked, o *quizOptions) error {
	switch {
	case o.json:
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		if err := e.Encode(a); err != nil {
			return err
		}
	case a.Right != nil:
		says := "wrong"
		if *a.Right {
			says = "right"
		}
		says = fmt.Sprintf("\n%s: %s\n", says, strings.Join(a.Why, "\n"))
		if a.Replay != "" {
			says += "replay: " + a.Replay + "\n"
		}
		if err := o.print(cmd, says); err != nil {
			return err
		}
	}
	if a.Right != nil && !*a.Right {
		return statusError(exitFailed)
	}
	return nil
}
