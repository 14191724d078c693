package program

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vmasim/explore"
)

// TestExploreInRuns: questions, branches and violations come out as those of one search.
func TestExploreInRuns(t *testing.T) {
	src := detachRace + "exists reader.1 = ok\nexists reader.1 = EAGAIN and writer.1 = ok\nexists writer.1 = ENOMEM\nnever use-after-free\n"
	for _, s := range []explore.Strategy{explore.DPOR, explore.Bounded, explore.Delays} {
		for _, rules := range []string{"linux-6.18", "refcount-v6"} {
			o := Options{Setting: Setting{Rules: rules}, Options: explore.Options{Strategy: s, KeepGoing: 8, Preemptions: 1, Delays: 1}, NoShrink: true}
			whole := exploreSource(t, src, o)
			o.Checkpoint = filepath.Join(t.TempDir(), "c")
			o.Executions = whole.Search.Executions/4 + 1
			for runs := 1; ; runs++ {
				r := exploreSource(t, src, o)
				if r.Checkpoint != "" && runs < 20 {
					continue
				}
				if r.Checkpoint != "" {
					t.Fatalf("%s, %s: a search of %d executions is not done after %d runs of %d", s, rules, whole.Search.Executions, runs, o.Executions)
				}
				if runs < 4 || !reflect.DeepEqual(r.Observations, whole.Observations) || !reflect.DeepEqual(r.NeverReached, whole.NeverReached) || !reflect.DeepEqual(r.Reached, whole.Reached) ||
					!reflect.DeepEqual(r.Outcomes, whole.Outcomes) || !reflect.DeepEqual(r.Broken(), whole.Broken()) || !reflect.DeepEqual(r.Unmet, whole.Unmet) {
					t.Errorf("%s, %s, %d runs: %+v\nat once: %+v", s, rules, runs, r, whole)
				}
				break
			}
		}
	}
}

func TestCheckpointOfOtherOracles(t *testing.T) {
	o := Options{Options: explore.Options{Executions: 3, Checkpoint: filepath.Join(t.TempDir(), "c")}}
	exploreSource(t, detachRace, o)
	o.Without = []string{"data-race"}
	if _, err := Explore(t.Context(), parse(t, detachRace), o); err == nil {
		t.Error("goes on without an oracle")
	} else if _, ok := errors.AsType[*explore.CheckpointError](err); !ok {
		t.Error(err)
	}
	o.Without, o.Show = nil, []string{"leak"}
	if _, err := Explore(t.Context(), parse(t, detachRace), o); err == nil || !strings.Contains(err.Error(), "that goes on behind nothing, this is one for leak") {
		t.Errorf("goes on to another oracle: %v", err)
	}
	o.Show = nil
	if _, err := Explore(t.Context(), parse(t, detachRace+"exists reader.1 = ok\n"), o); err == nil {
		t.Error("goes on with another question")
	}
}

// TestStatedEndsTheSearch: a random search ends with the failure that is stated, not with another.
func TestStatedEndsTheSearch(t *testing.T) {
	src := detachRace + "verdict refcount-v6 violation reader-left\n"
	for _, s := range []explore.Strategy{explore.Random, explore.PCT, explore.POS, explore.Bounded} {
		r := exploreSource(t, src, Options{Setting: Setting{Rules: "refcount-v6"}, Options: explore.Options{Strategy: s}})
		if !r.OK() || !r.Search.Enough || r.Search.Executions > 20_000 || len(r.Violations) != 1 || r.Violations[0].Oracle() != "reader-left" {
			t.Errorf("%s: %s %v after %d executions", s, r.Verdict(), r.Broken(), r.Search.Executions)
		}
	}
}
