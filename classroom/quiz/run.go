package quiz

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/explore"
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
		sc, spec, err := stated(d, false)
		if err != nil {
			return nil, err
		}
		q, err := valueOf(ctx, d, sc, spec)
		if err != nil {
			return nil, err
		}
		if q != nil {
			return q, nil
		}
	}
	return nil, errNothingFits
}

// valueOf asks about a run that is drawn, nil if nothing in it can be asked about.
func valueOf(ctx context.Context, d *drawing, sc *workloads.Scenario, spec string) (*Question, error) {
	run, err := oneRun(ctx, sc, program.Setting{Rules: spec}, explore.Options{Strategy: explore.PCT, Seed: d.Uint64()})
	if err != nil || run == nil {
		return nil, err
	}
	p, err := program.New(sc, program.Setting{Rules: spec})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	t, err := p.Replay(*run)
	if err != nil {
		return nil, err
	}
	last, cell := askable(t)
	if last == 0 {
		return nil, nil
	}
	upTo := run.UpTo(last)
	if t, err = p.Replay(upTo); err != nil {
		return nil, err
	}
	return askValue(sc, spec, t, cell, runOf(sc, spec, upTo.String(), p.ReplayCommand(&upTo))), nil
}

// oneRun has a strategy make one run to its end, nil if it was cut off or broke something.
func oneRun(ctx context.Context, sc *workloads.Scenario, setting program.Setting, o explore.Options) (*explore.Schedule, error) {
	o.Executions = 1
	r, err := program.Explore(ctx, sc, program.Options{Setting: setting, Options: o})
	if err != nil || len(r.Outcomes) == 0 {
		return nil, err
	}
	return &r.Outcomes[0].First, nil
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

func askValue(sc *workloads.Scenario, spec string, t *trace.Trace, cell string, run *Run) *Question {
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
		Form:     Number,
		mark:     markNumber(value, append([]string{cell + " is " + value + ":"}, seen...), run),
		solution: fixed(value),
	}
}

// markNumber marks a number, however it is written.
func markNumber(value string, why []string, run *Run) func(context.Context, string) (Mark, error) {
	number := func(word string) (uint64, error) { return strconv.ParseUint(word, 0, 64) }
	return func(_ context.Context, answer string) (Mark, error) {
		got, err := number(answer)
		if err != nil {
			return Mark{}, fmt.Errorf("%s is no number", suggest.Quote(answer))
		}
		want, err := number(value)
		return Mark{got == want, why, run}, err
	}
}

// layoutQuestion draws some calls and asks which VMAs they leave.
func layoutQuestion(ctx context.Context, d *drawing) (*Question, error) {
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
	p, err := program.New(sc, program.Setting{})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	run, err := oneRun(ctx, sc, program.Setting{}, explore.Options{}) // one task has no other
	if err != nil {
		return nil, err
	}
	if run == nil {
		return nil, errNothingFits
	}
	t, err := p.Replay(*run)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, line := range t.After[0].Lines {
		left = append(left, strings.Join(strings.Fields(line)[:2], " "))
	}
	want := strings.Join(left, ", ")
	decides := runOf(sc, p.Rules(), run.String(), p.ReplayCommand(run))
	return &Question{
		Lines: append(strings.Split(strings.TrimSpace(text), "\n"), ""),
		Ask:   "Which VMAs are there in the end? as A..A+4K rw-p, A+8K..A+16K r--p",
		Form:  Layout,
		mark: func(_ context.Context, answer string) (Mark, error) {
			var got []string
			for part := range strings.SplitSeq(answer, ",") {
				got = append(got, strings.Join(strings.Fields(part), " "))
			}
			return Mark{Right: slices.Equal(got, left), Lines: append([]string{"there are"}, left...), Run: decides}, nil
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
		Form:  Choice, Choices: []string{"yes", "no"},
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
