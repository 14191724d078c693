package fault

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

const (
	many   = 250 // VMAs
	each   = 4   // pages of a VMA
	stride = 8   // pages from one VMA to the next
)

// mapMany maps many VMAs that have been faulted in and emptied: they have their anon_vmas and page tables.
func (f *fixture) mapMany() {
	f.Helper()
	for i := range many {
		f.mapAnon(i*stride, i*stride+each, rw)
	}
	for i := range many {
		f.faultAll(i)
		f.forget(i)
	}
}

// faultAll takes the write faults of all pages of a VMA.
func (f *fixture) faultAll(vma int) {
	for n := range each {
		if end := Handle(f.t, f.mm, at(vma*stride+n), linux.Write, false); end != linux.OK {
			f.Error(end)
		}
	}
}

func (f *fixture) forget(vma int) {
	f.Helper()
	f.do(f.mm.Madvise(f.t, at(vma*stride), each*page, linux.MADV_DONTNEED))
}

// Bar B8 of docs/performance.md: the fault path makes no garbage, and neither does the advice that takes the pages away again. The
// least of some rounds counts: the runtime allocates, too.
func TestFaultsDoNotAllocate(t *testing.T) {
	f := newFixture(t)
	f.mapMany()
	least := math.Inf(1)
	for range 4 {
		next := 0
		least = min(least, testing.AllocsPerRun(1, func() { // it runs twice, and counts once
			for range many / 2 {
				f.faultAll(next)
				f.forget(next)
				next++
			}
		}))
		for i := range many {
			f.forget(i)
		}
	}
	if least > 0 {
		t.Errorf("%v allocations in %d faults and %d calls of madvise, expected none", least, many/2*each, many/2)
	}
}

// Bar B5c of docs/performance.md: no fault falls back to mmap_lock because of a writer that does not touch its VMA.
func TestWriterElsewhereCausesNoFallback(t *testing.T) {
	f := newFixture(t)
	f.mapMany()
	before := f.t.Counters
	writer := f.m.NewTask("writer")
	var done atomic.Bool
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		const first = many * stride
		for round := 0; !done.Load(); round++ {
			if err := f.mmapBy(writer, first, first+3, rw); err != nil {
				t.Error(err)
			}
			if err := f.mm.Mprotect(writer, at(first+1), page, linux.PROT_READ); err != nil { // splits, and merges when it is undone
				t.Error(err)
			}
			if err := f.mm.Mprotect(writer, at(first+1), page, rw); err != nil {
				t.Error(err)
			}
			if err := f.mm.Munmap(writer, at(first), 3*page); err != nil {
				t.Error(err)
			}
			if round == 0 {
				close(started)
			}
		}
	})
	<-started
	const passes = 20
	for range passes {
		for vma := range many {
			f.faultAll(vma)
			f.forget(vma)
		}
	}
	done.Store(true)
	wg.Wait()
	f.m.EndTask(writer)

	after := f.t.Counters
	for _, c := range []task.Counter{task.VMALockAbort, task.VMALockRetry, task.PgFaultMmapLock} {
		if n := after[c] - before[c]; n != 0 {
			t.Errorf("%s rose by %d beside a writer of other VMAs, expected 0", c, n)
		}
	}
	if got, want := after[task.VMALockSuccess]-before[task.VMALockSuccess], uint64(passes*many*each); got != want {
		t.Errorf("%d faults under the VMA lock, expected %d", got, want)
	}
}
