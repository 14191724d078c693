package interp

import (
	"strings"
	"testing"

	"vmasim/workloads"
)

// listing is a runner that notes what it is asked for.
type listing struct {
	walker Walker
	words  []string
	limit  int // of operations; 0: none
}

func (l *listing) Again(loop *Loop) bool {
	if loop.Stmt.Kind == workloads.KindForever && l.walker.Around(workloads.KindRepeat) == nil {
		l.words = append(l.words, "outermost")
	}
	return loop.Stmt.Kind == workloads.KindRepeat || loop.Pass < 2
}

func (l *listing) Operation(s *workloads.Stmt) bool {
	l.words = append(l.words, Stated(s))
	return l.limit == 0 || len(l.words) < l.limit
}

func (l *listing) In(s *workloads.Stmt) bool {
	l.words = append(l.words, "in "+s.MM.Name)
	l.walker.Body(s.Body)
	l.words = append(l.words, "out")
	return l.limit == 0 || len(l.words) < l.limit
}

// TestWalker checks the order of statements, and that nothing comes behind the one at which the runner gives up.
func TestWalker(t *testing.T) {
	const source = `
mm other
thread t
    repeat 2
        lock 1
        repeat 2
            lock 2
    in other
        lock 3
    choose
        lock 4
thread b background
    forever
        for 1s
            lock 5
init
    fork other
`
	sc, err := workloads.Parse("x.vma", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		thread, limit int
		want          string
	}{
		{0, 0, "lock 1, lock 2, lock 2, lock 1, lock 2, lock 2, in other, lock 3, out, lock 4"},
		{0, 2, "lock 1, lock 2"},
		{0, 8, "lock 1, lock 2, lock 2, lock 1, lock 2, lock 2, in other, lock 3, out"},
		{1, 0, "outermost, lock 5, lock 5, outermost, lock 5, lock 5, outermost"},
	} {
		l := &listing{limit: tt.limit}
		l.walker.Runner = l
		b := &sc.Threads[tt.thread].Block
		l.walker.Run(b.NewEnv(1, 0, nil), b.Body)
		if got := strings.Join(l.words, ", "); got != tt.want {
			t.Errorf("thread %d, limit %d: %s, expected %s", tt.thread, tt.limit, got, tt.want)
		}
	}
}
