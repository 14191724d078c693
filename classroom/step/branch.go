package step

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/explore"
)

// Branch is a run that the reader has gone: the one that the session shows, or one that he has left by taking steps back and going another way.
type Branch struct {
	Number  int    `json:"number"` // from 1, in the order in which they were begun
	Parent  int    `json:"parent"` // of which branch it is a continuation; 0: it is the first
	From    int    `json:"from"`   // how many steps it has in common with that
	Len     int    `json:"len"`
	Turns   string `json:"turns"` // whose the steps behind these are, as schedules have it
	Ends    string `json:"ends"`  // how it ends
	Failed  bool   `json:"failed"`
	Current bool   `json:"current"`
	Run     string `json:"run"` // the schedule
}

// branch is one of the runs of a session.
type branch struct {
	run    explore.Schedule
	ends   string // "": not known
	failed bool
}

// mostBranches is how many runs a session keeps; of more the oldest that is not shown goes.
const mostBranches = 64

// begins reports whether a run begins as another one is.
func begins(run, with *explore.Schedule) bool {
	if len(with.Tasks) > len(run.Tasks) {
		return false
	}
	first := run.UpTo(len(with.Tasks))
	return first.String() == with.String()
}

// enter makes a run the one that is shown: the same as before, or its continuation; one that was left, if it begins so; else a new branch.
func (s *Session) enter(run explore.Schedule) explore.Schedule {
	if len(s.branches) > 0 {
		b := &s.branches[s.current]
		if begins(&run, &b.run) {
			if len(run.Tasks) > len(b.run.Tasks) {
				*b = branch{run: run}
			}
			return run
		}
		s.leave()
	}
	for i := range s.branches {
		switch b := &s.branches[i]; {
		case begins(&b.run, &run):
			s.current = i
			return b.run
		case begins(&run, &b.run):
			*b = branch{run: run}
			s.current = i
			return run
		}
	}
	s.begin(run)
	return run
}

// leave forgets the run that was shown if another one goes on from it: nothing is lost.
func (s *Session) leave() {
	left := &s.branches[s.current].run
	for i := range s.branches {
		if i != s.current && begins(&s.branches[i].run, left) {
			s.branches = slices.Delete(s.branches, s.current, s.current+1)
			return
		}
	}
}

// begin begins a branch.
func (s *Session) begin(run explore.Schedule) {
	if len(s.branches) == mostBranches {
		oldest := 0
		if s.current == 0 {
			oldest = 1
		}
		s.branches = slices.Delete(s.branches, oldest, oldest+1)
	}
	s.branches = append(s.branches, branch{run: run})
	s.current = len(s.branches) - 1
}

// Keep adds runs that were left in an earlier session of the same scenario, as far as they are possible in this one, which has just begun.
func (s *Session) Keep(runs []explore.Schedule) error {
	s.branches, s.current = nil, 0
	for _, run := range runs {
		run.Scenario, run.Rules = s.program.Fingerprints()
		t, err := s.program.Replay(run)
		if err != nil {
			return err
		}
		if run = run.UpTo(len(t.Steps)); len(run.Tasks) > 0 {
			s.enter(run)
		}
	}
	if len(s.run.Tasks) > 0 {
		return s.show(s.run, s.at)
	}
	s.begin(s.run) // of a new way nothing is known yet
	return nil
}

// Branches returns the runs that the reader has gone.
func (s *Session) Branches() ([]Branch, error) {
	all := make([]Branch, len(s.branches))
	for i := range s.branches {
		b := &s.branches[i]
		if err := s.end(b, i == s.current); err != nil {
			return nil, err
		}
		all[i] = Branch{Number: i + 1, Len: len(b.run.Tasks), Ends: b.ends, Failed: b.failed, Current: i == s.current, Run: b.run.String()}
		for j := range s.branches[:i] {
			if n := common(&b.run, &s.branches[j].run); all[i].Parent == 0 || n > all[i].From {
				all[i].Parent, all[i].From = j+1, n
			}
		}
		all[i].Turns = turns(&b.run, all[i].From)
	}
	return all, nil
}

// end finds out how a branch ends.
func (s *Session) end(b *branch, current bool) error {
	if b.ends != "" {
		return nil
	}
	t := s.trace
	if !current || s.at < len(b.run.Tasks) {
		var err error
		if t, err = s.program.Replay(b.run); err != nil {
			return err
		}
	}
	b.ends, b.failed = t.Ends(), t.Ending.Failed()
	if b.failed {
		b.ends, _, _ = strings.Cut(b.ends, ":") // what is broken stands where the run is shown
	}
	return nil
}

// common returns how many steps two runs begin with alike.
func common(a, b *explore.Schedule) int {
	n := 0
	for n < min(len(a.Tasks), len(b.Tasks)) && a.Tasks[n] == b.Tasks[n] {
		n++
	}
	for ; n > 0; n-- { // what was decided, too
		if x, y := a.UpTo(n), b.UpTo(n); x.String() == y.String() {
			break
		}
	}
	return n
}

// turns words whose the steps of a run behind the first from are, as a schedule does.
func turns(run *explore.Schedule, from int) string {
	s := explore.Schedule{Tasks: run.Tasks[from:]}
	for _, d := range run.Choices {
		if d.Step > from || from == 0 {
			s.Choices = append(s.Choices, explore.StepDecision{Step: d.Step - from, Value: d.Value})
		}
	}
	return strings.TrimPrefix(s.String(), (&explore.Schedule{}).String())
}

// Branch goes to the end of a branch.
func (s *Session) Branch(number int) error {
	if number < 1 || number > len(s.branches) {
		return fmt.Errorf("branch %d is not there, expected one from 1 to %d", number, len(s.branches))
	}
	run := s.branches[number-1].run
	t, err := s.program.Replay(run) // an oracle that was switched on since may end it earlier
	if err != nil {
		return err
	}
	if number-1 != s.current {
		s.leave()
		s.current = slices.IndexFunc(s.branches, func(b branch) bool { return b.run.String() == run.String() })
	}
	return s.show(run, len(t.Steps))
}

// BranchLines show the branches as a tree.
func (s *Session) BranchLines() (lines []string, err error) {
	all, err := s.Branches()
	if err != nil {
		return nil, err
	}
	var under func(parent, depth int)
	under = func(parent, depth int) {
		for i := range all {
			if b := &all[i]; b.Parent == parent {
				lines = append(lines, b.line(depth))
				under(b.Number, depth+1)
			}
		}
	}
	under(0, 0)
	return lines, nil
}

func (b *Branch) line(depth int) string {
	mark := " "
	if b.Current {
		mark = "*"
	}
	text := fmt.Sprintf("%s %s%d  ", mark, strings.Repeat("  ", depth), b.Number)
	if b.Parent > 0 {
		text += fmt.Sprintf("from step %d on ", b.From+1)
	}
	if b.Turns != "" {
		text += b.Turns + ": "
	}
	return text + b.Ends
}
