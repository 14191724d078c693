package explore

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestFromASchedule: behind each beginning of a program's first schedule the reduction finds the endings that going through every
// interleaving finds there, and behind none all of them.
func TestFromASchedule(t *testing.T) {
	programs, limit := 60, 2000
	if testing.Short() {
		programs = 25
	}
	compared, fewer := 0, 0
	for seed := range uint64(programs) {
		p := generate(seed)
		whole, _, ok := endings(t, p, Options{Strategy: DFS}, limit)
		if !ok || len(whole) < 2 {
			continue
		}
		for _, text := range whole {
			schedule, err := ParseSchedule(text)
			if err != nil {
				t.Fatal(err)
			}
			for steps := 0; steps <= len(schedule.Tasks); steps += 3 {
				from := schedule.UpTo(steps)
				a, b := Options{Strategy: DFS, From: &from}, Options{Strategy: DPOR, From: &from}
				if _, _, _, ok := compare(t, seed, p, a, b, limit); !ok {
					t.Fatalf("seed %d: more than the whole behind %s", seed, &from)
				}
				behind, _, _ := endings(t, p, b, limit)
				compared++
				if len(behind) < len(whole) {
					fewer++
				}
				if steps == 0 && len(behind) != len(whole) {
					t.Errorf("seed %d: %d endings behind nothing, expected %d", seed, len(behind), len(whole))
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d beginnings, fewer endings behind %d", compared, fewer)
	if fewer == 0 {
		t.Error("no beginning leaves anything out")
	}
}

// TestFromCountsPreemptions: those of the beginning are not counted.
func TestFromCountsPreemptions(t *testing.T) {
	p := lostUpdate()
	found := explored(t, p, Options{Strategy: Bounded, Preemptions: 3})
	if len(found.Violations) != 1 {
		t.Fatalf("%d violations", len(found.Violations))
	}
	from := found.Violations[0].Schedule.UpTo(len(found.Violations[0].Schedule.Tasks) - 1)
	behind := explored(t, p, Options{Strategy: Bounded, Preemptions: 1, From: &from})
	if len(behind.Violations) != 1 || behind.Executions > 2 {
		t.Errorf("%d violations in %d executions behind %s", len(behind.Violations), behind.Executions, &from)
	}
}

func TestFromIsRefused(t *testing.T) {
	other := Schedule{Scenario: "other", Rules: "r1"}
	if _, err := Search(context.Background(), lostUpdate(), Options{From: &other}); !errors.As(err, new(*FingerprintError)) {
		t.Errorf("a schedule of another scenario: %v", err)
	}
	own := Schedule{Rules: "r1"}
	for want, o := range map[string]Options{
		"strategy pct cannot begin with a schedule, expected one of dpor": {Strategy: PCT},
		"has no checkpoint": {Checkpoint: "x"},
	} {
		o.From = &own
		if _, err := Search(context.Background(), lostUpdate(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}
