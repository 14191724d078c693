package play

import (
	"slices"
	"strings"
	"testing"

	"vmasim/classroom/quiz"
)

// TestAsk: a page is asked what vmasim quiz asks, and marked as it marks; the run that decides is opened with what the mark says of it.
func TestAsk(t *testing.T) {
	for _, w := range []Which{{"verdict", "3"}, {"outcome", "4"}, {"value", "7"}, {"layout", "18446744073709551615"}, {"locks", "7"}, {"ex01-one-fault", "1"}} {
		q, err := Ask(t.Context(), &w)
		if err != nil {
			t.Errorf("%+v: %v", w, err)
			continue
		}
		of, err := quiz.Ask(t.Context(), q.Name, q.question.Seed)
		if err != nil || !slices.Equal(of.Lines, q.Lines) || of.Ask != q.Ask || of.Form != q.Form || !slices.Equal(of.Hints, q.Hints) {
			t.Errorf("%+v is %+v, and not %+v, %v", w, q, of, err)
		}
		solution, err := of.Solution(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, err := of.Mark(t.Context(), solution)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.Solution(t.Context())
		if err != nil || got.Answer != solution || !got.Right || !slices.Equal(got.Why, want.Lines) || (got.Run == nil) != (want.Run == nil) {
			t.Errorf("%+v: solved with %+v, %v, expected %q and %+v", w, got, err, solution, want)
			continue
		}
		if got.Run != nil {
			s, err := Open(&Request{Name: got.Run.Name, Text: got.Run.Text, Rules: got.Run.Rules, Schedule: got.Run.Schedule}, nil)
			if err != nil {
				t.Errorf("%+v: %v", got.Run, err)
				continue
			}
			if p := s.Do(t.Context(), ""); p.Len == 0 || p.Misfit != "" || !strings.HasPrefix(got.Run.Replay, "vmasim replay ") {
				t.Errorf("%+v is %d steps: %s", got.Run, p.Len, p.Misfit)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := q.Mark(t.Context(), "?"); err == nil && q.Form != quiz.Layout {
			t.Errorf("%+v: ? is an answer", w)
		}
	}
}

// TestAskRefuses: a page that asks for nothing that there is is told what is expected.
func TestAskRefuses(t *testing.T) {
	for w, want := range map[Which]string{
		{"verdict", "-1"}: "no number of a question", {"verdict", ""}: "no number of a question", {"verdit", "1"}: `did you mean "verdict"?`, {"13", "1"}: "ex12-two-ways",
	} {
		if _, err := Ask(t.Context(), &w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, expected %q", w, err, want)
		}
	}
}
