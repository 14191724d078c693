package explore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vmasim/internal/task"
)

func TestSearchStopsAtTheFirstFailure(t *testing.T) {
	for _, s := range Strategies() {
		rep := explored(t, lostUpdate(), Options{Strategy: s.Name})
		if len(rep.Violations) != 1 || rep.Complete || rep.Violations[0].Execution != rep.Executions {
			t.Errorf("%s: %d failures, complete %v, %d executions", s.Name, len(rep.Violations), rep.Complete, rep.Executions)
		}
	}
}

func TestSearchKeepsGoing(t *testing.T) {
	rep := explored(t, lostUpdate(), Options{Strategy: DFS, KeepGoing: 2})
	if len(rep.Violations) != 1 || !rep.Complete || rep.DistinctOutcomes["two"] != 2*17 {
		t.Errorf("%d kinds of failure, complete %v, outcomes %v", len(rep.Violations), rep.Complete, rep.DistinctOutcomes)
	}
	if rep.Executions != 70 { // eight steps, four of each task
		t.Errorf("%d executions, expected 8 over 4", rep.Executions)
	}
	if rep.Ops[task.OpWriteOnce] != 2*70 || rep.Ops[task.OpXchg] != 0 {
		t.Errorf("%d writes, %d exchanges", rep.Ops[task.OpWriteOnce], rep.Ops[task.OpXchg])
	}
	few := explored(t, lostUpdate(), Options{KeepGoing: 2})
	if len(few.Violations) != 1 || !few.Complete || few.DistinctOutcomes["two"] != 2 || few.Executions != 4 {
		t.Errorf("the reduction: %+v", few)
	}
}

// TestBoundedSearchesInOrder: the failure needs one preemption, and no more are used.
func TestBoundedSearchesInOrder(t *testing.T) {
	rep := explored(t, lostUpdate(), Options{Strategy: Bounded})
	if s := rep.Violations[0].Schedule; s.Switches() != 2 || rep.Bound != 0 {
		t.Errorf("%s, bound %d", &s, rep.Bound)
	}
	free := program(lostUpdate().bodies...) // without the check
	for bound := range 3 {
		rep := explored(t, free, Options{Strategy: Bounded, Preemptions: bound})
		if bound > 0 && (rep.Bound != bound || rep.Complete) {
			t.Errorf("bound %d: complete %v, %d", bound, rep.Complete, rep.Bound)
		}
		if bound == 0 && (!rep.Complete || rep.DistinctOutcomes[""] != 70) {
			t.Errorf("without a bound: complete %v, %d executions", rep.Complete, rep.DistinctOutcomes[""])
		}
	}
}

func TestSearchLimits(t *testing.T) {
	p := newDetachRace(t, 2, 2, 2, "")
	for _, s := range Strategies() {
		for _, workers := range []int{1, 2} {
			rep := explored(t, p, Options{Strategy: s.Name, Executions: 1000, Workers: workers})
			if rep.Complete || rep.Executions < 990 || rep.Executions > 1000 {
				t.Errorf("%s: complete %v after %d executions of 1000", s.Name, rep.Complete, rep.Executions)
			}
		}
		if rep := explored(t, p, Options{Strategy: s.Name, Time: 20 * time.Millisecond}); rep.Complete { // see TestTimeIsObeyed
			t.Errorf("%s: complete after %d executions", s.Name, rep.Executions)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	rep, err := Search(ctx, p, Options{})
	if err != nil || rep.Complete || rep.Executions > 20 {
		t.Errorf("cancelled: %+v, %v", rep, err)
	}
}

// TestSearchTellsProgress: every so often, by the bubble's clock.
func TestSearchTellsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		slow := twoWriters(func() { time.Sleep(time.Millisecond) })
		explored(t, slow, Options{Strategy: Random, Time: 52 * time.Millisecond, Every: 5 * time.Millisecond, Progress: func(p Progress) {
			calls++
			if p.Executions == 0 || p.Rate == 0 {
				t.Errorf("%+v", p)
			}
		}})
		if calls != 10 {
			t.Errorf("called %d times, expected 10", calls)
		}
	})
}

func TestSearchErrors(t *testing.T) {
	if _, err := Search(context.Background(), lostUpdate(), Options{Strategy: "best"}); err == nil || !strings.Contains(err.Error(), `unknown strategy "best"; there are bounded, delays, dfs, dpor`) {
		t.Error(err)
	}
	var many []func(*scriptWorld, *task.Task)
	for range maxTasks + 1 {
		many = append(many, func(*scriptWorld, *task.Task) {})
	}
	if _, err := Search(context.Background(), program(many...), Options{}); err == nil || !strings.Contains(err.Error(), "17 tasks") {
		t.Error(err)
	}
	n := 0
	moody := program(
		func(w *scriptWorld, t *task.Task) {
			if n++; n%2 == 1 {
				w.a.Lock(t)
			}
			w.x.WriteOnce(t, 1)
		},
		func(w *scriptWorld, t *task.Task) { w.a.Lock(t); w.x.WriteOnce(t, 2); w.a.Unlock(t) },
	)
	_, err := Search(context.Background(), moody, Options{Strategy: DFS, KeepGoing: 10})
	if !errors.Is(err, errNondeterministic) {
		t.Error(err)
	}
	for _, workers := range []int{1, 2} {
		if _, err := Search(context.Background(), failing{}, Options{Workers: workers}); !errors.Is(err, errFailing) {
			t.Error(err)
		}
	}
}

var errFailing = errors.New("no world")

type failing struct{ PlainProgram }

func (failing) NewWorld(*Executor, func(task.Violation)) (World, error) { return nil, errFailing }

// TestSearchLeavesNoGoroutines: coroutines end with the search, wherever their tasks stand.
func TestSearchLeavesNoGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which waits for all goroutines, and panics when one is left that nothing can wake
		for range 10 {
			explored(t, handshake(false, true, false), Options{Workers: 2, KeepGoing: 5})
			explored(t, lostUpdate(), Options{Strategy: Random, Executions: 100})
		}
	})
}
