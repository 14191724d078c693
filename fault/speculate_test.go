package fault

import (
	"math/rand/v2"
	"slices"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestSpeculationGivesUp goes through what a fault that goes by a copy of its VMA leaves to mmap_lock without a second task, and what it does not.
func TestSpeculationGivesUp(t *testing.T) {
	const (
		attempt, faults, slow   = task.SPFAttempt, task.PgFault, task.PgFaultMmapLock
		success, abort, retries = task.VMALockSuccess, task.VMALockAbort, task.VMALockRetry
	)
	faulted := func(f *fixture) { f.mapAnon(0, 2, rw); f.store(f.mm, 1, 1) }
	done := counts{attempt: 1, faults: 1, success: 1}
	early := func(why task.Counter) counts { return counts{attempt: 1, faults: 1, abort: 1, slow: 1, why: 1} }
	segv := func(c counts) counts { c[task.FaultSegv] = 1; return c }
	late := func(why task.Counter) counts { return counts{attempt: 1, faults: 1, retries: 1, slow: 1, why: 1} }
	for name, c := range map[string]struct {
		setup  func(f *fixture)
		access linux.Access
		want   linux.AccessEnd
		counts counts
	}{
		"nothing mapped":       {func(*fixture) {}, linux.Read, linux.SegvMaperr, segv(early(task.SPFAbortUnmapped))},
		"no page table":        {func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Read, linux.OK, late(task.SPFAbortPMD)},
		"no anon_vma":          {func(f *fixture) { f.mapAnon(0, 1, rw); f.holds(f.mm, 0, 0) }, linux.Write, linux.OK, late(task.SPFAbortAnonVMA)},
		"no right":             {func(f *fixture) { f.mapAnon(0, 1, linux.PROT_READ) }, linux.Write, linux.SegvAccerr, segv(late(task.SPFAbortAccessError))},
		"shared memory":        {func(f *fixture) { f.mmap(at(0), page, rw, sharedAnon|linux.MAP_FIXED) }, linux.Write, linux.OK, early(task.SPFAbortNoSpeculate)},
		"a private file":       {func(f *fixture) { f.mapFile(f.open(page), 0, 1, rw, linux.MAP_PRIVATE, 0); f.holds(f.mm, 0, word(0)) }, linux.Write, linux.OK, early(task.SPFAbortNoSpeculate)},
		"a guard":              {func(f *fixture) { faulted(f); f.do(f.mm.Madvise(f.t, at(0), page, linux.MADV_GUARD_INSTALL)) }, linux.Read, linux.SegvMaperr, segv(late(task.SPFAbortNoSpeculate))},
		"first write":          {faulted, linux.Write, linux.OK, done},
		"first read":           {faulted, linux.Read, linux.OK, done},
		"over the zero page":   {func(f *fixture) { faulted(f); f.holds(f.mm, 0, 0) }, linux.Write, linux.OK, done},
		"a page that fork has": {func(f *fixture) { faulted(f); f.store(f.mm, 0, 1); f.fork().Put(f.t) }, linux.Write, linux.OK, done},
		"a page that the child has": {func(f *fixture) {
			faulted(f)
			f.store(f.mm, 0, 1)
			child := f.fork()
			f.Cleanup(func() { child.Put(f.t) })
		}, linux.Write, linux.OK, done},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixtureUnder(t, "spf-seq", mm.Config{})
			c.setup(f)
			before := f.t.Counters
			f.want(Touch(f.t, f.mm, at(0), c.access), c.want, c.access.String())
			c.counts.since(f, &before, &f.t.Counters)
			f.valid(f.mm)
		})
	}
}

// turns lets tasks take up to 40 steps at a time, about as many as a fault has.
func turns(seed uint64) exploretest.Turn {
	r := rand.New(rand.NewPCG(seed, 0))
	last, left := 0, 0
	return func(enabled []int) int {
		if left--; left < 0 || !slices.Contains(enabled, last) {
			last, left = enabled[r.IntN(len(enabled))], r.IntN(40)
		}
		return last
	}
}

// TestSpeculationBesideWriters runs two faults in one page table beside a writer in random schedules: both stores are there, each fault counts
// in one way, and each cause of giving up that takes another task comes about.
func TestSpeculationBesideWriters(t *testing.T) {
	var sum task.Counters
	for seed := range uint64(200) {
		f := newFixtureUnder(t, "spf-seq", mm.Config{})
		f.mapAnon(0, 4, rw)
		f.store(f.mm, 0, 1)
		child := f.fork() // so that a store to page 0 flushes the TLB under the lock of the table
		store := func(n int) func(*task.Task) {
			return func(tk *task.Task) {
				if res := Store(tk, f.mm, at(n), 7); res != linux.OK {
					t.Errorf("seed %d: %s", seed, res)
				}
				c := &tk.Counters
				if n := c[task.PgFault]; c[task.SPFAttempt] != n || c[task.VMALockSuccess]+c[task.VMALockAbort]+c[task.VMALockRetry] != n {
					t.Errorf("seed %d: %v", seed, c)
				}
				sum.Add(c)
			}
		}
		f.run(turns(seed), store(0), store(1), func(tk *task.Task) {
			if err := f.mm.Mprotect(tk, at(2), 2*page, linux.PROT_READ); err != nil {
				t.Error(err)
			}
		})
		f.holds(f.mm, 0, 7)
		f.holds(f.mm, 1, 7)
		f.valid(f.mm)
		child.Put(f.t)
	}
	for _, c := range []task.Counter{task.VMALockSuccess, task.SPFAbortOdd, task.SPFAbortVMACopy, task.SPFAbortSeq1, task.SPFAbortPTL, task.SPFAbortSeq2} {
		if sum[c] == 0 {
			t.Errorf("no schedule counts a %s", c)
		}
		t.Logf("%s: %d", c, sum[c])
	}
}
