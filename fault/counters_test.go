package fault

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

// counts are increments of counters.
type counts map[task.Counter]uint64

// since fails the test unless the counters moved by exactly that much, pgfault included.
func (c counts) since(f *fixture, before, after *task.Counters) {
	f.Helper()
	for i := range task.NumCounters {
		if got := after[i] - before[i]; got != c[i] {
			f.Errorf("%s: counted %d, expected %d", i, got, c[i])
		}
	}
}

// underMmapLock returns what is counted of the same faults where VMAs have no lock.
func (c counts) underMmapLock() counts {
	slow := maps.Clone(c)
	for _, counter := range []task.Counter{task.VMALockSuccess, task.VMALockAbort, task.VMALockRetry, task.VMALockMiss} {
		delete(slow, counter)
	}
	if n := c[task.PgFault]; n > 0 {
		slow[task.PgFaultMmapLock] = n
	}
	return slow
}

// TestCounters goes through the situations of docs/kernel.md K2 that need no second task, under each generation.
func TestCounters(t *testing.T) {
	const (
		success, abort, retries = task.VMALockSuccess, task.VMALockAbort, task.VMALockRetry
		faults, slow            = task.PgFault, task.PgFaultMmapLock
		segv, sigbus, oom       = task.FaultSegv, task.FaultSigbus, task.FaultOOM
	)
	touched := func(f *fixture, n int, access linux.Access) {
		f.Helper()
		f.want(Touch(f.t, f.mm, at(n), access), linux.OK, "touch")
	}
	file := func(flags int) func(*fixture) {
		return func(f *fixture) { f.mapFile(f.open(3*page), 0, 8, rw, flags, 0) }
	}
	for _, c := range []struct {
		name   string
		setup  func(f *fixture)
		access linux.Access
		want   linux.AccessEnd
		counts counts
	}{
		{"nothing mapped", func(*fixture) {}, linux.Read, linux.SegvMaperr, counts{faults: 1, abort: 1, slow: 1, segv: 1}},
		{"a mapping right above", func(f *fixture) { f.mapAnon(1, 2, rw) }, linux.Read, linux.SegvMaperr, counts{faults: 1, abort: 1, slow: 1, segv: 1}},
		{"rights, under the VMA lock", func(f *fixture) { f.mapAnon(0, 1, linux.PROT_READ) }, linux.Write, linux.SegvAccerr, counts{faults: 1, success: 1, segv: 1}},
		{"no rights at all", func(f *fixture) { f.mapAnon(0, 1, 0) }, linux.Read, linux.SegvAccerr, counts{faults: 1, success: 1, segv: 1}},
		{"no rights any more", func(f *fixture) { f.mapAnon(0, 1, rw); f.store(f.mm, 0, 1); f.mprotect(0, 1, 0) }, linux.Read, linux.SegvAccerr, counts{faults: 1, success: 1, segv: 1}},
		{"fetch without the right", func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Exec, linux.SegvAccerr, counts{faults: 2, success: 2, segv: 1}},
		{"fetch with the right", func(f *fixture) { f.mapAnon(0, 1, linux.PROT_EXEC) }, linux.Exec, linux.OK, counts{faults: 1, success: 1}},
		{"first write", func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Write, linux.OK, counts{faults: 1, success: 1}},
		{"first read", func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Read, linux.OK, counts{faults: 1, success: 1}},
		{"write over the zero page", func(f *fixture) { f.mapAnon(0, 1, rw); touched(f, 0, linux.Read) }, linux.Write, linux.OK, counts{faults: 1, success: 1}},
		{"access that does not fault", func(f *fixture) { f.mapAnon(0, 1, rw); touched(f, 0, linux.Write) }, linux.Read, linux.OK, counts{}},
		{"file page not cached", file(linux.MAP_SHARED), linux.Read, linux.OK, counts{faults: 1, retries: 1, slow: 1}},
		{"file page not cached, shared write", file(linux.MAP_SHARED), linux.Write, linux.OK, counts{faults: 1, retries: 1, slow: 1}},
		{"file page not cached, private write", file(linux.MAP_PRIVATE), linux.Write, linux.OK, counts{faults: 1, retries: 1, slow: 1}},
		{"file page cached", func(f *fixture) {
			opened := f.open(3 * page)
			f.mapFile(opened, 20, 28, rw, linux.MAP_SHARED, 0)
			touched(f, 20, linux.Read)
			f.mapFile(opened, 0, 8, rw, linux.MAP_SHARED, 0)
		}, linux.Read, linux.OK, counts{faults: 1, success: 1}},
		{"file page mapped read-only", func(f *fixture) { file(linux.MAP_SHARED)(f); touched(f, 0, linux.Read) }, linux.Write, linux.OK, counts{faults: 1, success: 1}},
		{"shared memory has nothing to read", func(f *fixture) { f.mmap(at(0), page, rw, sharedAnon|linux.MAP_FIXED) }, linux.Write, linux.OK, counts{faults: 1, success: 1}},
		{"beyond the end of the file", func(f *fixture) { f.mapFile(f.open(3*page), 0, 8, rw, linux.MAP_SHARED, 3) }, linux.Read, linux.Sigbus, counts{faults: 1, success: 1, sigbus: 1}},
		{"private write beyond the end of the file", func(f *fixture) { f.mapFile(f.open(3*page), 0, 8, rw, linux.MAP_PRIVATE, 3) }, linux.Write, linux.Sigbus, counts{faults: 1, success: 1, sigbus: 1}},
		{"end of the file found only when the page is read", func(f *fixture) {
			opened := f.open(3 * page)
			f.mapFile(opened, 0, 8, rw, linux.MAP_SHARED, 0)
			f.do(os.Truncate(opened.Name(), 0))
		}, linux.Read, linux.Sigbus, counts{faults: 1, success: 1, sigbus: 1}},
		{"no frame is free", func(f *fixture) {
			f.mapAnon(0, 2, rw)
			touched(f, 1, linux.Write)
			f.mapAnon(512, 8*2048, rw)
			for n := 512; Touch(f.t, f.mm, at(n), linux.Write) == linux.OK; n++ {
			}
		}, linux.Write, linux.OOM, counts{faults: 1, success: 1, oom: 1}},
	} {
		for _, g := range rules.Generations() {
			if g.Lock == rules.SpeculativeLock { // TestSpeculationGivesUp
				continue
			}
			t.Run(g.Name+"/"+c.name, func(t *testing.T) {
				f := newFixtureUnder(t, g.Name, mm.Config{})
				c.setup(f)
				before := f.t.Counters
				f.want(Touch(f.t, f.mm, at(0), c.access), c.want, c.access.String())
				want := c.counts
				if g.Lock == rules.MmapLock {
					want = want.underMmapLock()
				}
				want.since(f, &before, &f.t.Counters)
				f.valid(f.mm)
			})
		}
	}
}

