package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/suggest"
	"vmasim/internal/task"
	"vmasim/vma"
)

// within reports whether a cell is what a name says, or is in it.
func within(cell, name string) bool {
	rest, ok := strings.CutPrefix(cell, name)
	return ok && (rest == "" || strings.ContainsRune(".[+", rune(rest[0])))
}

// touches reports whether a step has to do with an object or a cell: it accesses that or a part of it, or makes or frees it.
func touches(t *trace.Trace, st *trace.Step, name string) bool {
	return within(st.Cell, name) || st.Size > 0 && within(name, st.Cell) ||
		slices.ContainsFunc(t.Lives, func(l trace.Life) bool {
			return l.Name == name && (l.Born == st.Number || l.Freed == st.Number)
		})
}

// known are the cells and the objects that the steps of a trace have had to do with, and the fields of VMAs and of address spaces.
func known(t *trace.Trace) (names []string) {
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for i := range t.Steps {
		cell := t.Steps[i].Cell
		object, _, _ := strings.Cut(cell, ".")
		add(object)
		add(cell)
	}
	fields := func(object string, l *task.Layout) {
		add(object)
		for i := range l.Fields {
			if name := l.Fields[i].Name; name != "" {
				add(object + "." + name)
			}
		}
	}
	for _, l := range t.Lives {
		if l.Type == vma.Layout().Type {
			fields(l.Name, vma.Layout())
		}
		add(l.Name)
	}
	for _, m := range t.Before {
		fields(m.As, vma.MMLockLayout())
	}
	return names
}

// resolve returns the cell or object that a word names: wholly, or by its end where only one ends so.
func resolve(word string, names []string) (string, error) {
	if slices.Contains(names, word) {
		return word, nil
	}
	ends := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasSuffix(name, "."+word) })
	switch len(ends) {
	case 1:
		return ends[0], nil
	case 0:
		return "", errors.New(suggest.Unknown("cell or object", word, names, "one that state lists"))
	}
	return "", fmt.Errorf("%s can be %s: expected one of these", suggest.Quote(word), strings.Join(ends, ", "))
}

// coming returns the trace of all that comes from here: of a task's steps, as far as it can go, or, without one, of the steps that were taken
// back. stop says where the task cannot go on.
func (s *Session) coming(task string, atMost int) (t *trace.Trace, stop error, err error) {
	run := s.run
	if task != "" {
		place, _, err := s.next(task)
		if err != nil {
			return nil, nil, err
		}
		run = s.run.UpTo(s.at)
		run.Tasks = append(run.Tasks, slices.Repeat([]uint8{uint8(place)}, atMost)...)
	}
	t, err = s.program.Replay(run)
	if err != nil {
		return nil, nil, err
	}
	if task != "" && t.Diverged != nil {
		stop = fmt.Errorf("%s comes to step %d and goes no further", s.trace.Tasks[run.Tasks[s.at]], len(t.Steps))
	}
	return t, stop, nil
}

// seek goes on to the first step that is good: by the steps of a task, or, without one, along those that were taken back.
func (s *Session) seek(task, what string, good func(t *trace.Trace, st *trace.Step) bool) error {
	for atMost := 64; ; atMost *= 8 {
		t, stop, err := s.coming(task, atMost)
		if err != nil {
			return err
		}
		for i := s.at; i < len(t.Steps); i++ {
			if good(t, &t.Steps[i]) {
				return s.goAlong(t, i+1)
			}
		}
		switch {
		case task == "" && s.at == s.Len():
			return fmt.Errorf("no step was taken back along which to go on: name the task whose steps are to be taken until %s", what)
		case task == "":
			return fmt.Errorf("none of the %d steps that were taken back: %s", s.Len()-s.at, what)
		case stop != nil:
			return fmt.Errorf("%w before %s", stop, what)
		case atMost >= mostSought:
			return fmt.Errorf("%d more steps of %s come not to where %s", atMost, task, what)
		}
	}
}

// mostSought is how many steps of a task are looked through at most.
const mostSought = 64 * 8 * 8

// goAlong goes to the n-th step of a trace. Steps that were taken back stay if these are among them.
func (s *Session) goAlong(t *trace.Trace, n int) error {
	run := s.run.UpTo(s.at)
	for _, st := range t.Steps[s.at:n] {
		run.Tasks = append(run.Tasks, uint8(slices.Index(t.Tasks, st.Task)))
	}
	if n <= s.Len() && slices.Equal(run.Tasks, s.run.Tasks[:n]) {
		return s.show(s.run, n)
	}
	return s.show(run, n)
}

// On goes on to the next step that touches an object or a cell: by the steps of a task, or, without one, along those that were taken back.
func (s *Session) On(name, task string) error {
	t, _, err := s.coming(task, mostSought)
	if err != nil {
		return err
	}
	if name, err = resolve(name, known(t)); err != nil {
		return err
	}
	return s.seek(task, "a step touches "+name, func(t *trace.Trace, st *trace.Step) bool { return touches(t, st, name) })
}

// Back goes back to the last step before this one that touches an object or a cell.
func (s *Session) Back(name string) error {
	name, err := resolve(name, known(s.trace))
	if err != nil {
		return err
	}
	for n := s.at - 1; n > 0; n-- {
		if touches(s.trace, &s.trace.Steps[n-1], name) {
			return s.Go(n)
		}
	}
	return fmt.Errorf("no step before this one touches %s", name)
}

// Writer returns the step that wrote the value of a cell last, nil if none did.
func (s *Session) Writer(cell string) (name string, st *trace.Step, err error) {
	if name, err = resolve(cell, known(s.trace)); err != nil {
		return "", nil, err
	}
	for i := len(s.trace.Steps) - 1; i >= 0; i-- {
		if st := &s.trace.Steps[i]; st.Writes() && (st.Cell == name || st.Size > 0 && within(name, st.Cell)) {
			return name, st, nil
		}
	}
	return name, nil, nil
}

// on is the command of [Session.On].
func on(_ context.Context, s *Session, args []string) (Answer, error) {
	switch len(args) {
	case 1:
		return moved(s.On(args[0], ""))
	case 2:
		return moved(s.On(args[0], args[1]))
	}
	return Answer{}, fmt.Errorf("%d words, expected a cell or an object, and perhaps a task", len(args))
}

// back is the command of [Session.Back].
func back(_ context.Context, s *Session, args []string) (Answer, error) {
	return moved(one(args, "a cell or an object", s.Back))
}

// writer is the command of [Session.Writer].
func writer(_ context.Context, s *Session, args []string) (a Answer, err error) {
	err = one(args, "a cell", func(cell string) error {
		name, st, err := s.Writer(cell)
		switch {
		case err != nil:
			return err
		case st == nil:
			a.Lines = []string{"no step has written " + name}
			return nil
		}
		a.Lines = []string{fmt.Sprintf("%s was last written by %s, in %s:", name, st.Task, st.Statement), s.stepLine(st)}
		return nil
	})
	return a, err
}
