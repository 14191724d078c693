package vma

import (
	"errors"
	"testing"

	"vmasim/explore/exploretest"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// The generations in which the last put frees: FreeAtZero and ThreeState.

const waits = ",+detach-waits"

// TestLastPutStates goes through a VMA's life and compares vm_refcnt with what each of the two proposals says of its states.
func TestLastPutStates(t *testing.T) {
	for spec, base := range map[string]int32{"free-at-zero": 0, "three-state": 1, "free-at-zero" + waits: 0, "three-state" + waits: 1} {
		l := newLab(spec)
		mm, tk := l.mm("a"), l.boot
		v := l.detached(mm)
		step := func(what string, refcnt int32, detached, idle bool) {
			t.Helper()
			if n := v.refcnt.Peek(); n != refcnt {
				t.Errorf("%s: %s: vm_refcnt %#x, expected %#x", spec, what, n, refcnt)
			}
			if v.IsDetached(tk) != detached || v.DetachedPeek() != detached {
				t.Errorf("%s: %s: detached %v", spec, what, v.IsDetached(tk))
			}
			if state, got := v.LockPeek(), v.LockIdle(); got != idle {
				t.Errorf("%s: %s: %s, idle %v", spec, what, state, got)
			}
		}
		read := func(want ReadResult) {
			t.Helper()
			if got := readLock(tk, mm, v); got != want || tk.Sections[task.SlotRCU].Depth != 0 {
				t.Errorf("%s: read lock: %v, expected %v; %d RCU sections left", spec, got, want, tk.Sections[task.SlotRCU].Depth)
			}
		}
		step("new", base, true, true)
		read(ReadDetached)
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		step("detached, write-locked", base, true, true)
		mm.MarkAttached(tk, v)
		step("attached", base+1, false, true)
		read(ReadBusy)
		mm.MmapWriteDowngrade(tk)
		read(ReadLocked)
		if !mm.StartReadLocked(tk, v) {
			t.Errorf("%s: no read lock under mmap_lock", spec)
		}
		step("two readers", base+3, false, false)
		endRead(tk, mm, v)
		endRead(tk, mm, v)
		mm.MmapReadUnlock(tk)

		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		mm.StartWrite(tk, v)
		step("write-locked", base+1, false, true)
		mm.MarkDetached(tk, v)
		step("detached again", base, true, true)
		read(ReadBusy) // it is write-locked
		mm.MarkDetached(tk, v)
		l.want(t, "detach-detached")
		v.AssertAttached(tk)
		l.want(t, "store-detached")
		mm.MarkAttached(tk, v)
		step("re-attached", base+1, false, true)
		mm.MarkAttached(tk, v)
		l.want(t, "attach-attached")
		v.refcnt.Init(base + 1)
		mm.MarkDetached(tk, v)
		mm.MmapWriteUnlock(tk)
		read(ReadDetached)
		mm.FreeArea(tk, v)
		if n := v.refcnt.Peek(); n != 0 || v.Alive() {
			t.Errorf("%s: freed: vm_refcnt %#x, alive %v", spec, n, v.Alive())
		}
		read(ReadDetached)
		l.want(t)
	}
}

// TestLastPutFrees: where a reader is left when a VMA is detached, its put frees it, if the writer is done with it; with one count for
// both that is not asked.
func TestLastPutFrees(t *testing.T) {
	for spec, asked := range map[string]bool{"free-at-zero": false, "three-state": true} {
		l := newLab(spec)
		mm, tk := l.mm("a"), l.boot
		v := l.attached(mm)
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		if _, ok := v.takeLastPut(tk, mm); !ok { // a reader that is about to find the VMA write-locked
			t.Fatalf("%s: vm_refcnt %#x", spec, v.refcnt.Peek())
		}
		mm.MarkDetached(tk, v)
		if v.lastPut(tk, mm); v.Alive() != asked {
			t.Errorf("%s: the reader's put leaves the VMA alive: %v", spec, v.Alive())
		}
		if mm.FreeArea(tk, v); v.Alive() {
			t.Errorf("%s: alive when all have let go", spec)
		}
		l.want(t)

		mm.MmapWriteUnlock(tk)
		v = l.attached(mm) // now it is the writer who lets go first
		mm.MmapWriteLock(tk)
		mm.StartWrite(tk, v)
		v.takeLastPut(tk, mm)
		mm.MarkDetached(tk, v)
		if mm.FreeArea(tk, v); !v.Alive() {
			t.Errorf("%s: freed under a reader", spec)
		}
		if v.lastPut(tk, mm); v.Alive() {
			t.Errorf("%s: alive when all have let go", spec)
		}
		mm.MmapWriteUnlock(tk)
		if inUse, _, _ := l.cache.Stats(); inUse != 0 {
			t.Errorf("%s: %d VMAs left", spec, inUse)
		}
		l.want(t)
	}
}

// TestReattachAfterLastPut is what was said against the proposal: a detached VMA may be attached again. A reader that is left
// by then is one more reference; one whose put was the last has freed the VMA.
func TestReattachAfterLastPut(t *testing.T) {
	for spec, lost := range map[string]bool{"free-at-zero": true, "three-state": false} {
		for _, early := range []bool{false, true} {
			l := newLab(spec)
			mm, tk := l.mm("a"), l.boot
			v := l.attached(mm)
			attached := v.refcnt.Peek()
			mm.MmapWriteLock(tk)
			mm.StartWrite(tk, v)
			v.takeLastPut(tk, mm)
			mm.MarkDetached(tk, v)
			if early {
				v.lastPut(tk, mm)
			}
			mm.MarkAttached(tk, v)
			if !early {
				v.lastPut(tk, mm)
			}
			mm.MmapWriteUnlock(tk)
			if lost && early {
				l.want(t, "use-after-free")
				continue
			}
			if n := v.refcnt.Peek(); n != attached || !v.Alive() || v.DetachedPeek() {
				t.Errorf("%s, reader gone before %v: attached again with vm_refcnt %#x", spec, early, n)
			}
			l.want(t)
		}
	}
}

// TestLastPutForeign: a VMA that became another mm's is given back, and that mm is left as it was.
func TestLastPutForeign(t *testing.T) {
	for _, spec := range []string{"free-at-zero", "three-state"} {
		l := newLab(spec)
		mine, other := l.mm("mine"), l.mm("other")
		v := l.attached(other)
		before := v.refcnt.Peek()
		if got := readLock(l.boot, mine, v); got != ReadBusy || v.refcnt.Peek() != before || other.Count.Peek() != 1 {
			t.Errorf("%s: %v, vm_refcnt %d, mm_count %d", spec, got, v.refcnt.Peek(), other.Count.Peek())
		}
		l.want(t)
	}
}

// TestLastPutPrograms runs the programs that protect a pair of words by the lock of a VMA in every order. Beside a writer that detaches
// nothing the two are right; where one detaches and frees, they need the wait.
func TestLastPutPrograms(t *testing.T) {
	detaching := func(l *lab) program {
		mm, p := l.mm("mm"), l.pair()
		v := l.attached(mm)
		return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
			mm.MmapWriteLock(t)
			mm.StartWrite(t, v)
			mm.MarkDetached(t, v)
			mm.MmapWriteDowngrade(t)
			p.change(t) // the page tables go
			mm.MmapReadUnlock(t)
			mm.FreeArea(t, v)
		}}, check: func() {
			if v.Alive() || v.refcnt.Peek() != 0 {
				l.complain("left with vm_refcnt %#x, alive %v", v.refcnt.Peek(), v.Alive())
			}
		}}
	}
	for _, spec := range []string{"free-at-zero", "three-state"} {
		for _, made := range []func(*lab) program{lockAndChange, twoReaders} {
			explores(t, spec, made)
			explores(t, spec+waits, made)
		}
		explores(t, spec+waits, detaching)
		breaks(t, spec, "a reader sees half a change", detaching)
		explores(t, spec+waits, takeBack)
	}
	explores(t, "three-state", takeBack)
	breaks(t, "free-at-zero", "use-after-free", takeBack)
}

