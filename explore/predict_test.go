package explore

import (
	"context"
	"errors"
	"math"
	"testing"

	"vmasim/internal/task"
)

// predicted predicts within a number of executions, from several seeds, and returns the mean and how many intervals hold the truth.
func predicted(t *testing.T, p Program, o Options, truth float64) (mean float64, held, of int) {
	t.Helper()
	for seed := range uint64(8) {
		o.Seed = seed
		got, err := Predict(context.Background(), p, o)
		if err != nil || got == nil {
			t.Fatalf("%s: %v, %v", o.Strategy, got, err)
		}
		if got.Spent > o.Executions || got.Low > got.Executions || got.High < got.Executions {
			t.Errorf("%+v of %d executions", got, o.Executions)
		}
		if of++; got.Low <= truth && truth <= got.High {
			held++
		}
		mean += got.Executions / 8
	}
	return mean, held, of
}

// TestPredict: without any bias, and the interval holds the truth as often as it says.
func TestPredict(t *testing.T) {
	held, of := 0, 0
	for _, c := range []struct {
		p Program
		o Options
	}{
		{newDetachRace(t, 1, 2, 1, ""), Options{Executions: 2000}},
		{newDetachRace(t, 2, 1, 1, ""), Options{Executions: 3000}},
		{newDetachRace(t, 2, 1, 1, ""), Options{Strategy: Bounded, Preemptions: 2, Executions: 500}},
		{newDetachRace(t, 1, 2, 1, ""), Options{Strategy: Bounded, Preemptions: 3, Executions: 500}},
		{newDetachRace(t, 2, 1, 1, ""), Options{Strategy: Delays, Delays: 3, Executions: 500}},
		{newDetachRace(t, 1, 1, 1, ""), Options{Strategy: Delays, Delays: 2, Executions: 500}},
		{inARow(2, 8), Options{Strategy: DFS, Executions: 300}},
		{inARow(3, 3), Options{Strategy: Bounded, Executions: 300}},
	} {
		whole := c.o
		whole.Executions = 0
		if c.o.Strategy == Bounded && c.o.Preemptions == 0 {
			whole.Strategy = DFS // which runs no execution under one bound after the other
		}
		rep := explored(t, c.p, whole)
		truth := float64(rep.Executions - rep.Redundant)
		mean, h, n := predicted(t, c.p, c.o, truth)
		t.Logf("%s %d: %.0f, on average %.0f, %d of %d intervals hold it", c.o.Strategy, c.o.Preemptions+c.o.Delays, truth, mean, h, n)
		if math.Abs(math.Log(mean/truth)) > 0.35 {
			t.Errorf("%s: %.0f executions, predicted %.0f on average", c.o.Strategy, truth, mean)
		}
		held, of = held+h, of+n
	}
	if held*10 < of*8 {
		t.Errorf("%d of %d intervals hold what is true, expected eight in ten", held, of)
	}
}

// TestPredictChoices: what is decided besides scheduling is counted, too.
func TestPredictChoices(t *testing.T) {
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	compared := 0
	for seed := range uint64(80) {
		for _, o := range []Options{{}, {Strategy: Bounded, Preemptions: 1}} {
			o.Choices = choices
			o.KeepGoing = 100
			rep := explored(t, generate(seed), o)
			if n := rep.Executions - rep.Redundant; n < 40 || n > 20_000 || !rep.Complete && rep.Bound != o.Preemptions {
				continue
			}
			compared++
			o.Executions = 2000
			truth := float64(rep.Executions - rep.Redundant)
			got, err := Predict(context.Background(), generate(seed), o)
			if err != nil || got == nil {
				t.Fatal(got, err)
			}
			t.Logf("seed %d, %s: %.0f, predicted %+v", seed, o.Strategy, truth, *got)
			if math.Abs(math.Log(got.Executions/truth)) > 1 {
				t.Errorf("seed %d, %s: %.0f executions, predicted %+v", seed, o.Strategy, truth, *got)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d searches compared", compared)
	}
}

// TestPredictSmall: what can be counted is not sampled.
func TestPredictSmall(t *testing.T) {
	if p, err := Predict(context.Background(), lostUpdate(), Options{Executions: 100}); err != nil || p.Executions != 4 || p.Low != 4 || p.High != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := Predict(context.Background(), newDetachRace(t, 2, 2, 2, ""), Options{Executions: 300}); err != nil || p == nil || p.High != 0 || p.Executions < 1000 {
		t.Errorf("from less than it takes for a sample: %+v, %v", p, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, s := range []Strategy{DPOR, DFS, Bounded, Delays} {
		if p, err := Predict(ended, newDetachRace(t, 2, 2, 2, ""), Options{Strategy: s}); err != nil || p != nil {
			t.Errorf("%s, when there is no time: %+v, %v", s, p, err)
		}
	}
	for _, s := range []Strategy{States, Random, "best"} {
		if _, err := Predict(context.Background(), lostUpdate(), Options{Strategy: s}); err == nil || s != "best" && !errors.Is(err, errUnpredictable) {
			t.Errorf("%s: %v", s, err)
		}
	}
}
