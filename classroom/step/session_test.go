package step

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/explore/trace"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// raceRun is the race of version 6 as a schedule: its reader stands in vma_start_read while munmap detaches the VMA.
func raceRun(tb testing.TB) *explore.Schedule {
	tb.Helper()
	s := begun(tb, "detach-race")
	report, err := s.program.Behind(context.Background(), s.Schedule(), explore.Options{KeepGoing: 10})
	must(tb, err)
	i := slices.IndexFunc(report.Violations, func(f explore.Found) bool { return f.Kind() == "lock-left-held" })
	if i < 0 {
		tb.Fatalf("%v", report.Violations)
	}
	return &report.Violations[i].Schedule
}

func begun(tb testing.TB, name string) *Session {
	tb.Helper()
	return opened(tb, name, nil)
}

func opened(tb testing.TB, name string, schedule *explore.Schedule) *Session {
	tb.Helper()
	sc, err := workloads.LoadBuiltin(name)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := Open(sc, program.Setting{}, schedule)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// TestOneIsTheScheduler: taking the steps of a schedule one by one comes to its violation, and no step can be taken there.
func TestOneIsTheScheduler(t *testing.T) {
	run := raceRun(t)
	s := begun(t, "detach-race")
	for _, place := range run.Tasks {
		must(t, s.Take(string(rune('A'+place))))
	}
	if !s.Over() || s.Trace().Ending != trace.Violated || s.Trace().Oracle() != "lock-left-held" {
		t.Errorf("ends as %s, %s", s.Trace().Ending, s.Trace().Oracle())
	}
	if text := s.Schedule(); text.String() != run.String() {
		t.Errorf("%s, expected %s", &text, run)
	}
	if err := s.Take("reader"); !errors.As(err, new(*OverError)) || !strings.Contains(err.Error(), "lock-left-held") {
		t.Errorf("a step behind the violation: %v", err)
	}
	must(t, s.Go(s.At()-1))
	if s.Over() || s.Len() != len(run.Tasks) {
		t.Errorf("one back: over %v, %d steps", s.Over(), s.Len())
	}
	found, complete, err := s.ToViolation(t.Context())
	if must(t, err); !found || complete || !s.Over() {
		t.Error("the violation is not found along what was taken back")
	}
}

// TestAnyPlaceIsTheSame: wherever a run is gone to, in whichever order, stands what the whole run has there.
func TestAnyPlaceIsTheSame(t *testing.T) {
	s := opened(t, "overlap-fault", nil)
	rng := rand.New(rand.NewPCG(1, 2))
	for !s.Over() {
		able := slices.DeleteFunc(slices.Clone(s.Trace().Next), func(n trace.Next) bool { return !n.Enabled })
		must(t, s.Take(able[rng.IntN(len(able))].Task))
	}
	whole := s.Trace()
	if whole.Ending != trace.Finished {
		t.Fatalf("ends as %s", whole.Ending)
	}
	for range 20 {
		n := rng.IntN(s.Len() + 1)
		must(t, s.Go(n))
		if s.At() != n || len(s.Trace().Steps) != n {
			t.Fatalf("at %d with %d steps, expected %d", s.At(), len(s.Trace().Steps), n)
		}
		for i := range n {
			if a, b := whole.Steps[i].Summary, s.Trace().Steps[i].Summary; a.Cell != b.Cell || a.Was != b.Was || a.Is != b.Is || a.Op != b.Op {
				t.Fatalf("step %d is %+v, expected %+v", i+1, b, a)
			}
		}
		if n < len(whole.Steps) && !slices.ContainsFunc(s.Trace().Next, func(next trace.Next) bool {
			w := &whole.Steps[n]
			return next.Task == w.Task && next.Op == w.Op && next.Func == w.Func && next.Enabled
		}) {
			t.Fatalf("step %d is %+v, which none of %+v is", n+1, whole.Steps[n].Summary, s.Trace().Next)
		}
	}
}

// TestTakingAnotherStep drops what was taken back, and the same one keeps it.
func TestTakingAnotherStep(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	all := s.Len()
	must(t, s.Take("reader"))
	if s.Len() != all {
		t.Errorf("the same step leaves %d of %d", s.Len(), all)
	}
	must(t, s.Take("B"))
	if s.Len() != 2 {
		t.Errorf("another step leaves %d, expected 2", s.Len())
	}
}

func TestStatement(t *testing.T) {
	s := begun(t, "detach-race")
	must(t, s.Statement("writer"))
	steps := s.Trace().Steps
	if last := steps[len(steps)-1]; last.Statement != "munmap A" || !errors.As(s.Take("writer"), new(*EndedError)) {
		t.Errorf("stands behind %+v: %v", last.Summary, s.Take("writer"))
	}
	must(t, s.Statement("reader"))
	if !s.Over() || s.Trace().Ending != trace.Finished {
		t.Errorf("ends as %s", s.Trace().Ending)
	}
}

// TestBlocked: a task that cannot go on says who has what it waits for.
func TestBlocked(t *testing.T) {
	sc, err := workloads.Parse("x.vma", []byte("init\n    mmap A 4K rw private anon\n\nthread a\n    munmap A\n\nthread b\n    mprotect A r\n"))
	must(t, err)
	s, err := New(sc, program.Setting{})
	must(t, err)
	defer s.Close()
	for err == nil && !strings.Contains(s.Trace().Next[0].Cell, "mm_lock_seq") {
		err = s.Take("a")
	}
	must(t, err)
	for err = s.Take("b"); err == nil; err = s.Take("b") {
	}
	blocked, ok := errors.AsType[*BlockedError](err)
	if !ok || !strings.Contains(err.Error(), "mmap_lock: a holds") {
		t.Fatalf("%v", err)
	}
	if n := blocked.Next; n.Task != "b" || len(s.Trace().Next[0].Holds) == 0 {
		t.Errorf("%+v", s.Trace().Next)
	}
}

func TestChoose(t *testing.T) {
	s := begun(t, "merge-undo")
	for !s.Over() {
		able := slices.IndexFunc(s.Trace().Next, func(n trace.Next) bool { return n.Enabled })
		must(t, s.Take(s.Trace().Next[able].Task))
		if last := s.Trace().Steps[s.At()-1]; len(last.Choices) > 0 {
			must(t, s.Choose(0, 1))
			if d := s.Trace().Steps[s.At()-1].Choices[0]; d.Value != 1 || d.Choice != "alloc-fails" {
				t.Errorf("decided %+v", d)
			}
			text := s.Schedule()
			if !strings.Contains(text.String(), "=1") {
				t.Errorf("%s", &text)
			}
			if err := s.Choose(0, 2); err == nil || !strings.Contains(err.Error(), "expected a value from 0 to 1") {
				t.Errorf("a value that is none: %v", err)
			}
			return
		}
	}
	t.Error("nothing was decided")
}

// TestToggle: behind the oracle that spoke first the run goes on.
func TestToggle(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(s.Len()))
	must(t, s.Toggle("lock-left-held"))
	if s.Over() || !slices.Equal(s.Without(), []string{"lock-left-held"}) {
		t.Errorf("over: %v, without %v", s.Over(), s.Without())
	}
	must(t, s.Statement("writer"))
	must(t, s.Toggle("lock-left-held"))
	if !s.Over() || s.Trace().Oracle() != "lock-left-held" {
		t.Errorf("again: over %v, %s", s.Over(), s.Trace().Oracle())
	}
	if err := s.Toggle("no-such"); err == nil || !strings.Contains(err.Error(), "no-such") {
		t.Errorf("an oracle that is none: %v", err)
	}
}

