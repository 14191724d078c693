package vma

import (
	"errors"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// withRWSem are the rules of the generation RWSem.
var withRWSem = []string{"vma-rwsem", "vma-rwsem-seqcount"}

// TestRWSemStates goes through a VMA's life.
func TestRWSemStates(t *testing.T) {
	for _, spec := range withRWSem {
		l := newLab(spec)
		mm, tk := l.mm("a"), l.boot
		v := l.detached(mm)
		step := func(what string, detached, held, writeLocked bool) {
			t.Helper()
			if got := v.IsDetached(tk); got != detached || v.DetachedPeek() != detached {
				t.Errorf("%s: %s: detached %v", spec, what, got)
			}
			if state, idle := v.LockPeek(), v.LockIdle(); idle == held {
				t.Errorf("%s: %s: %s", spec, what, state)
			}
			if got := v.IsWriteLocked(tk); got != writeLocked {
				t.Errorf("%s: %s: write-locked %v", spec, what, got)
			}
		}
		read := func(want ReadResult) {
			t.Helper()
			if got := readLock(tk, mm, v); got != want || tk.Sections[task.SlotRCU].Depth != 0 {
				t.Errorf("%s: read lock: %v, expected %v; %d RCU sections left", spec, got, want, tk.Sections[task.SlotRCU].Depth)
			}
		}
		step("new", true, false, false)
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		step("write-locked: the rwsem is free again", true, false, true)
		mm.MarkAttached(tk, v)
		read(ReadBusy)
		step("attached, write-locked", false, false, true)
		before := mm.LockSeq.Peek()
		mm.MmapWriteDowngrade(tk)
		if n := mm.LockSeq.Peek(); n != before+1 || mm.OddInside() != (n%2 == 0) {
			t.Errorf("%s: mm_lock_seq goes from %d to %d", spec, before, n)
		}
		step("downgraded", false, false, false)
		read(ReadLocked)
		if !mm.StartReadLocked(tk, v) {
			t.Errorf("%s: no read lock under mmap_lock", spec)
		}
		v.AssertLocked(tk)
		endRead(tk, mm, v)
		step("one reader left", false, true, false)
		endRead(tk, mm, v)
		step("none", false, false, false)
		mm.MmapReadUnlock(tk)

		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		mm.StartWrite(tk, v)
		mm.MarkDetached(tk, v)
		mm.MmapWriteUnlock(tk)
		read(ReadLocked) // it tells nothing: who has found it asks now
		step("detached, one reader", true, true, false)
		endRead(tk, mm, v)
		l.cache.Free(tk, v)
		l.rcu.Barrier(tk)
		if inUse := l.cache.locks.InUse(); inUse != 0 {
			t.Errorf("%s: %d vma_locks are left", spec, inUse)
		}
		l.want(t)
	}
}

// TestRWSemPrograms runs the programs that protect a pair of words by the lock of a VMA in every order.
func TestRWSemPrograms(t *testing.T) {
	for _, spec := range withRWSem {
		explores(t, spec, readerBesideWriter)
		explores(t, spec, downgrading)
		explores(t, spec, func(l *lab) program {
			mm, p := l.mm("mm"), l.pair()
			v := l.attached(mm)
			return program{tasks: []func(*task.Task){reader(l, mm, v, p), reader(l, mm, v, p), writer(mm, v, p)}}
		})
		breaks(t, spec, "a reader sees half a change", func(l *lab) program {
			mm, p := l.mm("mm"), l.pair()
			v := l.attached(mm)
			return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
				mm.MmapWriteLock(t)
				mm.StartWrite(t, v)
				mm.EndWriteAll(t) // too early
				p.change(t)
				mm.MmapLock.UpWrite(t)
			}}}
		})
	}
}

// TestRWSemDetachedIsToldUnderTheLock: a reader that finds a VMA before it is unmapped and locks it afterwards sees that it is detached, and
// its memory is not another one's.
func TestRWSemDetachedIsToldUnderTheLock(t *testing.T) {
	for _, spec := range withRWSem {
		told := map[bool]bool{}
		explores(t, spec, func(l *lab) program {
			mm := l.mm("mm")
			v := l.attached(mm)
			return program{tasks: []func(*task.Task){
				func(t *task.Task) {
					mm.RCU.ReadLock(t)
					if mm.StartRead(t, v) != ReadLocked {
						return
					}
					detached := v.IsDetached(t)
					told[detached] = true
					if v.Start(t) != testStart || !v.Alive() {
						l.complain("detached %v, start %#x", detached, v.Start(t))
					}
					endRead(t, mm, v)
					mm.RCU.ReadUnlock(t)
				},
				func(t *task.Task) {
					mm.MmapWriteLock(t)
					mm.StartWrite(t, v)
					mm.MarkDetached(t, v)
					mm.MmapWriteUnlock(t)
					l.cache.Free(t, v)
				},
			}}
		})
		if !told[false] || !told[true] {
			t.Errorf("%s: of a VMA that is locked it was told %v", spec, told)
		}
	}
}

