package vma

import (
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/explore/exploretest"
	"vmasim/internal/task"
)

// program is the tasks of one execution, and what must hold at its end.
type program struct {
	tasks []func(*task.Task)
	check func()
}

// search executes a program, made anew for each execution, in every order that makes a difference. It returns how many executions
// that took.
func search(spec string, o explore.Options, make func(l *lab) program) (executions int, err error) {
	return exploretest.Search(o, func(report func(task.Violation)) exploretest.World {
		l := newLab(spec)
		l.report = report
		p := make(l)
		w := l.world(p.tasks...)
		w.Check = p.check
		return w
	})
}

// explores fails the test unless the program is right in every order.
func explores(t *testing.T, spec string, make func(l *lab) program) {
	t.Helper()
	n, err := search(spec, explore.Options{}, make)
	if err != nil {
		t.Fatalf("rules %q, execution %d: %v", spec, n, err)
	}
	t.Logf("rules %q: %d executions", spec, n)
}

// breaks fails the test unless in some order there is the given complaint.
func breaks(t *testing.T, spec, complaint string, make func(l *lab) program) {
	t.Helper()
	wanted := func(f *explore.Found) bool { return strings.Contains(f.String(), complaint) }
	n, err := search(spec, explore.Options{KeepGoing: 100, Until: wanted}, make)
	if err == nil || !strings.Contains(err.Error(), complaint) {
		t.Fatalf("rules %q, %d executions: %v, expected %s", spec, n, err, complaint)
	}
	t.Logf("rules %q: broken by execution %d", spec, n)
}
