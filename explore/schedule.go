package explore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/internal/suggest"
)

// Schedule is the decisions of one execution: who took each step, and what was chosen besides. Together with the program
// it determines the execution.
type Schedule struct {
	Scenario, Rules string // fingerprints of what it belongs to, without blanks and colons

	Tasks   []uint8        // the task of each step, by its place in the world
	Choices []StepDecision // in the order in which they were made
}

// StepDecision is a decision besides scheduling.
type StepDecision struct {
	Step  int // the step it was made in, counted from 1; 0: before the first
	Value int
}

// scheduleVersion begins the printed form.
const scheduleVersion = "v2"

func (s *Schedule) clear() {
	s.Tasks = s.Tasks[:0]
	s.Choices = s.Choices[:0]
}

func (s *Schedule) step(i int) { s.Tasks = append(s.Tasks, uint8(i)) }

func (s *Schedule) choice(v int) {
	s.Choices = append(s.Choices, StepDecision{Step: len(s.Tasks), Value: v})
}

// clone returns a copy that shares nothing.
func (s *Schedule) clone() Schedule {
	c := *s
	c.Tasks, c.Choices = slices.Clone(s.Tasks), slices.Clone(s.Choices)
	return c
}

// UpTo returns the schedule of the first steps.
func (s *Schedule) UpTo(steps int) Schedule {
	c := s.clone()
	c.Tasks = c.Tasks[:min(steps, len(c.Tasks))]
	c.Choices = slices.DeleteFunc(c.Choices, func(d StepDecision) bool { return d.Step > steps })
	return c
}

// Switches returns how often the turn goes from one task to another.
func (s *Schedule) Switches() int {
	n := 0
	for i := 1; i < len(s.Tasks); i++ {
		if s.Tasks[i] != s.Tasks[i-1] {
			n++
		}
	}
	return n
}

// String returns the printed form, which [ParseSchedule] reads: the version, the fingerprints, and the tasks' letters with
// the number of steps each takes. The values chosen in a step stand behind it, as in "A3=0,1", unless all are 0; those of
// the time before the first step come first, as "=1".
func (s *Schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s:%s:", scheduleVersion, s.Scenario, s.Rules)
	chosen := s.notable()
	sep := ""
	if v := chosen[0]; v != "" {
		b.WriteString(v)
		sep = " "
	}
	for at := 0; at < len(s.Tasks); {
		n := 1
		for chosen[at+n] == "" && at+n < len(s.Tasks) && s.Tasks[at+n] == s.Tasks[at] {
			n++
		}
		fmt.Fprintf(&b, "%s%c%d%s", sep, 'A'+s.Tasks[at], n, chosen[at+n])
		sep = " "
		at += n
	}
	return b.String()
}

// notable returns the printed choices of the steps that have any other than 0.
func (s *Schedule) notable() map[int]string {
	all := map[int]string{}
	for i := 0; i < len(s.Choices); {
		step, text, notable := s.Choices[i].Step, "", false
		for ; i < len(s.Choices) && s.Choices[i].Step == step; i++ {
			v := s.Choices[i].Value
			notable = notable || v != 0
			text += "," + strconv.Itoa(v)
		}
		if notable {
			all[step] = "=" + text[1:]
		}
	}
	return all
}

// someVersion reports whether a word names a version of schedules.
func someVersion(word string) bool {
	number, ok := strings.CutPrefix(word, "v")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

var errSchedule = errors.New("not a schedule")

// maxScheduleSteps is how many steps a printed schedule can ask for.
const maxScheduleSteps = 1 << 20

// ParseSchedule reads the printed form. Spaces and line breaks may stand between the turns.
func ParseSchedule(text string) (Schedule, error) {
	parts := strings.SplitN(strings.TrimSpace(text), ":", 4)
	if someVersion(parts[0]) && parts[0] != scheduleVersion {
		return Schedule{}, fmt.Errorf("%w of version %s: it has version %s", errSchedule, scheduleVersion, suggest.Quote(parts[0]))
	}
	if len(parts) != 4 || parts[0] != scheduleVersion {
		return Schedule{}, fmt.Errorf("%w: expected %s:SCENARIO:RULES:TURNS", errSchedule, scheduleVersion)
	}
	s := Schedule{Scenario: parts[1], Rules: parts[2]}
	for turn := range strings.FieldsSeq(parts[3]) {
		if err := s.parseTurn(turn); err != nil {
			return Schedule{}, fmt.Errorf("%w: turn %s: %w", errSchedule, suggest.Quote(turn), err)
		}
	}
	return s, nil
}

func (s *Schedule) parseTurn(turn string) error {
	steps, values, chosen := strings.Cut(turn, "=")
	if steps == "" && len(s.Tasks) > 0 {
		return errors.New("no task")
	}
	if steps != "" {
		i := int(steps[0]) - 'A'
		n, err := strconv.Atoi(steps[1:])
		switch {
		case i < 0 || i >= maxTasks:
			return fmt.Errorf("tasks are A to %c", 'A'+maxTasks-1)
		case err != nil || n < 1 || n > maxScheduleSteps-len(s.Tasks):
			return errors.New("a number of steps must follow the task")
		}
		for range n {
			s.step(i)
		}
	}
	if !chosen {
		return nil
	}
	for v := range strings.SplitSeq(values, ",") {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return errors.New("a choice is a number")
		}
		s.choice(n)
	}
	return nil
}
