package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"vmasim/classroom/explain"
	"vmasim/internal/suggest"
)

// Command is something that a reader can ask for.
type Command struct {
	Name  string
	Short string // one letter, which is its key, too; "": none
	Args  string // as help has them, "[" before those that may be left out
	Doc   string
	run   func(ctx context.Context, s *Session, args []string) (Answer, error)
}

// Needs reports whether the command needs more words.
func (c *Command) Needs() bool {
	return c.Args != "" && !(strings.HasPrefix(c.Args, "[") && strings.HasSuffix(c.Args, "]"))
}

// Answer is what a command has to say beside where the session now stands.
type Answer struct {
	Lines []string
	Moved bool // the session may stand elsewhere
	Quit  bool
}

// Commands are those that there are. The name or the letter of a task is one, too: it takes the task's step.
func Commands() []Command {
	return []Command{
		{"statement", "s", "TASK", "let a task go on to the end of its statement, or to where it cannot", forTask((*Session).Statement)},
		{"undo", "u", "[N]", "take back the last step, or the last N", undo(-1)},
		{"redo", "r", "[N]", "take again what was taken back", undo(1)},
		{"go", "g", "N", "go to the step after the first N; go until is until", goTo},
		{"on", "n", "OBJECT [TASK]", "go on to the next step that touches an object or a cell: along what was taken back, or by a task's steps", on},
		{"back", "b", "OBJECT", "go back to the last step that touches an object or a cell", back},
		{"writer", "f", "CELL", "say which step and which task have written the value of a cell", writer},
		{"watch", "t", "EXPR", "watch a cell, or a comparison such as vma#1.vm_refcnt > 1; watch alone lists what is watched", watch},
		{"unwatch", "", "[N]", "end the N-th watch, or that of its text, or all", unwatch},
		{"until", "i", "[TASK]", "go on until a watched cell changes or a comparison becomes true: along what was taken back, or by a task's steps", until},
		{"violation", "v", "", "go on to the violation: along what was taken back, else along the continuation with the fewest switches", toViolation},
		{"branches", "k", "", "print the runs that were gone, as a tree: those that were left by going another way stay", func(_ context.Context, s *Session, _ []string) (Answer, error) {
			lines, err := s.BranchLines()
			return Answer{Lines: lines}, err
		}},
		{"branch", "", "N", "go to the end of the N-th of these runs", func(_ context.Context, s *Session, args []string) (Answer, error) {
			return moved(one(args, "the number of a branch", func(word string) error {
				n, err := number(word)
				if err != nil {
					return err
				}
				return s.Branch(n)
			}))
		}},
		{"ahead", "a", "", "search all that can still come, and say how much of it breaks", ahead},
		{"choose", "c", "[I] VALUE", "decide the last step's decision otherwise: its first, or its I-th", choose},
		{"why", "w", "TASK", "say why a task cannot go on, and what it holds", why},
		{"oracle", "o", "NAME", "switch an oracle off, or on again", func(_ context.Context, s *Session, args []string) (Answer, error) {
			return moved(one(args, "the name of an oracle", s.Toggle))
		}},
		{"state", "x", "", "print every cell that was touched, the locks, the VMAs, the page tables, and RCU", func(_ context.Context, s *Session, _ []string) (Answer, error) {
			return Answer{Lines: Texts(slices.Concat(s.CellLines(true), s.StateLines(true)))}, nil
		}},
		{"map", "m", "", "print the address spaces, and draw all that they were", func(_ context.Context, s *Session, _ []string) (Answer, error) {
			return Answer{Lines: Texts(slices.Concat(s.MapLines(), s.drawn(s.Width, true)))}, nil
		}},
		{"steps", "l", "[N]", "print the last N steps, 20 by default", lastSteps},
		{"schedule", "p", "", "print the line that replays the steps taken", func(_ context.Context, s *Session, _ []string) (Answer, error) {
			return Answer{Lines: []string{s.ReplayCommand()}}, nil
		}},
		{"explain", "e", "[NAME]", "say what a function, a field or a rule is: the one of that name, else those of the last step", explainName},
		{"save", "", "FILE", "write the scenario with these steps as its schedule, for vmasim replay FILE and vmasim step FILE", save},
		{"help", "h", "", "print this", func(context.Context, *Session, []string) (Answer, error) { return Answer{Lines: HelpLines()}, nil }},
		{"quit", "q", "", "end", func(context.Context, *Session, []string) (Answer, error) { return Answer{Quit: true}, nil }},
	}
}

