package step

import (
	"strings"
	"testing"
	"time"
)

// TestContinuations: from before the look at the lock some ways break, from the end there is one, and a search that has no time says so.
func TestContinuations(t *testing.T) {
	s := begun(t, "detach-race")
	c, err := s.Continuations(t.Context(), patience)
	if err != nil || !c.Complete || c.Breaking == 0 || c.Breaking >= c.Of || c.Nearest == nil || c.Nearest.Preemptions < 1 || len(c.Kinds) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if found, _, err := s.ToViolation(t.Context()); err != nil || !found {
		t.Fatal(found, err)
	}
	if err := s.Go(s.Len() - 1); err != nil {
		t.Fatal(err)
	}
	near, err := s.Continuations(t.Context(), patience)
	if err != nil || near.Breaking == 0 || near.Nearest == nil || near.Nearest.Steps != 1 || near.Nearest.Preemptions >= c.Nearest.Preemptions {
		t.Errorf("before the last step: %+v, %v", near, err)
	}
	large := begun(t, "fork-parent")
	started := time.Now()
	c, err = large.Continuations(t.Context(), 20*time.Millisecond)
	if err != nil || c.Complete || !strings.Contains(c.lines()[0], "there are more") {
		t.Errorf("%+v, %v", c, err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