// TestToViolation: from the beginning it is searched for, and where none comes any more that is said.
func TestToViolation(t *testing.T) {
	s := begun(t, "detach-race")
	found, complete, err := s.ToViolation(t.Context())
	if must(t, err); !found || complete || !s.Trace().Ending.Failed() {
		t.Errorf("found %v, ends as %s", found, s.Trace().Ending)
	}
	must(t, s.FirstSwitch())
	if s.At() == 0 || s.At() == s.Len() {
		t.Errorf("the first switch is at %d of %d", s.At(), s.Len())
	}
	must(t, s.Go(0))
	must(t, s.Statement("writer"))
	if found, _, err := s.ToViolation(t.Context()); found || err != nil {
		t.Errorf("behind munmap: %v, %v", found, err)
	}
}

func TestCells(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(s.Len()))
	cells := Cells(s.Trace(), s.Len(), false)
	if c := cells[0]; c.Name != "vma#1.vm_refcnt" || c.Value != "0" || !c.Changed || c.Before != "1" || c.Writer != "reader" || !c.Shared {
		t.Errorf("%+v", c)
	}
	if more := Cells(s.Trace(), s.Len(), true); len(more) <= len(cells) {
		t.Errorf("%d cells in all, %d shown", len(more), len(cells))
	}
}