func lockAndChange(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	v := l.attached(mm)
	return program{tasks: []func(*task.Task){reader(l, mm, v, p), writer(mm, v, p)}}
}

func twoReaders(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	v := l.attached(mm)
	return program{tasks: []func(*task.Task){reader(l, mm, v, p), reader(l, mm, v, p), writer(mm, v, p)}}
}

// takeBack is munmap that takes a detach back when a later step fails.
func takeBack(l *lab) program {
	mm, p := l.mm("mm"), l.pair()
	v := l.attached(mm)
	before := v.refcnt.Peek()
	return program{tasks: []func(*task.Task){reader(l, mm, v, p), func(t *task.Task) {
		mm.MmapWriteLock(t)
		mm.StartWrite(t, v)
		mm.MarkDetached(t, v)
		p.change(t)
		mm.MarkAttached(t, v)
		mm.MmapWriteUnlock(t)
	}}, check: func() {
		if v.refcnt.Peek() != before || v.DetachedPeek() {
			l.complain("left with vm_refcnt %#x", v.refcnt.Peek())
		}
	}}
}

// TestLastPutKilledWriter: the VMA of a writer that was killed while it waited is not locked, and readers get in again.
func TestLastPutKilledWriter(t *testing.T) {
	for spec, attached := range map[string]int32{"free-at-zero": 1, "three-state": 2} {
		l := newLab(spec)
		mm := l.mm("a")
		v := l.attached(mm)
		var victim *task.Task
		var got error
		if _, err := exploretest.Run(nil, l.world(func(t *task.Task) {
			readLock(t, mm, v)
			for v.refcnt.Read(t) < VMALockOffset {
			}
			victim.Kill(t)
			for v.refcnt.Read(t) >= VMALockOffset {
			}
			endRead(t, mm, v)
		}, func(t *task.Task) {
			victim = t
			mm.MmapWriteLock(t)
			got = mm.StartWriteKillable(t, v)
			mm.MmapWriteUnlock(t)
		})); err != nil || !errors.Is(got, linux.EINTR) || v.refcnt.Peek() != attached || v.IsWriteLocked(l.boot) {
			t.Errorf("%s: %v, %v, vm_refcnt %#x", spec, err, got, v.refcnt.Peek())
		}
		l.want(t)
	}
}

// TestLastPutDupAsStruct: a copy made as a struct has for a moment the count of an attached VMA, also with three states.
func TestLastPutDupAsStruct(t *testing.T) {
	for spec, want := range map[string]int32{"free-at-zero,-dup-by-field": 0, "three-state,-dup-by-field": 1} {
		l := newLab(spec)
		mm := l.mm("a")
		n, err := l.cache.Dup(l.boot, l.attached(mm), mm)
		if err != nil || n.refcnt.Peek() != want || !n.DetachedPeek() {
			t.Errorf("%s: %v, vm_refcnt %d", spec, err, n.refcnt.Peek())
		}
		mm.FreeArea(l.boot, n)
		l.want(t)
	}
}
