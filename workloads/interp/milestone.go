package interp

import (
	"fmt"
	"slices"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// Milestone is a statement that others wait for by "after", until all tasks of its thread have performed it or have ended.
type Milestone struct {
	passed  ksync.Atomic64 // tasks
	parties uint64
	waiters []*task.Task
	met     func() bool // made once, so that a wait allocates nothing
}

// NewMilestones makes those of a scenario. counts are how many tasks each thread has.
func NewMilestones(sc *workloads.Scenario, counts []int) []Milestone {
	all := make([]Milestone, len(sc.Awaited))
	for i := range all {
		m := &all[i]
		m.parties, m.met = uint64(counts[sc.Awaited[i].Thread]), m.all
	}
	return all
}

// Join makes a task one that waits. All join before any statement is performed.
func (m *Milestone) Join(t *task.Task) { m.waiters = append(m.waiters, t) }

// Reset makes the milestone what it was when all had joined.
func (m *Milestone) Reset() { m.passed.Init(0) }

// Addr returns by what the milestone is known in events.
func (m *Milestone) Addr() unsafe.Pointer { return unsafe.Pointer(&m.passed) }

// Word words the value that an event found or left, "" for a wait, which finds that a condition holds.
func (m *Milestone) Word(e *task.Event, passed uint64) string {
	if e.Enabled != nil {
		return ""
	}
	return fmt.Sprintf("%d of %d", passed, m.parties)
}

func (m *Milestone) all() bool { return m.passed.Peek() >= m.parties }

// Passed reports whether nothing has to be waited for any more, in a plain run.
func (m *Milestone) Passed() bool { return m.all() }

// Pass notes that a task has performed the statement, or will not, and reports whether the others wait no longer.
func (m *Milestone) Pass(t *task.Task) bool {
	if m.passed.Add(t, 1) != m.parties {
		return false
	}
	for _, w := range m.waiters {
		w.Unpark()
	}
	return true
}

// Wait returns when all have passed, or with EINTR where mode says so. A task that may park has prepared for it before.
func (m *Milestone) Wait(t *task.Task, mode task.WaitMode) error {
	return t.Await(task.OpLoadAcquire, m.Addr(), mode, m.met) // smp_cond_load_acquire
}

// Ahead says which milestones a task has not come by: those of its thread are performed in the order of the text, each at most once.
type Ahead struct{ left []int }

// NewAhead returns those of a task of a thread, at its beginning.
func NewAhead(sc *workloads.Scenario, thread int) (a Ahead) {
	for i := range sc.Awaited {
		if sc.Awaited[i].Thread == thread {
			a.left = append(a.left, i)
		}
	}
	return a
}

// Pass notes that the task has come by a milestone.
func (a *Ahead) Pass(milestone int) {
	if i := slices.Index(a.left, milestone); i >= 0 {
		a.left = a.left[i+1:]
	}
}

// Left lists the milestones that the task has not come by.
func (a *Ahead) Left() []int { return a.left }

// Has reports whether the task has not come by a milestone.
func (a *Ahead) Has(milestone int) bool { return slices.Contains(a.left, milestone) }