// TestOpensWhatFits: of a schedule of other rules, and of one that goes on where nothing can, there are the steps that are possible, and a sentence
// that says which is not.
func TestOpensWhatFits(t *testing.T) {
	sc, err := workloads.LoadBuiltin("detach-race")
	must(t, err)
	for _, c := range []struct {
		rules string
		keep  int // of its steps
		more  []uint8
		len   int
		want  []string
	}{
		{"linux-6.18", 20, nil, 20, []string{"the schedule belongs to rules refcount-v6, this is linux-6.18: expected --rules refcount-v6; all its 20 steps are possible here, too"}},
		{"linux-6.18", 34, nil, 25, []string{"; the schedule does not fit: at step 26 it gives the turn to writer; able to go on: reader; writer waits at schedule vma#1.vm_refcnt: reader holds"}},
		{"", 34, []uint8{1}, 34, []string{"the schedule does not fit: at step 35 it gives the turn to writer; nobody can go on; there the run is over: violation"}},
		{"", 33, []uint8{9}, 33, []string{"at step 34 it gives the turn to task J, which does not exist"}},
		{"", 8, slices.Repeat([]uint8{0}, 40), 16, []string{"at step 17 it gives the turn to reader; able to go on: writer; reader has ended"}},
	} {
		wrong := raceRun(t).UpTo(c.keep)
		wrong.Tasks = append(wrong.Tasks, c.more...)
		s, err := Open(sc, program.Setting{Rules: c.rules}, &wrong)
		must(t, err)
		for _, want := range c.want {
			if !strings.Contains(s.Misfit(), want) {
				t.Errorf("%q, expected %q", s.Misfit(), want)
			}
		}
		if s.Len() != c.len || s.At() != 0 {
			t.Errorf("%d steps are possible, at %d", s.Len(), s.At())
		}
		must(t, s.Go(s.Len()))
		must(t, s.Close())
	}
	if s := opened(t, "detach-race", raceRun(t)); s.Misfit() != "" {
		t.Errorf("a schedule that fits: %s", s.Misfit())
	}
}

// BenchmarkStepBack is a key that takes one step of a thousand back.
func BenchmarkStepBack(b *testing.B) {
	sc, err := workloads.Parse("x.vma", []byte("init\n    mmap A 4K rw private anon\n\nthread a\n    repeat 60\n        store A 1\n        madvise A dontneed\n\nthread b\n    repeat 20\n        store A 1\n"))
	must(b, err)
	s, err := New(sc, program.Setting{})
	must(b, err)
	defer s.Close()
	for !s.Over() && s.At() < 1000 {
		i := slices.IndexFunc(s.Trace().Next, func(n trace.Next) bool { return n.Enabled })
		must(b, s.Take(s.Trace().Next[i].Task))
	}
	b.ResetTimer()
	for b.Loop() {
		must(b, s.Go(s.Len()-1))
	}
	b.ReportMetric(float64(s.Len()), "steps")
}
