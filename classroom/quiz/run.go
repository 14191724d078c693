package quiz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/classroom/step"
	"vmasim/explore/trace"
	"vmasim/internal/lockorder"
	"vmasim/internal/suggest"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// This file has the questions that one run answers, and the one about the order of locks, which is declared.

// valueQuestion shows a run with the values of a cell left out, and asks for the last one.
func valueQuestion(ctx context.Context, d *drawing) (*Question, error) {
	for range tries {
		sc, spec, _, err := small(ctx, d, func(r *program.Result) bool { return r.Verdict() == program.Verified })
		if err != nil {
			return nil, err
		}
		s, err := step.New(sc, program.Setting{Rules: spec})
		if err != nil {
			return nil, err
		}
		q, err := valueOf(d, s, sc, spec)
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		if q != nil {
			return q, nil
		}
	}
	return nil, errNothingFits
}

// valueOf asks about a run of a session, nil if nothing in it can be asked about.
func valueOf(d *drawing, s *step.Session, sc *workloads.Scenario, spec string) (*Question, error) {
	if err := wander(d, s); err != nil {
		return nil, err
	}
	last, cell := askable(s.Trace())
	if last == 0 {
		return nil, nil
	}
	if err := s.Go(last); err != nil {
		return nil, err
	}
	return askValue(sc, spec, s.Trace(), cell, s.ReplayCommand()), nil
}

// wander goes through a scenario to its end, and seldom lets another task go on than the one that did.
func wander(d *drawing, s *step.Session) error {
	who := ""
	for !s.Over() {
		var able []string
		for _, n := range s.Trace().Next {
			if n.Enabled {
				able = append(able, n.Task)
			}
		}
		if !slices.Contains(able, who) || d.IntN(8) == 0 {
			who = among(d, able)
		}
		if err := s.Take(who); err != nil {
			return err
		}
	}
	return nil
}

// askable returns the last step that writes to a count or a sequence number, and which.
func askable(t *trace.Trace) (last int, cell string) {
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Writes() && s.Is != "" && (strings.HasSuffix(s.Cell, ".vm_refcnt") || strings.HasSuffix(s.Cell, ".vm_lock_seq") || strings.HasSuffix(s.Cell, ".mm_lock_seq")) {
			last, cell = s.Number, s.Cell
		}
	}
	return last, cell
}

func askValue(sc *workloads.Scenario, spec string, t *trace.Trace, cell, replay string) *Question {
	lines := about(sc, spec)
	var seen []string // what the steps did to the cell
	value := ""
	first := true
	for i := range t.Steps {
		s := &t.Steps[i]
		line := fmt.Sprintf("%4d %-8s %s", s.Number, s.Task, s.Op)
		switch {
		case s.Cell != cell:
			if !s.Shared && !strings.Contains(s.Cell, ".vm_") {
				continue
			}
			line += " " + s.Cell
			if s.Is != "" {
				line += " = " + s.Is
			}
		default:
			value = s.Is
			seen = append(seen, fmt.Sprintf("%s %s -> %s", line, s.Was, s.Is))
			line += " " + cell
			if first {
				line += ", which was " + s.Was
			}
			first = false
		}
		lines = append(lines, line)
	}
	return &Question{
		Lines:    append(lines, ""),
		Ask:      "Which value has " + cell + " now? a number, such as 2 or 0x40000001",
		mark:     markNumber(value, append([]string{cell + " is " + value + ":"}, seen...), replay),
		solution: fixed(value),
	}
}

// markNumber marks a number, however it is written.
func markNumber(value string, why []string, replay string) func(context.Context, string) (Mark, error) {
	number := func(word string) (uint64, error) { return strconv.ParseUint(word, 0, 64) }
	return func(_ context.Context, answer string) (Mark, error) {
		got, err := number(answer)
		if err != nil {
			return Mark{}, fmt.Errorf("%s is no number", suggest.Quote(answer))
		}
		want, err := number(value)
		return Mark{got == want, why, replay}, err
	}
}

// layoutQuestion draws some calls and asks which VMAs they leave.
func layoutQuestion(_ context.Context, d *drawing) (*Question, error) {
	text := fmt.Sprintf("init\n    mmap A %dK rw private anon\n\nthread t\n", 4*(6+d.IntN(4)))
	for range 3 + d.IntN(3) {
		at := fmt.Sprintf("A+%dK", 4*d.IntN(5))
		size := fmt.Sprintf("%dK", 4*(1+d.IntN(3)))
		switch d.IntN(3) {
		case 0:
			text += fmt.Sprintf("    munmap %s %s\n", at, size)
		case 1:
			text += fmt.Sprintf("    mprotect %s %s %s => ok | ENOMEM\n", at, size, among(d, []string{"r", "rw", "none"}))
		default:
			text += fmt.Sprintf("    mmap %s %s private anon at %s fixed\n", size, among(d, []string{"r", "rw"}), at)
		}
	}
	sc, err := workloads.Parse("layout.vma", []byte(text))
	if err != nil {
		return nil, err
	}
	s, err := step.New(sc, program.Setting{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for !s.Over() {
		if err := s.Take("t"); err != nil {
			return nil, err
		}
	}
	var left []string
	for _, line := range s.Trace().After[0].Lines {
		left = append(left, strings.Join(strings.Fields(line)[:2], " "))
	}
	want := strings.Join(left, ", ")
	return &Question{
		Lines: append(strings.Split(strings.TrimSpace(text), "\n"), ""),
		Ask:   "Which VMAs are there in the end? as A..A+4K rw-p, A+8K..A+16K r--p",
		mark: func(_ context.Context, answer string) (Mark, error) {
			var got []string
			for part := range strings.SplitSeq(answer, ",") {
				got = append(got, strings.Join(strings.Fields(part), " "))
			}
			return Mark{Right: slices.Equal(got, left), Lines: append([]string{"there are"}, left...)}, nil
		},
		solution: fixed(want),
	}, nil
}

// locksQuestion asks about two locks.
func locksQuestion(_ context.Context, d *drawing) (*Question, error) {
	o := lockorder.Declared()
	outer, inner := d.IntN(len(o.Classes())), d.IntN(len(o.Classes()))
	for inner == outer {
		inner = d.IntN(len(o.Classes()))
	}
	if d.IntN(2) == 0 { // of two that are drawn few are in order
		for len(o.Next(outer)) == 0 {
			outer = d.IntN(len(o.Classes()))
		}
		inner = among(d, o.Next(outer))
	}
	a, b := o.Classes()[outer], o.Classes()[inner]
	may := o.Before(outer, inner)
	return &Question{
		Lines: []string{a.Name + ": " + a.Doc, b.Name + ": " + b.Doc, ""},
		Ask:   fmt.Sprintf("May a task that holds %s wait for %s? yes or no", a.Name, b.Name),
		mark: func(_ context.Context, answer string) (Mark, error) {
			says, err := yesNo(answer, "yes", "no")
			m := Mark{Right: says == may}
			switch {
			case may:
				m.Lines = []string{"it may: " + o.Way(outer, inner)}
			case o.Before(inner, outer):
				m.Lines = []string{"it may not, the order is the other way round: " + o.Way(inner, outer), "two tasks, each with one of both, would wait for each other"}
			default:
				m.Lines = []string{"it may not: no order of the two is declared, so a task takes one and gives it back before it takes the other"}
			}
			return m, err
		},
		solution: fixed(word(may, "yes", "no")),
	}, nil
}
