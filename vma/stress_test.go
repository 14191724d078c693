package vma

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"vmasim/internal/task"
)

// TestStress lets goroutines find and lock VMAs that two address spaces change, detach, free and reuse. The locks
// protect plain words, which the race detector watches.
func TestStress(t *testing.T) {
	for _, spec := range append(withRWSem, "linux-6.18", "linux-6.18,+seq-counter", "free-at-zero"+waits, "three-state"+waits) {
		t.Run(spec, func(t *testing.T) { stress(t, spec) })
	}
}

func stress(t *testing.T, spec string) {
	const (
		slots   = 4
		readers = 3
		rounds  = 10000
	)
	l := newLab(spec)
	// found stands for the trees: what a lookup finds there may be another mm's by the time it is locked.
	type space struct {
		mm    *MMLock
		found [slots]atomic.Pointer[VMA]
	}
	var spaces [2]space
	for i := range spaces {
		spaces[i].mm = l.mm("mm")
		for j := range spaces[i].found {
			spaces[i].found[j].Store(l.attached(spaces[i].mm))
		}
	}
	var results [3]atomic.Int64
	var wg sync.WaitGroup
	run := func(name string, body func(tk *task.Task, r *rand.Rand)) {
		tk := l.task(name)
		r := rand.New(rand.NewPCG(uint64(tk.ID), 1))
		wg.Go(func() {
			for range rounds {
				body(tk, r)
			}
			l.rcu.Unregister(tk)
		})
	}
	look := func(tk *task.Task, s *space, v *VMA) {
		if v.mm.ReadOnce(tk) != s.mm || !v.Contains(tk, testStart) {
			l.complain("a reader locked another VMA")
		}
		if pgoff, flags := v.Pgoff(tk), v.Flags(tk); pgoff%2 != 0 || flags != testFlags {
			l.complain("a reader sees half a change: page offset %d, flags %s", pgoff, flags)
		}
		endRead(tk, s.mm, v)
	}
	for i := range spaces {
		s := &spaces[i]
		for range readers {
			run("reader", func(tk *task.Task, r *rand.Rand) {
				s.mm.RCU.ReadLock(tk)
				v := s.found[r.IntN(slots)].Load()
				res := s.mm.StartRead(tk, v)
				if results[res].Add(1); res != ReadLocked {
					return
				}
				s.mm.RCU.ReadUnlock(tk)
				if v.IsDetached(tk) {
					results[ReadDetached].Add(1)
					endRead(tk, s.mm, v)
					return
				}
				look(tk, s, v)
			})
		}
		run("locker", func(tk *task.Task, r *rand.Rand) { // a fault under mmap_lock
			s.mm.MmapReadLock(tk)
			v := s.found[r.IntN(slots)].Load()
			ok := s.mm.StartReadLocked(tk, v)
			s.mm.MmapReadUnlock(tk)
			if !ok {
				l.complain("no read lock under mmap_lock")
				return
			}
			look(tk, s, v)
		})
		run("writer", func(tk *task.Task, r *rand.Rand) {
			s.mm.MmapWriteLock(tk)
			at := &s.found[r.IntN(slots)]
			v := at.Load()
			s.mm.StartWrite(tk, v)
			v.SetFlags(tk, 0)
			v.SetRange(tk, testStart, testEnd, v.Pgoff(tk)+1)
			if r.IntN(2) == 0 { // replace it, as MAP_FIXED does
				s.mm.MarkDetached(tk, v)
				n, err := l.cache.Alloc(tk, s.mm, testStart, testEnd, 2, testFlags)
				if err != nil {
					l.complain("%v", err)
				}
				s.mm.StartWrite(tk, n)
				s.mm.MarkAttached(tk, n)
				at.Store(n)
				s.mm.FreeArea(tk, v)
				v = n
			} else {
				v.SetRange(tk, testStart, testEnd, v.Pgoff(tk)+1)
				v.SetFlags(tk, testFlags)
			}
			if r.IntN(2) == 0 {
				s.mm.MmapWriteDowngrade(tk)
				s.mm.MmapReadUnlock(tk)
			} else {
				s.mm.MmapWriteUnlock(tk)
			}
		})
	}
	wg.Wait()
	for i := range spaces {
		for j := range spaces[i].found {
			v := spaces[i].found[j].Load()
			if state, idle := v.LockPeek(), v.LockIdle(); !idle || v.DetachedPeek() {
				t.Errorf("left with %s, detached %v", state, v.DetachedPeek())
			}
		}
	}
	l.rcu.Barrier(l.boot)
	if inUse, allocated, reused := l.cache.Stats(); inUse != 2*slots || reused == 0 || allocated < rounds/2 {
		t.Errorf("%d VMAs in use, %d allocated, %d reused", inUse, allocated, reused)
	}
	if results[ReadLocked].Load() == 0 {
		t.Error("no read lock in all that")
	}
	t.Logf("locked %d, busy %d, detached %d", results[ReadLocked].Load(), results[ReadBusy].Load(), results[ReadDetached].Load())
	l.want(t)
}
