package interp

import (
	"errors"
	"sync"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// TestMilestone: tasks wait at full speed for those that come by, of which one never does but ends.
func TestMilestone(t *testing.T) {
	sc := parsed(t, "thread a * 3\n  yield\n  yield\nthread b * 2\n  after a.1\n  after a.2\n")
	for name, mode := range map[string]task.WaitMode{"spins": 0, "parks": task.Long} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				ms := NewMilestones(sc, []int{3, 2})
				var all sync.WaitGroup
				for i := range 2 {
					w := task.New(10+i, "", nil)
					for m := range ms {
						ms[m].Join(w)
					}
					w.PrepareToWait()
					all.Go(func() {
						for m := range ms {
							if err := ms[m].Wait(w, mode); err != nil || !ms[m].Passed() {
								t.Errorf("milestone %d: %v, passed %v", m, err, ms[m].Passed())
							}
						}
					})
				}
				for i := range 3 {
					all.Go(func() {
						a, self := NewAhead(sc, 0), task.New(i, "", nil)
						if i > 0 {
							ms[0].Pass(self)
							a.Pass(0)
						}
						for _, m := range a.Left() {
							ms[m].Pass(self)
						}
					})
				}
				all.Wait()
			}
		})
	}
}

func parsed(t *testing.T, src string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse("x.vma", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// TestMilestonesInOrder: what a task has come by lies behind it, with all that stood before; others have milestones of their own.
func TestMilestonesInOrder(t *testing.T) {
	sc := parsed(t, "thread a\n  yield\n  yield\nthread b\n  after a.1\n  after a.2\nthread c\n  after b.1\n")
	a := NewAhead(sc, 0)
	b, c := NewAhead(sc, 1), NewAhead(sc, 2)
	if !a.Has(0) || !a.Has(1) || a.Has(2) || len(b.Left()) != 1 || len(c.Left()) != 0 {
		t.Error("milestones of the wrong threads")
	}
	if a.Pass(0); a.Has(0) || !a.Has(1) {
		t.Errorf("%v are left", a.Left())
	}
	ms := NewMilestones(sc, []int{1, 1, 1})
	self := task.New(1, "", nil)
	if ms[0].Passed() || !ms[0].Pass(self) || !ms[0].Passed() {
		t.Error("one of one has not passed")
	}
	if got := ms[0].Word(&task.Event{}, 1); got != "1 of 1" {
		t.Errorf("in words: %s", got)
	}
	if got := ms[0].Word(&task.Event{Enabled: ms[0].Passed}, 1); got != "" {
		t.Errorf("a wait in words: %s", got)
	}
	if ms[0].Reset(); ms[0].Passed() {
		t.Error("passed after it was reset")
	}
	self.Kill(nil)
	if err := ms[0].Wait(self, task.Killable); !errors.Is(err, linux.EINTR) {
		t.Errorf("the wait of a killed task ended with %v", err)
	}
}

// TestTurnsInOrder: where statements are performed one after the other, those that wait come behind what they wait for, unless all wait.
func TestTurnsInOrder(t *testing.T) {
	for src, want := range map[string]string{
		"thread a\n  after b.2\n  touch 0 read\nthread b\n  yield\n  validate\n  touch 4096 read\n": "yield validate after touch touch",
		"thread a\n  after b.2\n  touch 0 read\nthread b\n  after a.2\n  validate\n":                "after validate after touch",
		"thread a\n  after b.1\n  touch 0 read\nthread b * 2\n  validate\n":                         "validate validate after touch",
	} {
		got := ""
		for turn := range Turns(parsed(t, src), 1, nil, 1) {
			got += " " + turn.Stmt.Kind.String()
		}
		if got != " "+want {
			t.Errorf("%q: %s, expected %s", src, got, want)
		}
	}
}
