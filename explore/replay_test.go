package explore

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/task"
)

func TestReplay(t *testing.T) {
	p := lostUpdate()
	p.finger = "s1"
	f := first(t, p, Options{})
	s, err := ParseSchedule(f.Schedule.String())
	if err != nil {
		t.Fatal(err)
	}
	trace, err := Replay(p, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if trace.Found.Kind() != "lost-update" || len(trace.Steps) != len(s.Tasks) {
		t.Errorf("replayed %v in %d steps", trace.Found.Key(), len(trace.Steps))
	}
	var writes []uint64
	for i, step := range trace.Steps {
		if want := string(rune('a' + s.Tasks[i])); step.Task != want || !slices.Contains(step.Enabled, want) {
			t.Errorf("step %d is %s's, expected %s of %v", i, step.Task, want, step.Enabled)
		}
		if step.Op == task.OpWriteOnce {
			writes = append(writes, step.New)
		}
	}
	if !slices.Equal(writes, []uint64{1, 1}) {
		t.Errorf("writes %v", writes)
	}
}

func TestReplayDiverges(t *testing.T) {
	p := program(
		func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.x.ReadOnce(t); w.a.Unlock(t) },
		func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.a.Unlock(t) },
	)
	replay := func(text string) (*Trace, error) {
		s, err := ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		return Replay(p, s, Options{})
	}
	for text, want := range map[string]string{
		"v2::r1:A1 B1":    "at step 2 it gives the turn to b; able to go on: a",
		"v2::r1:A3 B2 A1": "at step 6 it gives the turn to a; nobody can go on",
		"v2::r1:A1 C1":    "at step 2 it gives the turn to task C, which does not exist; able to go on: a",
	} {
		trace, err := replay(text)
		var diverged *DivergenceError
		if !errors.As(err, &diverged) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(trace.Steps) != diverged.Step-1 {
			t.Errorf("%s: %d steps recorded", text, len(trace.Steps))
		}
	}
	for _, text := range []string{"v2:other:r1:A1", "v2::r2:A1"} {
		var other *FingerprintError
		if _, err := replay(text); !errors.As(err, &other) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if trace, err := replay("v2::r1:A1"); err != nil || len(trace.Steps) != 1 || trace.Found.Ending != Redundant {
		t.Errorf("a beginning: %v", err)
	}
}

// TestReplayRepeatsChoices: what was chosen besides is part of the schedule.
func TestReplayRepeatsChoices(t *testing.T) {
	for seed := range uint64(40) {
		o := Options{Strategy: Random, Seed: seed, Executions: 20, Choices: []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}, MaxChosen: 2}
		p := generate(seed)
		x := newExecutor(p, &o)
		x.use(newRandom(newDraws(seed, 0, 20), &o, 0))
		for x.strategy.next() {
			part := x.strategy
			e, err := x.run()
			if err != nil {
				t.Fatal(err)
			}
			want, printed := nameEnding(p, e), x.trail.String()
			s, err := ParseSchedule(printed)
			if err != nil {
				t.Fatal(err)
			}
			x.use(&script{schedule: &s})
			if e, err = x.run(); err != nil {
				t.Fatal(err)
			}
			if got := nameEnding(p, e); got != want {
				t.Fatalf("%s ends in %q, and again in %q\n%s", printed, want, got, p)
			}
			x.use(part)
		}
		x.close()
	}
}
