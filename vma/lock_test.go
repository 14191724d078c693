package vma

import (
	"errors"
	"math"
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/invariants"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestRefcntStates goes through a VMA's life and compares vm_refcnt with what docs/kernel.md K1 says of each state.
func TestRefcntStates(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.detached(mm)
	step := func(what string, refcnt int32, writeLocked bool) {
		t.Helper()
		if n := v.refcnt.Peek(); n != refcnt {
			t.Errorf("%s: vm_refcnt %#x, expected %#x", what, n, refcnt)
		}
		if got := v.IsWriteLocked(tk); got != writeLocked {
			t.Errorf("%s: write-locked %v, expected %v", what, got, writeLocked)
		}
		if got := v.IsDetached(tk); got != (refcnt == 0) {
			t.Errorf("%s: detached %v", what, got)
		}
	}
	read := func(want ReadResult) {
		t.Helper()
		if got := readLock(tk, mm, v); got != want || tk.Sections[task.SlotRCU].Depth != 0 {
			t.Errorf("read lock: %v, expected %v; %d RCU sections left", got, want, tk.Sections[task.SlotRCU].Depth)
		}
	}
	step("new", 0, false)
	if v.seq.Peek() != NeverLocked {
		t.Errorf("a new VMA's vm_lock_seq is %#x", v.seq.Peek())
	}
	read(ReadDetached)
	mm.MmapWriteLock(tk)
	mm.StartWrite(tk, v)
	step("detached, write-locked", 0, true)
	mm.MarkAttached(tk, v)
	step("attached, write-locked", 1, true)
	read(ReadBusy)
	step("after a read lock failed", 1, true)
	mm.MmapWriteUnlock(tk)
	step("attached", 1, false)
	read(ReadLocked)
	step("one reader", 2, false)
	read(ReadLocked)
	step("two readers", 3, false)
	endRead(tk, mm, v)
	endRead(tk, mm, v)
	step("none again", 1, false)

	mm.MmapWriteLock(tk)
	step("another write section", 1, false)
	mm.StartWrite(tk, v)
	step("write-locked", 1, true)
	before := v.seq.Peek()
	mm.StartWrite(tk, v)
	if step("write-locked twice", 1, true); v.seq.Peek() != before || before != mm.LockSeq.Peek() || before%2 == 0 {
		t.Errorf("vm_lock_seq %d, then %d, with mm_lock_seq %d", before, v.seq.Peek(), mm.LockSeq.Peek())
	}
	mm.MmapWriteDowngrade(tk)
	step("downgraded", 1, false)
	read(ReadLocked)
	if !mm.StartReadLocked(tk, v) {
		t.Error("no read lock under mmap_lock")
	}
	step("read-locked under mmap_lock", 3, false)
	endRead(tk, mm, v)
	endRead(tk, mm, v)
	mm.MmapReadUnlock(tk)

	mm.MmapWriteLock(tk)
	mm.StartWrite(tk, v)
	mm.MarkDetached(tk, v)
	step("detached again", 0, true)
	mm.MarkAttached(tk, v)
	step("re-attached", 1, true)
	mm.MarkDetached(tk, v)
	mm.MmapWriteUnlock(tk)
	read(ReadDetached)
	step("detached for good", 0, false)
	l.cache.Free(tk, v)
	l.want(t)
}

func TestReferenceLimit(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	v.refcnt.Init(VMARefLimit - 1)
	if got := readLock(tk, mm, v); got != ReadLocked || v.refcnt.Peek() != VMARefLimit {
		t.Errorf("the last reference: %v, vm_refcnt %#x", got, v.refcnt.Peek())
	}
	if got := readLock(tk, mm, v); got != ReadBusy || v.refcnt.Peek() != VMARefLimit {
		t.Errorf("beyond the limit: %v, vm_refcnt %#x", got, v.refcnt.Peek())
	}
	mm.MmapReadLock(tk)
	if mm.StartReadLocked(tk, v) || v.refcnt.Peek() != VMARefLimit {
		t.Errorf("beyond the limit under mmap_lock: vm_refcnt %#x", v.refcnt.Peek())
	}
	mm.MmapReadUnlock(tk)
	endRead(tk, mm, v)
	if !mm.StartReadLocked(tk, v) || v.refcnt.Peek() != VMARefLimit {
		t.Errorf("one below the limit: vm_refcnt %#x", v.refcnt.Peek())
	}
	l.want(t)
}

// TestWriterFlagKeepsReadersOut looks at the count while a writer waits.
func TestWriterFlagKeepsReadersOut(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	v := l.attached(mm)
	order := ""
	reader := func(t *task.Task) {
		if got := readLock(t, mm, v); got != ReadLocked {
			l.complain("reader: %v", got)
		}
		for v.refcnt.Read(t) != VMALockOffset+2 {
		}
		if got := readLock(t, mm, v); got != ReadBusy {
			l.complain("second reader: %v", got)
		}
		order += "r"
		endRead(t, mm, v)
	}
	writer := func(t *task.Task) {
		for v.refcnt.Read(t) != 2 {
		}
		mm.MmapWriteLock(t)
		mm.StartWrite(t, v)
		order += "w"
		if n := v.refcnt.Peek(); n != 1 {
			l.complain("the writer has vm_refcnt %#x", n)
		}
		mm.MmapWriteUnlock(t)
	}
	res, err := exploretest.Run(nil, l.world(reader, writer))
	if err != nil || order != "rw" {
		t.Errorf("order %q, %v\n%s", order, err, res.Log())
	}
	l.want(t)
}

// TestKilledWriter: the VMA of a writer that was killed while it waited is not locked, and readers get in again.
func TestKilledWriter(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	v := l.attached(mm)
	var victim *task.Task
	var got error
	reader := func(t *task.Task) {
		readLock(t, mm, v)
		for v.refcnt.Read(t) != VMALockOffset+2 {
		}
		victim.Kill(t)
		for v.refcnt.Read(t) != 2 {
		}
		if res := readLock(t, mm, v); res != ReadLocked {
			l.complain("after the kill: %v", res)
		}
		endRead(t, mm, v)
		endRead(t, mm, v)
	}
	writer := func(t *task.Task) {
		victim = t
		mm.MmapWriteLock(t)
		got = mm.StartWriteKillable(t, v)
		if v.IsWriteLocked(t) {
			l.complain("locked though killed")
		}
		mm.MmapWriteUnlock(t)
	}
	// The reader is first: the writer must find a reference.
	if _, err := exploretest.Run(nil, l.world(reader, writer)); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(got, linux.EINTR) || v.refcnt.Peek() != 1 {
		t.Errorf("error %v, vm_refcnt %#x", got, v.refcnt.Peek())
	}
	l.want(t)
	// Without readers there is nothing to wait for, and a killed task gets its locks.
	mm.MmapWriteLock(victim)
	if err := mm.StartWriteKillable(victim, v); err != nil || !v.IsWriteLocked(victim) {
		t.Errorf("a killed task's free lock: %v", err)
	}
	mm.MmapWriteUnlock(victim)
}

func TestKilledWhileWaitingForMmapLock(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	other := l.task("other")
	other.Kill(nil)
	mm.MmapReadLock(l.boot)
	if err := mm.MmapWriteLockKillable(other); !errors.Is(err, linux.EINTR) || mm.LockSeq.Peek() != 0 {
		t.Errorf("for writing: %v, mm_lock_seq %d", err, mm.LockSeq.Peek())
	}
	mm.MmapReadUnlock(l.boot)
	mm.MmapWriteLock(l.boot)
	if err := mm.MmapReadLockKillable(other); !errors.Is(err, linux.EINTR) {
		t.Errorf("for reading: %v", err)
	}
	if mm.MmapReadTrylock(other) {
		t.Error("a trylock beside a writer")
	}
	mm.MmapWriteUnlock(l.boot)
	l.want(t)
}

// TestForeignVMA: a VMA that became another mm's while it was looked up is not locked, and that mm is left as it was.
func TestForeignVMA(t *testing.T) {
	l := newLab("")
	mine, other := l.mm("mine"), l.mm("other")
	v := l.attached(other)
	if got := readLock(l.boot, mine, v); got != ReadBusy || v.refcnt.Peek() != 1 || other.Count.Peek() != 1 || mine.Count.Peek() != 1 {
		t.Errorf("%v, vm_refcnt %d, mm_counts %d and %d", got, v.refcnt.Peek(), other.Count.Peek(), mine.Count.Peek())
	}
	unchecked := newLab("linux-6.18,-check-vm-mm")
	mine, other = unchecked.mm("mine"), unchecked.mm("other")
	v = unchecked.attached(other)
	if got := readLock(unchecked.boot, mine, v); got != ReadLocked {
		t.Errorf("without check-vm-mm: %v", got)
	}
	l.want(t)
	unchecked.want(t)
}

// TestStaleSequenceNeverLocksAnIdleMM: vm_lock_seq is odd, an idle mm_lock_seq even, through the wrap-around.
func TestStaleSequenceNeverLocksAnIdleMM(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	fresh, v := l.attached(mm), l.attached(mm)
	fresh.seq.Init(NeverLocked) // as if it had not been locked before it was visible
	mm.LockSeq.Set(math.MaxUint32 - 3)
	for range 4 {
		if res := readLock(tk, mm, v); res != ReadLocked || mm.LockSeq.Peek()%2 != 0 {
			t.Errorf("idle at %#x: %v", mm.LockSeq.Peek(), res)
		}
		endRead(tk, mm, v)
		if res := readLock(tk, mm, fresh); res != ReadLocked {
			t.Errorf("idle at %#x, never locked: %v", mm.LockSeq.Peek(), res)
		}
		endRead(tk, mm, fresh)

		mm.MmapWriteLock(tk)
		seq := mm.LockSeq.Peek()
		mm.StartWrite(tk, v)
		if res := readLock(tk, mm, v); seq%2 != 1 || v.seq.Peek() != seq || res != ReadBusy {
			t.Errorf("in section %#x: vm_lock_seq %#x, %v", seq, v.seq.Peek(), res)
		}
		// A false "locked" is allowed: it happens in one section of 2^31.
		want := ReadLocked
		if seq == NeverLocked {
			want = ReadBusy
		}
		if res := readLock(tk, mm, fresh); res != want {
			t.Errorf("in section %#x, never locked: %v, expected %v", seq, res, want)
		} else if res == ReadLocked {
			endRead(tk, mm, fresh)
		}
		mm.MmapWriteUnlock(tk)
	}
	if got := mm.LockSeq.Peek(); got != 4 {
		t.Errorf("mm_lock_seq %d after the wrap-around, expected 4", got)
	}
	l.want(t)
}

func TestWriteSectionsMustAlternate(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	mm.EndWriteAll(l.boot)
	l.want(t, "seqcount-parity")
}

func TestAsserts(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	v.AssertLocked(tk)
	v.AssertWriteLocked(tk)
	l.want(t, "not-locked", "not-write-locked")
	v.AssertStabilised(tk)
	l.want(t, "not-locked")
	readLock(tk, mm, v)
	v.AssertLocked(tk)
	v.AssertStabilised(tk)
	v.AssertWriteLocked(tk)
	l.want(t, "not-write-locked")
	endRead(tk, mm, v)
	mm.MmapReadLock(tk)
	v.AssertStabilised(tk) // mmap_lock does as well, for reading, too
	mm.MmapReadUnlock(tk)
	mm.MmapWriteLock(tk)
	v.AssertStabilised(tk)
	v.AssertWriteLocked(tk)
	l.want(t, "not-write-locked") // mmap_lock alone is not enough
	mm.StartWrite(tk, v)
	v.AssertLocked(tk)
	v.AssertWriteLocked(tk)
	l.want(t)
	other := l.task("other")
	v.AssertWriteLocked(other)
	l.want(t, "not-write-locked") // another task holds it
	mm.MarkAttached(tk, v)
	l.want(t, "attach-attached")
	v.AssertAttached(tk)
	mm.MarkDetached(tk, v)
	v.AssertAttached(tk)
	l.want(t, "store-detached")
	mm.MarkDetached(tk, v)
	l.want(t, "detach-detached")
	l.cache.Free(tk, v)
	l.cache.Free(tk, v)
	l.want(t, "double-free")
	mm.MmapWriteUnlock(tk)
}

// TestFreeing: an attached VMA must not be freed, and a freed one is told by its range.
func TestFreeing(t *testing.T) {
	l := newLab("")
	mm := l.mm("a")
	v := l.attached(mm)
	l.cache.Free(l.boot, v)
	l.want(t, "bad-free")
	if start, end := v.Range(l.boot); start != poison || end != poison || v.Alive() {
		t.Errorf("freed: [%#x, %#x), alive %v", start, end, v.Alive())
	}
	again, err := l.cache.Alloc(l.boot, mm, testStart, testEnd, 0, 0)
	if err != nil || again != v {
		t.Fatalf("the memory was not reused: %v", err)
	}
	l.want(t, "detached-refcnt")
	if inUse, allocated, reused := l.cache.Stats(); inUse != 1 || allocated != 2 || reused != 1 {
		t.Errorf("%d in use, %d allocated, %d reused", inUse, allocated, reused)
	}
}

// TestInvariantsDemandTheLocks: builds with invariants report changes without the write lock.
func TestInvariantsDemandTheLocks(t *testing.T) {
	if !invariants.Enabled {
		t.Skip("needs -tags invariants")
	}
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	v.SetRange(tk, testStart, testEnd, 0)
	v.SetFlags(tk, 0)
	v.SetAnonVMA(tk, nil)
	v.SetAnonPgoff(tk, 0)
	l.want(t, "not-write-locked", "not-write-locked", "not-write-locked", "not-write-locked")
	v.SetFlag(tk, linux.VMMaybeGuard)
	l.want(t, "not-locked")
	mm.StartWrite(tk, v)
	l.want(t, "write-lock-without-mmap-lock")
	v = l.attached(mm)
	mm.MarkDetached(tk, v)
	l.want(t, "not-write-locked")
}

// intruder takes a reference on a VMA though the writer's flag should keep it out.
type intruder struct {
	task.NoObserver
	v *VMA
}

func (o intruder) After(_ *task.Task, e *task.Event) {
	if e.Op == task.OpRefAddNotZero {
		o.v.refcnt.Init(VMALockOffset) // the reader that is waited for leaves
	}
}

func (o intruder) Before(_ *task.Task, e *task.Event) {
	if e.Op == task.OpRefSubRelease {
		o.v.refcnt.Init(VMALockOffset + 1)
	}
}

// TestDetachWithReaders: references that are left when a VMA was detached are told.
func TestDetachWithReaders(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	mm.MmapWriteLock(tk)
	mm.StartWrite(tk, v)
	v.refcnt.Inc(tk) // a reader that is about to find the VMA write-locked
	tk.Observer = intruder{v: v}
	mm.MarkDetached(tk, v)
	tk.Observer = nil
	l.want(t, "detach-with-readers")
}

// TestKnownToBeUnobserved: the functions for a task of which it is known that it has no observer do what the methods do.
func TestKnownToBeUnobserved(t *testing.T) {
	l := newLab("")
	mm, tk := l.mm("a"), l.boot
	v := l.attached(mm)
	l.rcu.ReadLock(tk)
	if got := StartRead[task.Unobserved](tk, mm, v); got != ReadLocked {
		t.Fatal(got)
	}
	l.rcu.ReadUnlock(tk)
	for _, addr := range []uint64{testStart - 1, testStart, testEnd - 1, testEnd} {
		if got := Contains[task.Unobserved](tk, v, addr); got != v.Contains(tk, addr) {
			t.Errorf("%#x: %t", addr, got)
		}
	}
	mm.EndRead(tk, ReadLock{VMA: v})
	FetchNext(tk)
	tk.Hint.Next = unsafe.Pointer(v)
	if FetchNext(tk); tk.Hint.Next != nil {
		t.Error("what was fetched would be fetched again")
	}
	l.want(t)
}
