package simmm

import (
	"testing"

	"vmasim/bench"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

func layout(n int) bench.Layout {
	return bench.Layout{Base: Base, VMAs: n, Pages: 4, Gap: 4}
}

func newSpace(tb testing.TB, n, workers int, random bool) *Space {
	tb.Helper()
	s, err := New(layout(n), workers, random, 1)
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

func (s *Space) framesInUse() int { return s.machine.Mem.Stats().FramesInUse }

func TestEachFaultBacksOnePage(t *testing.T) {
	for _, random := range []bool{false, true} {
		s := newSpace(t, 100, 2, random)
		s.Touch()
		before := s.framesInUse() // page tables
		for range 10 {            // beyond the last window
			for worker := range 2 {
				s.Fault(worker, s.FaultPages())
				if got, want := s.framesInUse()-before, (worker+1)*s.FaultPages(); got != want {
					t.Fatalf("%d pages after the faults of worker %d, want %d", got, worker, want)
				}
			}
			s.Forget()
			if got := s.framesInUse(); got != before {
				t.Fatalf("%d frames after Forget, %d before", got, before)
			}
		}
	}
}

func TestRefaultBacksNothing(t *testing.T) {
	s := newSpace(t, 100, 2, true)
	s.Populate()
	before := s.framesInUse()
	s.Refault(1, 1000)
	if got := s.framesInUse(); got != before {
		t.Errorf("%d frames, before %d", got, before)
	}
}

func TestMapUnmapAndSplitMergeLeaveTheSpaceAsItWas(t *testing.T) {
	s := newSpace(t, 50, 2, false)
	before := s.MapCount()
	if before != 53 {
		t.Fatalf("%d VMAs, want 50, a stack and one for each worker: they have merged", before)
	}
	for worker := range 2 {
		s.MapUnmap(worker, 10)
		s.SplitMerge(worker, 10)
		s.protect(s.workers[worker].task, s.workers[worker].split, 0)
		if got := s.MapCount(); got != before+2 {
			t.Errorf("%d VMAs after a split, want %d", got, before+2)
		}
		s.protect(s.workers[worker].task, s.workers[worker].split, readWrite)
	}
	if got := s.MapCount(); got != before {
		t.Errorf("%d VMAs, before %d", got, before)
	}
}

// TestMapMergeUnmapMerges: a pair beside a page joins it and is split off, which a pair by itself does not; nothing is left.
func TestMapMergeUnmapMerges(t *testing.T) {
	s := newSpace(t, 4, 1, false)
	before, reached := s.MapCount(), &s.workers[0].task.Reached
	for _, merges := range []bool{false, true} {
		*reached = 0
		if merges {
			s.MapMergeUnmap(0, 10)
		} else {
			s.MapUnmap(0, 10)
		}
		if joined, cut := reached.Has(task.MergeNewRight), reached.Has(task.SplitAbove); joined != merges || cut != merges {
			t.Errorf("joined %v and split %v, expected %v", joined, cut, merges)
		}
		if n := s.MapCount(); n != before {
			t.Errorf("%d VMAs, before %d", n, before)
		}
	}
}

func TestFindersFindAll(t *testing.T) {
	s := newSpace(t, 100, 2, true)
	s.Touch()
	demanded := s.Demanded(layout(100)).(*demanded)
	for _, f := range []bench.Finder{s, s.Unlocked(), s.UnderRWMutex(), s.InOneVMA(), s.PagesUnlocked(), s.PagesLocked(), s.Entries(), demanded} {
		for worker := range 2 {
			f.Find(worker, 1000) // panics if it finds none
		}
	}
	for worker := range 2 {
		if n := s.Counters(worker)[task.VMALockAbort]; n > 0 {
			t.Errorf("worker %d: %d lookups did not lock a VMA", worker, n)
		}
	}
	for _, g := range demanded.of[0] {
		if n := g.count.Load(); n != 1 || demanded.mm.seq.Load() != 2 {
			t.Fatalf("a count of %d is left", n)
		}
	}
}

// TestFramesAreGivenBack: Close, which newSpace has called in the end, would report a frame that is left.
func TestFramesAreGivenBack(t *testing.T) {
	s := newSpace(t, 100, 2, false)
	f := s.Frames()
	for range 3 {
		f.Fault(1, f.FaultPages())
		if got := s.framesInUse(); got < f.FaultPages() {
			t.Errorf("%d frames are in use", got)
		}
		f.ForgetOwn(1)
	}
}

// TestFindUnderEveryGeneration: a VMA is found in the way of each generation, and no other.
func TestFindUnderEveryGeneration(t *testing.T) {
	for _, g := range rules.Generations() {
		s, err := Under(g.Name, layout(50), 1, false, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.Find(0, 100)
		c := s.Counters(0)
		if n := c[task.SPFAttempt]; (n == 100) != (g.Lock == rules.SpeculativeLock) || c[task.VMALockAbort] > 0 {
			t.Errorf("%s: %d copies, %d look-ups that did not lock a VMA", g.Name, n, c[task.VMALockAbort])
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
