package gvisor

import (
	"testing"

	"gvisor.dev/gvisor/pkg/hostarch"

	"vmasim/bench"
)

func newSpace(tb testing.TB, n, workers int, random bool) *Space {
	tb.Helper()
	s, err := New(n, workers, random, 1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// resident is the memory that the manager believes is backed.
func (s *Space) resident() int { return int(s.manager.ResidentSetSize()) / pageSize }

// mapped is the memory in VMAs, in pages.
func (s *Space) mapped() int { return int(s.manager.VirtualMemorySize()) / pageSize }

// The comparison is worth something only if each fault of the timed loop is a first fault.
func TestEachFaultBacksExactlyOnePage(t *testing.T) {
	for _, random := range []bool{false, true} {
		s := newSpace(t, 40, 2, random)
		if got := s.resident(); got != 0 {
			t.Fatalf("%d pages resident before the first fault", got)
		}
		for pass := range 3 {
			for worker := range 2 {
				for n := 1; n <= s.FaultPages(); n++ {
					s.fault(s.workers[worker].pages[n-1])
					if got, want := s.resident(), worker*s.FaultPages()+n; got != want {
						t.Fatalf("pass %d: %d pages resident after %d faults", pass, got, want)
					}
				}
			}
			s.Forget()
			if got := s.resident(); got != 0 {
				t.Fatalf("pass %d: %d pages resident after Forget", pass, got)
			}
		}
	}
}

func TestRefaultBacksNothing(t *testing.T) {
	s := newSpace(t, 40, 1, false)
	s.Populate()
	before := s.resident()
	s.Refault(0, 100)
	if got := s.resident(); got != before || got != 20 {
		t.Errorf("%d pages resident, before %d, want 20", got, before)
	}
}

func TestReadOnlyVMAsRefuseWrites(t *testing.T) {
	s := newSpace(t, 4, 1, false)
	if err := s.manager.HandleUserFault(s.task, s.base+pageSize, hostarch.Write, 0); err == nil {
		t.Error("a write to a read-only VMA was accepted: the VMAs have merged")
	}
}

func TestMapUnmapAndSplitMergeLeaveTheSpaceAsItWas(t *testing.T) {
	s := newSpace(t, 4, 1, false)
	before := s.mapped()
	s.MapUnmap(0, 10)
	s.MapMergeUnmap(0, 10)
	s.SplitMerge(0, 10)
	if got := s.mapped(); got != before {
		t.Errorf("%d pages mapped, before %d", got, before)
	}
	if got := s.resident(); got != 0 {
		t.Errorf("%d pages were populated", got)
	}
	s.fault(s.workers[0].split) // writable again
}

func TestSegments(t *testing.T) {
	l := bench.Layout{Base: 1 << 32, VMAs: 100, Pages: 4, Gap: 4}
	s := NewSegments(l, 2, true, 1)
	for i := range l.VMAs {
		if got := s.find(l.End(i) - 1).Value(); got != uint64(i) {
			t.Errorf("found segment %d, want %d", got, i)
		}
		if s.set.FindSegment(l.End(i)).Ok() {
			t.Errorf("found a segment in the gap after %d", i)
		}
	}
	s.Find(1, 10)
	s.Locked().Find(0, 10)
	if s.workers[0].next != 10 || s.workers[1].next != 10 {
		t.Error("the workers do not go on through their addresses")
	}
}
