package lesson

import (
	"testing"
	"time"

	"vmasim/classroom/play"
	"vmasim/explore"
)

// TestLevels: each level of the one kind has a run that breaks it, each of the other breaks at the start and can be mended; the best solution
// is accepted, and counted as the search counts it.
func TestLevels(t *testing.T) {
	all, err := Levels()
	if err != nil {
		t.Fatal(err)
	}
	count := map[LevelKind]int{}
	for i := range all {
		l := &all[i]
		count[l.Kind]++
		t.Run(l.Name, func(t *testing.T) {
			if l.Title == "" || l.Goal == "" || len(l.Hints) == 0 || (len(l.Offered) > 1) != (l.Kind == MendIt) {
				t.Errorf("%+v", l)
			}
			started := time.Now()
			if l.Kind == BreakIt {
				checkBreak(t, l)
			} else {
				checkMend(t, l)
			}
			t.Logf("%s", time.Since(started))
		})
	}
	if count[BreakIt] < 6 || count[MendIt] < 6 {
		t.Errorf("%v", count)
	}
}

func checkBreak(t *testing.T, l *Level) {
	r := l.request(l.Rules)
	r.Strategy = explore.Bounded
	report, err := play.Explore(t.Context(), r, nil, func(play.Progress) {})
	if err != nil || len(report.Search.Violations) == 0 {
		t.Fatalf("nothing breaks it: %v", err)
	}
	best := report.Search.Bound + 1
	j, err := l.Judge(t.Context(), report.Search.Violations[0].Schedule.String(), nil)
	if err != nil || !j.Solved || j.Score != best || len(j.Lines) == 0 {
		t.Errorf("%d preemptions are enough, and the run is judged %+v, %v", best, j, err)
	}
	t.Logf("%d preemptions, %d executions: %v", best, report.Search.Executions, j.Lines)
	begin := report.Search.Violations[0].Schedule.UpTo(3)
	if j, err := l.Judge(t.Context(), begin.String(), nil); err != nil || j.Solved {
		t.Errorf("its beginning is judged %+v, %v", j, err)
	}
}

func checkMend(t *testing.T, l *Level) {
	j, err := l.Judge(t.Context(), "", nil)
	if err != nil || j.Solved || j.Schedule == "" {
		t.Errorf("at the start it is judged %+v, %v", j, err)
	}
	b, err := l.Best(t.Context(), 0, nil)
	if err != nil || !b.Found {
		t.Fatalf("no rules mend it: %+v, %v", b, err)
	}
	t.Logf("%d of %d: %v, the %d-th set", b.Score, len(l.Offered), b.Settings, b.Searched)
}
