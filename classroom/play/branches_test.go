package play

import (
	"strings"
	"testing"
)

// TestBranches: a run that was left stays in the place, is kept by the request that opens the next session, and is gone to by its number.
func TestBranches(t *testing.T) {
	s, err := Open(request(t, "detach-race"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Do(t.Context(), "A 8")
	s.Do(t.Context(), "undo 3")
	p := s.Do(t.Context(), "B 2")
	if len(p.Branches) != 2 || p.Branches[1].Parent != 1 || p.Branches[1].From != 5 || !p.Branches[1].Current || p.Misfit != "" {
		t.Fatalf("%+v", p.Branches)
	}
	r := request(t, "detach-race")
	r.Schedule = "v2:0:0:B3 C1"
	for _, b := range p.Branches {
		r.Branches = append(r.Branches, b.Run)
	}
	r.Branches = append(r.Branches, "unreadable")
	next, err := Open(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	p = next.Do(t.Context(), "")
	if len(p.Branches) != 3 || !p.Branches[2].Current || p.Len != 3 || p.At != 0 ||
		!strings.Contains(p.Misfit, "belongs to another scenario") || !strings.Contains(p.Misfit, "at step 4 it gives the turn to task C, which does not exist") {
		t.Fatalf("%+v", p)
	}
	if p = next.Do(t.Context(), "branch 1"); p.At != 8 || !p.Branches[0].Current || p.Wrong != "" {
		t.Errorf("%+v", p)
	}
	if p = next.Do(t.Context(), "branch 4"); p.Wrong != "branch 4 is not there, expected one from 1 to 3" || p.At != 8 {
		t.Errorf("%+v", p)
	}
}