// Do performs a command line. An error is one of the reader, or says why a task cannot go on.
func (s *Session) Do(ctx context.Context, line string) (Answer, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Answer{}, nil
	}
	if len(words[0]) > 1 && s.names(words[0]) && (len(words) == 1 || len(words) == 2 && isNumber(words[1])) {
		return s.take(words) // a task may be called as a command is
	}
	for _, c := range Commands() {
		if words[0] == c.Name || c.Short != "" && words[0] == c.Short {
			return c.run(ctx, s, words[1:])
		}
	}
	return s.take(words)
}

// take lets a task take its step, or as many as the second word says.
func (s *Session) take(words []string) (Answer, error) {
	n := 1
	if len(words) == 2 {
		var err error
		if n, err = number(words[1]); err != nil {
			return Answer{}, err
		}
	}
	if len(words) > 2 || !s.names(words[0]) {
		return Answer{}, errors.New(suggest.Unknown("command", words[0], s.known(), "a task, or a command that help lists"))
	}
	for i := range n {
		if err := s.Take(words[0]); err != nil {
			return Answer{Moved: i > 0}, err
		}
	}
	return Answer{Moved: true}, nil
}

func isNumber(word string) bool { _, err := number(word); return err == nil }

// names reports whether a word is the name or the letter of a task.
func (s *Session) names(word string) bool {
	for i, name := range s.trace.Tasks {
		if word == name || word == letter(i) {
			return true
		}
	}
	return false
}

// letter is what schedules call the task at a place in the world.
func letter(place int) string { return string(rune('A' + place)) }

func (s *Session) known() (words []string) {
	words = append(words, s.trace.Tasks...)
	for _, c := range Commands() {
		words = append(words, c.Name)
	}
	return words
}

// HelpLines says what can be asked for.
func HelpLines() []string {
	lines := []string{fmt.Sprintf("%-17s %s", "TASK [N]", "take a task's step, or N of them; TASK is its name or its letter")}
	for _, c := range Commands() {
		what := c.Name
		if c.Args != "" {
			what += " " + c.Args
		}
		short := ""
		if c.Short != "" {
			short = " (" + c.Short + ")"
		}
		lines = append(lines, fmt.Sprintf("%-17s %s%s", what, c.Doc, short))
	}
	return lines
}

func moved(err error) (Answer, error) { return Answer{Moved: err == nil}, err }

// one passes the only argument on.
func one(args []string, expected string, to func(string) error) error {
	if len(args) != 1 {
		return fmt.Errorf("%d words, expected %s", len(args), expected)
	}
	return to(args[0])
}

func number(word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is no number, expected one", suggest.Quote(word))
	}
	return n, nil
}

func forTask(do func(*Session, string) error) func(context.Context, *Session, []string) (Answer, error) {
	return func(_ context.Context, s *Session, args []string) (Answer, error) {
		return moved(one(args, "the name or the letter of a task", func(name string) error { return do(s, name) }))
	}
}

func undo(direction int) func(context.Context, *Session, []string) (Answer, error) {
	return func(_ context.Context, s *Session, args []string) (Answer, error) {
		n := 1
		var err error
		if len(args) > 0 {
			err = one(args, "a number of steps", func(word string) error { n, err = number(word); return err })
		}
		if err != nil {
			return Answer{}, err
		}
		to := s.at + direction*n
		switch {
		case to < 0:
			return Answer{}, fmt.Errorf("%d steps were taken, and no more can be taken back", s.at)
		case to > s.Len():
			return Answer{}, fmt.Errorf("%d steps were taken back, and no more can be taken again", s.Len()-s.at)
		}
		return moved(s.Go(to))
	}
}

