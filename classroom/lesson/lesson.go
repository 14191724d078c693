// Package lesson has the course: lessons that ask for a prediction before they tell, and levels in which a scenario is to be broken or
// mended. No answers are kept: a prediction is marked by running or searching the scenario of its step, a level by the run or the rules that
// were found for it.
package lesson

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"vmasim/internal/suggest"
	"vmasim/workloads"
)

// Lesson is told in steps.
type Lesson struct {
	Name      string   `json:"name"` // of its file
	Title     string   `json:"title"`
	About     string   `json:"about"`   // a sentence or two, for who chooses one
	Minutes   int      `json:"minutes"` // that it takes
	Scenarios []string `json:"scenarios"`
	Steps     []Step   `json:"steps"`
}

// Step tells something, and may ask what comes next.
type Step struct {
	Title    string   `json:"title"`
	Before   []string `json:"before"`   // paragraphs; those whose lines begin with four spaces are drawn as they are
	Scenario string   `json:"scenario"` // its name; "": the step has none
	Text     string   `json:"text"`     // of the scenario, without what it says of its own end
	Rules    string   `json:"rules"`
	Moves    string   `json:"moves"` // who has gone how far, for [Play]; "": nothing is shown
	Table    *Table   `json:"table"` // nil: none
	Question string   `json:"question"`
	Choices  []string `json:"choices"`

	show  string   // an oracle that searches go on to; "": the scenario's own, or the first one
	then  string   // the moves that the question is about, behind Moves
	about string   // the kind of the question and what it asks for
	after []string // told when the question is answered
}

// Questions returns how many the lesson asks.
func (l *Lesson) Questions() (n int) {
	for i := range l.Steps {
		if l.Steps[i].Question != "" {
			n++
		}
	}
	return n
}

//go:embed text/*.txt
var texts embed.FS

// order is that of the course.
var order = []string{"detach", "overlap", "reuse", "locks"}

// Lessons returns the course.
func Lessons() ([]Lesson, error) {
	all := make([]Lesson, len(order))
	for i, name := range order {
		file := path.Join("text", name+".txt")
		text, err := texts.ReadFile(file)
		if err != nil {
			return nil, err
		}
		l, err := read(file, name, string(text))
		if err != nil {
			return nil, err
		}
		all[i] = *l
	}
	return all, nil
}

// Find returns the lesson of that name.
func Find(name string) (*Lesson, error) {
	all, err := Lessons()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, errors.New(suggest.Unknown("lesson", name, order, "one of "+strings.Join(order, ", ")))
}

// bare returns the text of a built-in scenario without its story and what it says of its own end, and with show, if that is not "", as the
// oracle that a search goes on to.
func bare(name, show string) (string, error) {
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		return "", err
	}
	c := *sc
	c.Title, c.Doc, c.Verdicts, c.Rules, c.Questions, c.Schedule = "", "", nil, nil, nil, nil
	text := strings.TrimSpace(c.String()) + "\n"
	if show != "" {
		text = "show " + show + "\n\n" + text
	}
	return text, nil
}

// read reads the text of a lesson: lines of words about it, then its steps. Of a step come first lines of words, of which the first
// one begins with step, then paragraphs, and behind a line that says reveal those that are told later.
func read(file, name, text string) (*Lesson, error) {
	l := &Lesson{Name: name}
	var step *Step
	var paragraphs *[]string // nil: among the lines of words
	var block []string
	end := func() {
		if len(block) > 0 {
			*paragraphs = append(*paragraphs, strings.Join(block, "\n"))
			block = nil
		}
	}
	for i, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		var err error
		switch {
		case word == "step":
			end()
			l.Steps = append(l.Steps, Step{Title: rest})
			step, paragraphs = &l.Steps[len(l.Steps)-1], nil
		case line == "reveal" && step != nil && paragraphs == &step.Before:
			end()
			paragraphs = &step.after
		case strings.TrimSpace(line) == "":
			if paragraphs != nil {
				end()
			} else if step != nil {
				paragraphs = &step.Before
			}
		case paragraphs != nil:
			block = append(block, line)
		case step != nil:
			err = step.word(word, rest)
		default:
			err = l.word(word, rest)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	end()
	for i := range l.Steps {
		s := &l.Steps[i]
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("%s: step %s: %w", file, s.Title, err)
		}
		if s.Scenario != "" && !slices.Contains(l.Scenarios, s.Scenario) {
			l.Scenarios = append(l.Scenarios, s.Scenario)
		}
	}
	return l, nil
}

// word takes in a line about the lesson.
func (l *Lesson) word(word, rest string) error {
	switch word {
	case "title":
		l.Title = rest
	case "about":
		l.About = rest
	case "minutes":
		_, err := fmt.Sscan(rest, &l.Minutes)
		return err
	case "scenarios":
		l.Scenarios = strings.Fields(rest)
	default:
		return errors.New(suggest.Unknown("word", word, []string{"title", "about", "minutes", "scenarios", "step"}, ""))
	}
	return nil
}

// word takes in a line about the step.
func (s *Step) word(word, rest string) (err error) {
	switch word {
	case "scenario":
		s.Scenario, s.show, _ = strings.Cut(rest, " show ")
		s.Text, err = bare(s.Scenario, s.show)
	case "rules":
		s.Rules = rest
	case "moves":
		s.Moves = rest
	case "then":
		s.then = rest
	case "table":
		s.Table, err = findTable(rest)
	case "ask":
		s.about = rest
	case "question":
		s.Question = rest
	case "choices":
		for choice := range strings.SplitSeq(rest, " | ") {
			s.Choices = append(s.Choices, strings.TrimSpace(choice))
		}
	default:
		err = errors.New(suggest.Unknown("word", word, []string{"scenario", "rules", "moves", "then", "table", "ask", "question", "choices"}, ""))
	}
	return err
}

// check reports what the step lacks.
func (s *Step) check() error {
	asks := s.Question != ""
	switch {
	case len(s.Before) == 0:
		return errors.New("nothing is told")
	case asks && (s.about == "" || len(s.Choices) < 2 || len(s.after) == 0):
		return errors.New("a question needs ask, choices and reveal")
	case !asks && (s.about != "" || s.Choices != nil || s.after != nil || s.then != ""):
		return errors.New("ask, choices, then and reveal are for a question, and there is none")
	case s.Scenario == "" && (s.Moves != "" || s.then != "" || s.Rules != ""):
		return errors.New("moves and rules are for a scenario, and there is none")
	}
	if asks {
		_, _, err := s.kind()
		return err
	}
	return nil
}
