package quiz

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vmasim/classroom/step"
	"vmasim/explore"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// TestEveryKind: of each kind, the solution is right, something else is wrong or no answer, and a seed draws the same question again.
func TestEveryKind(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 3
	}
	wrong := map[string][]string{
		"verdict": {"violation", "verified"}, "outcome": {"yes", "no"}, "locks": {"yes", "no"}, "value": {"77"}, "layout": {"A..A+1000K rw-p"}, "break": {"A1", "A9 B9 A90"},
	}
	for _, k := range Kinds() {
		different := map[string]bool{}
		for seed := range seeds {
			q, err := New(t.Context(), k.Name, seed)
			if err != nil {
				t.Errorf("%s %d: %v", k.Name, seed, err)
				continue
			}
			different[strings.Join(q.Lines, "\n")] = true
			again, err := New(t.Context(), k.Name, seed)
			if err != nil || !slices.Equal(q.Lines, again.Lines) || q.Ask != again.Ask {
				t.Errorf("%s %d is another question the second time", k.Name, seed)
			}
			solution, err := q.Solution(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m, err := q.Mark(t.Context(), " "+solution+"\n")
			if err != nil || !m.Right || len(m.Lines) == 0 {
				t.Errorf("%s %d: the solution %q is marked %+v, %v\n%s", k.Name, seed, solution, m, err, strings.Join(q.Lines, "\n"))
			}
			opens(t, m.Run)
			opens(t, q.Try)
			if (q.Form == Choice) != slices.Contains(q.Choices, solution) || (q.Form == Order) != (q.Try != nil) {
				t.Errorf("%s %d: form %s, choices %q, solution %q", k.Name, seed, q.Form, q.Choices, solution)
			}
			others := wrong[k.Name]
			if k.Name == "rule" {
				others = q.Choices
			}
			for _, answer := range others {
				if answer == solution {
					continue
				}
				m, err := q.Mark(t.Context(), answer)
				if err != nil || m.Right || len(m.Lines) == 0 {
					t.Errorf("%s %d: %q is marked %+v, %v, where %q is right", k.Name, seed, answer, m, err, solution)
				}
				opens(t, m.Run)
			}
			if _, err := q.Mark(t.Context(), "perhaps"); err == nil && k.Name != "layout" {
				t.Errorf("%s %d: perhaps is an answer", k.Name, seed)
			}
		}
		if len(different) < 2 {
			t.Errorf("%s: %d different questions of %d", k.Name, len(different), seeds)
		}
	}
}

// opens reports a run that its text, rules and schedule do not lead to, or a text that tells what comes of it.
func opens(t *testing.T, r *Run) {
	t.Helper()
	if r == nil {
		return
	}
	sc, err := workloads.Parse(r.Name+workloads.Extension, []byte(r.Text))
	if err != nil {
		t.Error(err)
		return
	}
	if sc.Doc != "" || sc.Verdicts != nil || sc.Rules != nil {
		t.Errorf("%s tells too much:\n%s", r.Name, r.Text)
	}
	var schedule *explore.Schedule
	if r.Schedule != "" {
		s, err := explore.ParseSchedule(r.Schedule)
		if err != nil {
			t.Error(err)
			return
		}
		schedule = &s
	}
	s, err := step.Open(sc, program.Setting{Rules: r.Rules}, schedule)
	if err != nil {
		t.Errorf("%s under %s, %s: %v", r.Name, r.Rules, r.Schedule, err)
		return
	}
	if err := s.Go(s.Len()); err != nil || s.Misfit() != "" {
		t.Errorf("%s under %s, %s: %v, %s", r.Name, r.Rules, r.Schedule, err, s.Misfit())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestBothAnswers: questions with two answers have each of them now and then.
func TestBothAnswers(t *testing.T) {
	for _, kind := range []string{"verdict", "outcome", "locks"} {
		answers := map[string]int{}
		for seed := range uint64(8) {
			q, err := New(t.Context(), kind, seed)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := q.Solution(t.Context())
			answers[s]++
		}
		if len(answers) != 2 {
			t.Errorf("%s: %v", kind, answers)
		}
	}
}

// TestOutcomeShowsOne: who denies an outcome that there is is shown an execution that ends so.
func TestOutcomeShowsOne(t *testing.T) {
	for seed := range uint64(20) {
		q, err := New(t.Context(), "outcome", seed)
		if err != nil {
			t.Fatal(err)
		}
		if s, _ := q.Solution(t.Context()); s != "yes" {
			continue
		}
		m, err := q.Mark(t.Context(), "no")
		if err != nil || m.Right || m.Run == nil || !strings.HasPrefix(m.Run.Replay, "vmasim replay ") {
			t.Errorf("%+v, %v", m, err)
		}
		return
	}
	t.Error("no outcome can happen")
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(t.Context(), "verdit", 1); err == nil || !strings.Contains(err.Error(), `did you mean "verdict"?`) {
		t.Errorf("%v", err)
	}
}

// TestExercises: each has a solution that is right, hints, and a check that refuses what is no answer.
func TestExercises(t *testing.T) {
	if n := len(Exercises()); n != 12 {
		t.Errorf("%d exercises", n)
	}
	for i, e := range Exercises() {
		q, err := NewExercise(t.Context(), e.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		solution, err := q.Solution(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := q.Mark(t.Context(), solution); err != nil || !m.Right {
			t.Errorf("%s: the solution %q is marked %+v, %v", e.Name, solution, m, err)
		} else {
			opens(t, m.Run)
		}
		if _, err := q.Mark(t.Context(), "perhaps"); err == nil {
			t.Errorf("%s: perhaps is an answer", e.Name)
		}
		if len(q.Hints) == 0 || q.Lines[0] != e.Goal {
			t.Errorf("%s lacks hints or a goal", e.Name)
		}
		if !strings.HasPrefix(e.Name, fmt.Sprintf("ex%02d-", i+1)) {
			t.Errorf("%s is the %d-th", e.Name, i+1)
		}
	}
	if _, err := NewExercise(t.Context(), "13"); err == nil || !strings.Contains(err.Error(), "ex12-two-ways") {
		t.Errorf("%v", err)
	}
	mend, err := NewExercise(t.Context(), "7")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := mend.Mark(t.Context(), "refcount-v6,+settle-before-put"); err != nil || m.Right || m.Run == nil {
		t.Errorf("half of it is marked %+v, %v", m, err)
	}
	if _, err := mend.Mark(t.Context(), "linux-6.18"); err == nil || !strings.Contains(err.Error(), "does not begin with refcount-v6") {
		t.Errorf("another generation: %v", err)
	}
}