func goTo(ctx context.Context, s *Session, args []string) (Answer, error) {
	if len(args) > 0 && args[0] == "until" {
		return until(ctx, s, args[1:])
	}
	return moved(one(args, "a step", func(word string) error {
		n, err := number(word)
		if err != nil {
			return err
		}
		return s.Go(n)
	}))
}

// patience is how long a search from where the session stands may take.
const patience = 10 * time.Second

func toViolation(ctx context.Context, s *Session, _ []string) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, complete, err := s.ToViolation(ctx)
	switch {
	case err != nil:
		return Answer{}, err
	case found:
		return Answer{Moved: true}, nil
	case complete:
		return Answer{Lines: []string{"nothing that can come after this step breaks anything: every continuation was searched"}}, nil
	}
	return Answer{Lines: []string{"nothing was found that breaks anything, but not every continuation was searched"}}, nil
}

// ahead says how much of what can still come breaks.
func ahead(ctx context.Context, s *Session, _ []string) (Answer, error) {
	c, err := s.Continuations(ctx, patience)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Lines: c.lines()}, nil
}

func choose(_ context.Context, s *Session, args []string) (Answer, error) {
	if len(args) < 1 || len(args) > 2 {
		return Answer{}, fmt.Errorf("%d words, expected a value, or which decision and a value", len(args))
	}
	nums := make([]int, len(args))
	for i, word := range args {
		var err error
		if nums[i], err = number(word); err != nil {
			return Answer{}, err
		}
	}
	which := 1
	if len(nums) == 2 {
		which = nums[0]
	}
	return moved(s.Choose(which-1, nums[len(nums)-1]))
}

func why(_ context.Context, s *Session, args []string) (a Answer, err error) {
	err = one(args, "the name or the letter of a task", func(name string) error {
		_, n, err := s.next(name)
		var blocked *BlockedError
		switch {
		case errors.As(err, &blocked):
			n = &blocked.Next
			a.Lines = append(a.Lines, err.Error())
		case err != nil:
			return err
		default:
			a.Lines = append(a.Lines, n.Task+" can go on")
		}
		for _, h := range n.Holds {
			a.Lines = append(a.Lines, "it holds "+h)
		}
		return nil
	})
	return a, err
}

// save does not overwrite anything: what a reader names by mistake may be his scenario.
func save(_ context.Context, s *Session, args []string) (Answer, error) {
	var lines []string
	err := one(args, "a file", func(name string) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, s.Scenario().String())
		lines = []string{"saved: vmasim step " + name}
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return Answer{}, err
	}
	return Answer{Lines: lines}, nil
}

// explainName says what a name means, or those of the last step: its function, or the statement that it is in, and its cell.
func explainName(_ context.Context, s *Session, args []string) (Answer, error) {
	var found []explain.Entry
	switch {
	case len(args) > 0:
		var err error
		if err = one(args, "a name", func(name string) error { found, err = explain.Find(name); return err }); err != nil {
			return Answer{}, err
		}
	case s.at == 0:
		return Answer{}, errors.New("no step was taken, expected a name")
	default:
		st := &s.trace.Steps[s.at-1]
		in, _, _ := strings.Cut(st.Func, " ") // of a statement its keyword
		for _, name := range []string{in, st.Cell} {
			if all, err := explain.Find(name); err == nil { // a cell may be the scenario's own
				found = append(found, all...)
			}
		}
	}
	var a Answer
	for i := range found {
		a.Lines = append(a.Lines, strings.Split(strings.TrimSuffix(found[i].Text(), "\n"), "\n")...)
	}
	return a, nil
}

func lastSteps(_ context.Context, s *Session, args []string) (a Answer, err error) {
	n := 20
	if len(args) > 0 {
		err = one(args, "a number of steps", func(word string) error { n, err = number(word); return err })
	}
	if err == nil {
		a.Lines = Texts(s.StepLines(max(0, s.at-n)))
	}
	return a, err
}
