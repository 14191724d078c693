package explore

import (
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"vmasim/check"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// mmLockLayout tells a checker of the locks of a world, so that they have classes.
var mmLockLayout = task.Layout{Type: "world", Size: unsafe.Sizeof(scriptWorld{}), Fields: []task.Field{
	{Name: "a", Offset: unsafe.Offsetof(scriptWorld{}.a), Size: unsafe.Sizeof(ksync.SpinLock{})},
	{Name: "b", Offset: unsafe.Offsetof(scriptWorld{}.b), Size: unsafe.Sizeof(ksync.SpinLock{})},
}}

// known is a program whose worlds the watchers know.
type known struct{ *scripted }

func (p known) NewWorld(watch Watcher, report func(task.Violation)) (World, error) {
	w, err := p.scripted.NewWorld(watch, report)
	world := w.(*scriptWorld)
	watch.Born(world.tasks[0].Task, unsafe.Pointer(world), &mmLockLayout)
	return w, err
}

// eitherOrder takes two locks in an order that depends on what the other task has done: each execution has one order, and
// none can deadlock.
func eitherOrder() known {
	p := program(
		func(w *scriptWorld, t *task.Task) {
			first, second := &w.a, &w.b
			if w.x.ReadOnce(t) != 0 {
				first, second = second, first
			}
			first.Lock(t)
			second.Lock(t)
			second.Unlock(t)
			first.Unlock(t)
		},
		func(w *scriptWorld, t *task.Task) { w.x.WriteOnce(t, 1) },
	)
	p.finger = "s1"
	return known{p}
}

func watchLocks(report func(task.Violation)) Watcher {
	c, err := check.New(report, "lock-order")
	if err != nil {
		panic(err)
	}
	return &learningChecker{c}
}

// learningChecker makes a checker a Learner.
type learningChecker struct{ *check.Checker }

func (l *learningChecker) Lessons() (all []Lesson) {
	for _, lesson := range l.Checker.Lessons() {
		all = append(all, Lesson(lesson))
	}
	return all
}

// TestTwoExecutionsBreakARule: two orders of locks that can deadlock, each in an execution of its own, are found by every
// strategy and any number of workers, and the schedule of both fails alike wherever it is run.
func TestTwoExecutionsBreakARule(t *testing.T) {
	for _, s := range Strategies() {
		if s.Name == States {
			continue // its states have no world at the same addresses here
		}
		for _, workers := range []int{1, 2} {
			f := first(t, eitherOrder(), Options{Strategy: s.Name, Workers: workers, Watch: watchLocks, Executions: 5000})
			if f.Kind() != "lock-order" || f.Unstable || len(f.Schedule.Before) != 1 || f.Ending != Violated {
				t.Fatalf("%s, %d workers: %+v", s.Name, workers, f)
			}
			schedule, err := ParseSchedule(f.Schedule.String())
			if err != nil {
				t.Fatal(err)
			}
			trace, err := Replay(eitherOrder(), schedule, Options{Watch: watchLocks})
			if err != nil {
				t.Fatal(err)
			}
			last := trace.Steps[len(trace.Steps)-1]
			if trace.Found.String() != f.String() || !strings.Contains(f.String(), "in execution 1") || len(last.Violations) != 1 || len(trace.Steps) != len(schedule.Tasks) {
				t.Errorf("%s: %s\nreplayed: %s, last step %+v", s.Name, f.String(), trace.Found.String(), last)
			}
			alone := schedule
			alone.Before = nil
			if trace, err := Replay(eitherOrder(), alone, Options{Watch: watchLocks}); err != nil || trace.Found.Ending.Failed() {
				t.Errorf("%s: half of it: %v, %v", s.Name, trace, err)
			}
		}
	}
}

// TestLessonsOutliveRuns: the halves may be found in different runs of a search.
func TestLessonsOutliveRuns(t *testing.T) {
	for _, s := range []Strategy{DPOR, DFS, Random} {
		o := Options{Strategy: s, Watch: watchLocks, Executions: 1, Checkpoint: filepath.Join(t.TempDir(), "c")}
		for n := 1; ; n++ {
			r := explored(t, eitherOrder(), o)
			if len(r.Violations) > 0 {
				if n == 1 || len(r.Violations[0].Schedule.Before) != 1 {
					t.Errorf("%s: found in run %d: %+v", s, n, r.Violations[0])
				}
				break
			}
			if !r.Stopped {
				t.Fatalf("%s: nothing in %d runs", s, n)
			}
		}
	}
}