func TestRWSemKilledWriter(t *testing.T) {
	l := newLab("vma-rwsem")
	mm := l.mm("a")
	v := l.attached(mm)
	var victim *task.Task
	var got error
	res, err := exploretest.Run(nil, l.world(func(t *task.Task) {
		readLock(t, mm, v)
		for !v.lock.sem.Contended() {
			v.seq.ReadOnce(t)
		}
		victim.Kill(t)
		for v.lock.sem.Contended() {
			v.seq.ReadOnce(t)
		}
		endRead(t, mm, v)
	}, func(t *task.Task) {
		victim = t
		mm.MmapWriteLock(t)
		got = mm.StartWriteKillable(t, v)
		mm.MmapWriteUnlock(t)
	}))
	if err != nil || !errors.Is(got, linux.EINTR) || v.IsWriteLocked(l.boot) {
		t.Errorf("%v, %v\n%s", err, got, res.Log())
	}
	l.want(t)
}

// TestRWSemAllocFails: a VMA needs two objects, and none is left where the second fails.
func TestRWSemAllocFails(t *testing.T) {
	for fails := range 3 {
		l := newLab("vma-rwsem")
		l.boot.Observer = &failing{number: fails + 1}
		mm := l.mm("a")
		v, err := l.cache.Alloc(l.boot, mm, testStart, testEnd, 0, testFlags)
		if got := err != nil; got != (fails < 2) || got != (v == nil) || err != nil && !errors.Is(err, linux.ENOMEM) {
			t.Errorf("allocation %d fails: %v, %v", fails+1, v, err)
		}
		l.boot.Observer = nil
		l.rcu.Barrier(l.boot)
		if inUse, _, _ := l.cache.Stats(); inUse != l.cache.locks.InUse() || (inUse == 1) != (err == nil) {
			t.Errorf("allocation %d fails: %d VMAs and %d locks in use", fails+1, inUse, l.cache.locks.InUse())
		}
		l.want(t)
	}
}

// failing lets one allocation fail.
type failing struct {
	task.NoObserver
	number, count int
}

func (f *failing) Choose(_ *task.Task, c task.Choice, _ int) int {
	if c == task.AllocFails {
		if f.count++; f.count == f.number {
			return 1
		}
	}
	return 0
}

// TestFlagStates: a flag is set and cleared by turns.
func TestFlagStates(t *testing.T) {
	for _, spec := range []string{"vma-rwsem", "mmap-lock", "spf-seq"} {
		l := newLab(spec)
		mm, tk := l.mm("a"), l.boot
		v := l.attached(mm)
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		mm.MarkAttached(tk, v)
		l.want(t, "attach-attached")
		v.AssertAttached(tk)
		mm.MarkDetached(tk, v)
		l.want(t)
		mm.MarkDetached(tk, v)
		l.want(t, "detach-detached")
		v.AssertAttached(tk)
		l.want(t, "store-detached")
		mm.MarkAttached(tk, v)
		mm.MmapWriteUnlock(tk)
		l.cache.Free(tk, v)
		l.rcu.Barrier(tk)
		l.want(t, "bad-free")
	}
}

// TestWithoutVMALocks: who holds mmap_lock for writing has every VMA write-locked, and no VMA can be locked otherwise.
func TestWithoutVMALocks(t *testing.T) {
	for _, spec := range []string{"mmap-lock", "spf-seq"} {
		l := newLab(spec)
		mm, tk := l.mm("a"), l.boot
		v, other := l.attached(mm), l.attached(mm)
		if v.IsWriteLocked(tk) {
			t.Error(spec, ": write-locked in an idle mm")
		}
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		if !v.IsWriteLocked(tk) || !other.IsWriteLocked(tk) {
			t.Error(spec, ": not write-locked under mmap_lock")
		}
		mm.MmapWriteDowngrade(tk)
		if v.IsWriteLocked(tk) || mm.StartReadLocked(tk, v) || readLock(tk, mm, v) != ReadBusy || tk.Sections[task.SlotRCU].Depth != 0 {
			t.Error(spec, ": locked by itself")
		}
		mm.MmapReadUnlock(tk)
		mm.AdvanceSeq(5)
		l.want(t)
	}
}
