package explore

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vmasim/internal/task"
)

// TestTimeIsObeyed: an execution of a million steps, and the comparison of each with all others, ends when the time is over; so
// it does with an interrupt. The clock is the bubble's: 200 steps take a millisecond.
func TestTimeIsObeyed(t *testing.T) { synctest.Test(t, obeysTime) }

func obeysTime(t *testing.T) {
	var steps atomic.Int64
	counts := func(w *scriptWorld, t *task.Task) {
		for {
			w.x.Add(t, 1)
			w.y.ReadOnce(t)
			if steps.Add(2)%200 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	for _, strategy := range []Strategy{DPOR, DFS, Bounded, Delays, States, Random, PCT, POS} {
		for _, workers := range []int{1, 2} {
			o := Options{Strategy: strategy, Depth: 1_000_000, Time: 100 * time.Millisecond, Workers: workers}
			ctx, cancel := context.WithCancel(t.Context())
			if workers == 2 { // an interrupt
				o.Time = 0
				time.AfterFunc(100*time.Millisecond, cancel)
			}
			begun := time.Now()
			rep, err := Search(ctx, program(counts, counts, counts), o)
			cancel()
			if took := time.Since(begun); err != nil || took > 110*time.Millisecond || rep.Complete || !rep.Stopped || len(rep.Violations) > 0 {
				t.Errorf("%s with %d workers: %v after %v: %+v", strategy, workers, err, took, rep)
			}
		}
	}
}

// TestInterruptedExecutionIsRunAgain: what is left of an execution in the middle of which the search was stopped is searched when it
// goes on.
func TestInterruptedExecutionIsRunAgain(t *testing.T) {
	for _, strategy := range []Strategy{DPOR, DFS} {
		want := explored(t, twoWriters(nil), Options{Strategy: strategy})
		o := Options{Strategy: strategy, Checkpoint: t.TempDir() + "/search"}
		var got *Report
		for runs := 0; got == nil || !got.Complete; runs++ {
			if runs > 10_000 {
				t.Fatalf("%s does not come to its end", strategy)
			}
			n := 0
			var rep *Report
			var err error
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rep, err = Search(ctx, twoWriters(func() {
					if n++; n == 30 { // in the middle of one
						cancel()
						time.Sleep(time.Millisecond) // until the search has heard
					}
				}), o)
			})
			if err != nil {
				t.Fatal(err)
			}
			got = rep
		}
		if got.Executions != want.Executions || len(got.DistinctOutcomes) != len(want.DistinctOutcomes) {
			t.Errorf("%s: %d executions with %d outcomes, want %d with %d", strategy, got.Executions, len(got.DistinctOutcomes), want.Executions, len(want.DistinctOutcomes))
		}
	}
}

// twoWriters is two tasks that take four steps each on two cells. step is called after each.
func twoWriters(step func()) Program {
	body := func(v uint64) func(*scriptWorld, *task.Task) {
		return func(w *scriptWorld, t *task.Task) {
			for range 2 {
				w.x.WriteOnce(t, v)
				if step != nil {
					step()
				}
				w.y.WriteOnce(t, v)
			}
		}
	}
	return program(body(1), body(2))
}