// TestOlderFallbacks: what up to 6.6 or 6.9 was left to mmap_lock by the look-up, counts as one that gave up.
func TestOlderFallbacks(t *testing.T) {
	anon := func(f *fixture) { f.mapAnon(0, 2, rw) }
	faulted := func(f *fixture) { anon(f); f.store(f.mm, 1, 1) }
	memory := func(f *fixture) { f.mmap(at(0), page, rw, sharedAnon|linux.MAP_FIXED) }
	for _, c := range []struct {
		spec   string
		setup  func(*fixture)
		access linux.Access
		falls  bool
	}{
		{"vma-rwsem", anon, linux.Write, false},
		{"vma-rwsem", memory, linux.Write, false},
		{"vma-rwsem,-late-anon-check", anon, linux.Write, true},
		{"vma-rwsem,-late-anon-check", anon, linux.Read, true},
		{"vma-rwsem,-late-anon-check", faulted, linux.Write, false},
		{"vma-rwsem,-late-anon-check", memory, linux.Write, false},
		{"vma-rwsem-seqcount,-file-faults", memory, linux.Read, true},
		{"vma-rwsem-seqcount,-file-faults", anon, linux.Write, false},
	} {
		f := newFixtureUnder(t, c.spec, mm.Config{})
		c.setup(f)
		before := f.t.Counters
		f.want(Touch(f.t, f.mm, at(0), c.access), linux.OK, c.spec)
		want := counts{task.PgFault: 1, task.VMALockSuccess: 1}
		if c.falls {
			want = counts{task.PgFault: 1, task.VMALockAbort: 1, task.PgFaultMmapLock: 1}
		}
		want.since(f, &before, &f.t.Counters)
	}
}

