package ksync

import (
	"slices"
	"sync"
	"testing"

	"vmasim/internal/task"
)

// reports collects the violations of a test's tasks by oracle.
type reports struct {
	mu  sync.Mutex
	all []task.Violation
}

func (r *reports) report(v task.Violation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, v)
}

func (r *reports) tasks(n int) []*task.Task {
	ts := make([]*task.Task, n)
	for i := range ts {
		ts[i] = task.New(i, string(rune('a'+i)), r.report)
	}
	return ts
}

// want fails the test unless exactly these oracles were reported since the last call.
func (r *reports) want(t *testing.T, oracles ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, v := range r.all {
		got = append(got, v.Oracle)
	}
	if !slices.Equal(got, oracles) {
		t.Errorf("violations %v, want oracles %v", r.all, oracles)
	}
	r.all = nil
}

// together runs f for each task on a goroutine of its own.
func together(ts []*task.Task, f func(t *task.Task)) {
	var wg sync.WaitGroup
	for _, t := range ts {
		wg.Go(func() { f(t) })
	}
	wg.Wait()
}

// chooses is an observer under which one choice is 1, and every other 0.
type chooses struct {
	task.NoObserver
	what task.Choice
}

func (c chooses) Choose(_ *task.Task, what task.Choice, _ int) int { return int(b2u(what == c.what)) }
