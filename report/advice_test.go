package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/workloads/program"
)

func TestAdvice(t *testing.T) {
	a := &program.Advice{
		Predicted: explore.Prediction{Executions: 51_234_567, Low: 1_940, High: 3.14e12}, Rate: 6330, Left: 150 * time.Minute,
		Smaller: []program.Smaller{{Without: []string{"r.1 load A", "may signal"}, Predicted: explore.Prediction{Executions: 330}, Takes: time.Millisecond}},
		Instead: []program.Instead{{Strategy: explore.StrategyInfo{Name: explore.Bounded, Counts: "preemption"}, Bound: 1, Takes: 100 * time.Second}},
		Whole:   explore.Stateful,
	}
	want := []string{
		"x: about 51,000,000 executions (1,900 to 3.1e+12), ~2h more at 6.33 k/s",
		"x: without r.1 load A and may signal: about 330, ~1s",
		"x: --strategy bounded --preemptions 1: all with at most 1 preemption, ~1m40s",
		"x: --strategy stateful: all, if memory suffices, but for the oracles that it names",
	}
	if got := Advice("x", a); !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	b := &strings.Builder{}
	verdictBlock(b, &program.Result{Argument: "x.vma", OwnRules: true, Advice: a}, Look{})
	for _, part := range []string{"predicted about 51,000,000", "smaller   without r.1", "instead   vmasim explore x.vma --strategy bounded --preemptions 1: "} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is not in\n%s", part, b)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "~1s", 90 * time.Second: "~1m30s", 50 * time.Minute: "~50m", 30 * time.Hour: "~30h", 49 * time.Hour: "~2 days", 800 * 24 * time.Hour: "~2 years", 1 << 62: "over a century",
	} {
		if got := aboutTime(d); got != want {
			t.Errorf("%v: %s, expected %s", d, got, want)
		}
	}
	if got := predictedText(&explore.Prediction{Executions: 9, Low: 9, High: 9}); got != "9 executions" {
		t.Error(got)
	}
	if got := predictedText(&explore.Prediction{Executions: 1234, Low: 1234}); got != "more than 1,200 executions" {
		t.Error(got)
	}
}