// TestCountersBesideWriter: a writer holds mmap_lock, and perhaps the VMA, when the fault comes.
func TestCountersBesideWriter(t *testing.T) {
	for _, c := range []struct {
		name   string
		lock   bool // the VMA, too
		setup  func(f *fixture)
		access linux.Access
		waits  bool
		counts counts
	}{
		{"the VMA is write-locked", true, func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Read, true,
			counts{task.PgFault: 1, task.VMALockAbort: 1, task.PgFaultMmapLock: 1}},
		{"first write: no trylock of mmap_lock", false, func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Write, true,
			counts{task.PgFault: 1, task.VMALockRetry: 1, task.PgFaultMmapLock: 1}},
		{"first write over the zero page", false, func(f *fixture) { f.mapAnon(0, 1, rw); f.holds(f.mm, 0, 0) }, linux.Write, true,
			counts{task.PgFault: 1, task.VMALockRetry: 1, task.PgFaultMmapLock: 1}},
		{"first write to a private file", false, func(f *fixture) { f.mapFile(f.open(page), 0, 1, rw, linux.MAP_PRIVATE, 0); f.holds(f.mm, 0, word(0)) }, linux.Write, true,
			counts{task.PgFault: 1, task.VMALockRetry: 1, task.PgFaultMmapLock: 1}},
		{"read", false, func(f *fixture) { f.mapAnon(0, 1, rw) }, linux.Read, false, counts{task.PgFault: 1, task.VMALockSuccess: 1}},
		{"write to faulted memory", false, func(f *fixture) { f.mapAnon(0, 2, rw); f.store(f.mm, 1, 1) }, linux.Write, false, counts{task.PgFault: 1, task.VMALockSuccess: 1}},
		{"nothing mapped", false, func(*fixture) {}, linux.Read, true,
			counts{task.PgFault: 1, task.VMALockAbort: 1, task.PgFaultMmapLock: 1, task.FaultSegv: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			c.setup(f)
			locked, faulted := false, false
			f.run(nil, func(tk *task.Task) {
				f.mm.MmapWriteLock(tk)
				if c.lock {
					f.mm.StartWrite(tk, f.mm.Tree.Lookup(tk, at(0)))
				}
				locked = true
				for !faulted && !f.mm.MmapLock.Contended() {
					f.mm.MapCount(tk) // a step
				}
				if faulted == c.waits {
					t.Errorf("the fault waited: %v", !faulted)
				}
				f.mm.MmapWriteUnlock(tk)
			}, func(tk *task.Task) {
				for !locked {
					f.mm.LockSeq.ReadOnce(tk) // a step
				}
				res := Touch(tk, f.mm, at(0), c.access)
				faulted = true
				if want := map[bool]linux.AccessEnd{true: linux.SegvMaperr, false: linux.OK}[c.counts[task.FaultSegv] > 0]; res != want {
					t.Errorf("%s, expected %s", res, want)
				}
				c.counts.since(f, &task.Counters{}, &tk.Counters)
			})
			f.valid(f.mm)
		})
	}
}

// TestEachMomentOfAFault lets a writer run to its end after each step of a fault. Exactly one of three VMA lock counters
// tells how each fault came out, and misses come on top.
func TestEachMomentOfAFault(t *testing.T) {
	for _, c := range []struct {
		name   string
		writer func(f *fixture, tk *task.Task) error
		gone   bool // the page is
		sees   []task.Counter
	}{
		{"munmap", func(f *fixture, tk *task.Task) error { return f.mm.Munmap(tk, at(0), 2*page) }, true,
			[]task.Counter{task.VMALockSuccess, task.VMALockAbort, task.VMALockMiss}},
		{"munmap and mmap elsewhere", func(f *fixture, tk *task.Task) error { // the VMA's memory moves
			if err := f.mm.Munmap(tk, at(0), 2*page); err != nil {
				return err
			}
			return f.mmapBy(tk, 10, 12, rw)
		}, true, []task.Counter{task.VMALockSuccess, task.VMALockAbort}},
		{"mmap over it", func(f *fixture, tk *task.Task) error { return f.mmapBy(tk, 0, 2, rw) }, false,
			[]task.Counter{task.VMALockSuccess, task.VMALockMiss}},
		{"split", func(f *fixture, tk *task.Task) error { return f.mm.Mprotect(tk, at(1), page, linux.PROT_READ) }, false,
			[]task.Counter{task.VMALockSuccess, task.VMALockAbort}}, // the VMA found keeps the upper part
		{"fork", func(f *fixture, tk *task.Task) error {
			child, err := f.mm.Fork(tk, "child")
			if err == nil {
				child.Put(tk)
			}
			return err
		}, false, []task.Counter{task.VMALockSuccess}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[task.Counter]bool{}
			for k, last := 0, false; !last; k++ {
				f := newFixture(t)
				f.mapAnon(0, 2, rw)
				f.store(f.mm, 1, 7) // the VMA stays faulted
				var counters task.Counters
				var res linux.AccessEnd
				run := f.run(after(k), func(tk *task.Task) {
					res = Touch(tk, f.mm, at(0), linux.Write)
					counters = tk.Counters
				}, func(tk *task.Task) {
					if err := c.writer(f, tk); err != nil {
						t.Error(err)
					}
				})
				last = k >= run.Steps(0) // the fault was over by then
				what := fmt.Sprintf("after step %d: %s, counters %v", k, res, counters)
				if res != linux.OK && (!c.gone || res != linux.SegvMaperr) {
					t.Error(what)
				}
				n := counters[task.PgFault]
				if n == 0 || counters[task.VMALockSuccess]+counters[task.VMALockAbort]+counters[task.VMALockRetry] != n ||
					counters[task.PgFaultMmapLock] != counters[task.VMALockAbort]+counters[task.VMALockRetry] {
					t.Error(what)
				}
				for c := range task.NumCounters {
					seen[c] = seen[c] || counters[c] > 0
				}
				f.valid(f.mm)
			}
			for _, counter := range c.sees {
				if !seen[counter] {
					t.Errorf("no moment counts a %s", counter)
				}
			}
		})
	}
}
