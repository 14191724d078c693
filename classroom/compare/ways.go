package compare

import (
	"fmt"
	"slices"

	"vmasim/explore/trace"
)

// This file says where the two sides of a comparison go different ways beside where a task waits.

// tellWays finds where a task does on both sides something of its own, and comes to no step of the same statement that both have.
func (f *follower) tellWays() {
	for _, name := range f.with.Tasks {
		if p, at, ok := f.way(name); ok {
			f.partings, f.at = append(f.partings, p), append(f.at, at)
		}
	}
}

// way finds where a task goes another way for the first time.
func (f *follower) way(name string) (trace.Parting, place, bool) {
	var mine []int // the rows of the task
	for i := range f.rows {
		if a, b := f.sides(i); a != nil && a.Task == name || b != nil && b.Task == name {
			mine = append(mine, i)
		}
	}
	for i := 0; i < len(mine); i++ {
		a, b := f.sides(mine[i])
		if a != nil && b != nil {
			continue
		}
		end := i
		var own, other *trace.Step // the first steps that one side has alone
		row := 0                   // of own
		for ; end < len(mine); end++ {
			a, b = f.sides(mine[end])
			if a != nil && b != nil || f.rows[mine[end]].Late > 0 {
				break
			}
			if a != nil && own == nil {
				own, row = a, mine[end]
			}
			if b != nil && other == nil {
				other = b
			}
		}
		if own != nil && other != nil && own.Statement == other.Statement && !f.comeTogether(mine[end:], own.Statement) {
			text := fmt.Sprintf("step %d: %s goes on with %s under %s, with %s under %s", own.Number, name, stepText(own), f.names[0], stepText(other), f.names[1])
			return trace.Parting{Row: row, Text: text}, place{own.Number, name + " goes another way"}, true
		}
		i = max(i, end-1)
	}
	return trace.Parting{}, place{}, false
}

// comeTogether reports whether one of a task's rows belongs to the statement on both sides.
func (f *follower) comeTogether(rows []int, statement string) bool {
	for _, i := range rows {
		a, b := f.sides(i)
		switch {
		case a != nil && a.Statement != statement, a == nil && b.Statement != statement:
			return false
		case a != nil && b != nil || f.rows[i].Late > 0:
			return true
		}
	}
	return false
}

// sides returns the steps of a row, nil for none.
func (f *follower) sides(row int) (a, b *trace.Step) {
	if n := f.rows[row].With; n > 0 {
		a = &f.with.Steps[n-1]
	}
	if n := f.rows[row].Against; n > 0 {
		b = &f.trace.Steps[n-1]
	}
	return a, b
}

// tellEnd says which side breaks a rule, or stops, where the other does not.
func (f *follower) tellEnd() {
	a, b := f.with, f.trace
	switch {
	case a.Ending.Failed() && a.Oracle() != b.Oracle():
		f.ending(a, len(a.Steps), 0, f.rowOf(func(r trace.Row) bool { return r.With == len(a.Steps) }))
	case b.Ending.Failed() && a.Oracle() != b.Oracle():
		row := f.rowOf(func(r trace.Row) bool { return r.Against == len(b.Steps) })
		step := 0 // of the run, at or before it
		for _, r := range f.rows[:min(row, len(f.rows))] {
			step = max(step, r.With)
		}
		f.ending(b, step, 1, row)
	case a.Ending == trace.Finished && b.Ending == trace.Finished && a.Outcome != b.Outcome:
		text := fmt.Sprintf("both finish, but not alike: %s under %s, %s under %s", a.Outcome, f.names[0], b.Outcome, f.names[1])
		f.partings = append(f.partings, trace.Parting{Row: len(f.rows), Text: text})
		f.at = append(f.at, place{len(a.Steps), "the outcome differs"})
	}
	f.sort()
}

// rowOf returns how many rows there are up to the one that is looked for, or all.
func (f *follower) rowOf(is func(trace.Row) bool) int {
	if i := slices.IndexFunc(f.rows, is); i >= 0 {
		return i + 1
	}
	return len(f.rows)
}

// ending notes that one side ends where it must not.
func (f *follower) ending(t *trace.Trace, step, side, row int) {
	text := fmt.Sprintf("step %d: under %s the run %s; under %s it does not", step, f.names[side], t.Ends(), f.names[1-side])
	f.partings = append(f.partings, trace.Parting{Row: row, Text: text})
	f.at = append(f.at, place{step, fmt.Sprintf("side %d %s", side, t.Oracle())})
}

// sort puts the partings in order.
func (f *follower) sort() {
	order := make([]int, len(f.partings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return f.partings[i].Row - f.partings[j].Row })
	partings, at := f.partings, f.at
	f.partings, f.at = nil, nil
	for _, i := range order {
		f.partings, f.at = append(f.partings, partings[i]), append(f.at, at[i])
	}
}
