package step

import (
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
)

func do(tb testing.TB, s *Session, lines ...string) {
	tb.Helper()
	for _, line := range lines {
		if _, err := s.Do(tb.Context(), line); err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
	}
}

func branchesOf(tb testing.TB, s *Session) []Branch {
	tb.Helper()
	all, err := s.Branches()
	must(tb, err)
	return all
}

// TestBranchesStay: going another way keeps the way that was gone, going on along one is no new one, and each is found again at its end.
func TestBranchesStay(t *testing.T) {
	s := begun(t, "detach-race")
	if all := branchesOf(t, s); len(all) != 1 || !all[0].Current || all[0].Len != 0 || all[0].Ends != "stands behind step 0" {
		t.Errorf("before the first step: %+v", all)
	}
	do(t, s, "A 8", "undo", "redo", "go 3", "go 8")
	if all := branchesOf(t, s); len(all) != 1 || all[0].Len != 8 || all[0].Turns != "A8" {
		t.Errorf("one way: %+v", all)
	}
	do(t, s, "undo 3", "B 2", "undo", "A")
	all := branchesOf(t, s)
	if len(all) != 3 || all[1].Parent != 1 || all[1].From != 5 || all[1].Turns != "B2" || all[2].Parent != 2 || all[2].From != 6 || all[2].Turns != "A1" || !all[2].Current {
		t.Errorf("three ways: %+v", all)
	}
	do(t, s, "undo 2", "A") // which begins the first one
	if all := branchesOf(t, s); len(all) != 3 || !all[0].Current || s.At() != 6 || s.Len() != 8 {
		t.Errorf("the first one again: %+v, at %d of %d", all, s.At(), s.Len())
	}
	do(t, s, "branch 2")
	if s.At() != 7 || s.Schedule().Tasks[6] != 1 {
		t.Errorf("%d steps are taken", s.At())
	}
	lines, err := s.BranchLines()
	must(t, err)
	want := []string{
		"  1  A8: stands behind step 8",
		"*   2  from step 6 on B2: stands behind step 7",
		"      3  from step 7 on A1: stands behind step 7",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
	if err := s.Branch(4); err == nil || err.Error() != "branch 4 is not there, expected one from 1 to 3" {
		t.Errorf("%v", err)
	}
}

// TestBranchesEnd: a branch says what it breaks, and with that oracle switched off something else.
func TestBranchesEnd(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	do(t, s, "go 5", "B")
	all := branchesOf(t, s)
	if len(all) != 2 || !all[0].Failed || all[0].Ends != "breaks lock-left-held" || all[1].Failed {
		t.Errorf("%+v", all)
	}
	do(t, s, "oracle lock-left-held")
	if all := branchesOf(t, s); all[0].Failed || all[0].Ends != "stands behind step 34" {
		t.Errorf("%+v", all)
	}
	do(t, s, "oracle lock-left-held", "branch 1")
	if !s.Over() || s.At() != 34 {
		t.Errorf("at step %d", s.At())
	}
}

// TestBranchesChoose: a decision made otherwise is another way.
func TestBranchesChoose(t *testing.T) {
	s := begun(t, "failed-mmap")
	for !s.Over() && len(s.Trace().Steps[max(0, s.At()-1):]) >= 0 {
		if s.At() > 0 && len(s.Trace().Steps[s.At()-1].Choices) > 0 {
			break
		}
		do(t, s, "A")
	}
	do(t, s, "choose 1")
	if all := branchesOf(t, s); len(all) != 2 || all[1].From != s.At()-1 || !strings.Contains(all[1].Turns, "=1") {
		t.Errorf("%+v", all)
	}
}

// TestBranchesAreKept: those of an earlier session come before what is opened, each as far as it is possible.
func TestBranchesAreKept(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(3))
	wrong, other := raceRun(t).UpTo(8), raceRun(t).UpTo(9)
	wrong.Tasks, wrong.Rules = append(wrong.Tasks, 1, 9), "other"
	other.Tasks[8] = 0
	must(t, s.Keep([]explore.Schedule{wrong, {}, other}))
	all := branchesOf(t, s)
	if len(all) != 2 || all[0].Len != 34 || !all[0].Current || all[1].Turns != "A1" || s.At() != 3 {
		t.Errorf("%+v", all)
	}
}

// TestTaskCalledAsACommand: the name of a task takes its step, also where a command is called so, which has more words.
func TestTaskCalledAsACommand(t *testing.T) {
	s := begun(t, "detach-race")
	do(t, s, "writer", "writer 2")
	if s.At() != 3 {
		t.Errorf("%d steps are taken", s.At())
	}
	if a, err := s.Do(t.Context(), "writer mm.mm_lock_seq"); err != nil || len(a.Lines) == 0 || s.At() != 3 {
		t.Errorf("%v %v", a, err)
	}
}

// TestBeginAnew: who begins anew beside runs that were kept has none of their steps before him, and a way that was gone before is no second one.
func TestBeginAnew(t *testing.T) {
	s := begun(t, "detach-race")
	must(t, s.Keep([]explore.Schedule{*raceRun(t)}))
	do(t, s, "A 3")
	if all := branchesOf(t, s); len(all) != 2 || s.Len() != 3 || !all[1].Current || all[1].From != 3 || all[1].Turns != "" {
		t.Errorf("%d steps, %+v", s.Len(), all)
	}
	do(t, s, "branch 1")
	if all := branchesOf(t, s); len(all) != 1 || !all[0].Current || s.At() != 34 {
		t.Errorf("%+v", all)
	}
}

// TestManyBranches: of more than are kept the oldest goes, and what is shown stays.
func TestManyBranches(t *testing.T) {
	s := begun(t, "detach-race")
	own := s.run
	for i := range mostBranches + 5 {
		run := own
		run.Tasks = slices.Repeat([]uint8{0}, i)
		run.Tasks = append(run.Tasks, 1)
		s.enter(run)
	}
	if len(s.branches) != mostBranches || s.current != mostBranches-1 || len(s.branches[0].run.Tasks) != 6 {
		t.Errorf("%d branches, the first of %d steps", len(s.branches), len(s.branches[0].run.Tasks))
	}
}
