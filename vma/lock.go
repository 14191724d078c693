package vma

import (
	"fmt"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// Generation says how the VMAs of an mm are kept as they are for readers. The rules of the mm choose it, once.
//
// Each generation has a file of its own, which the switches of this one lead to, and, where it looks VMAs up in its own way,
// another one in package mm. Its fields of a VMA stand in fieldLayout; when freed memory may be used again, in ReuseOf.
type Generation uint8

// The generations.
const (
	Refcount    Generation = iota // the reference count of Linux 6.15 to 6.18: lock_refcount.go
	RefcountV6                    // the same without some or all of what it got since December 2024: lock_refcount_v6.go
	MmapOnly                      // mmap_lock alone, of Linux up to 6.3: lock_mmap.go
	RWSem                         // a rwsem in each VMA, of Linux 6.4 to 6.14: lock_rwsem.go
	FreeAtZero                    // a count, and the last put frees: Zijlstra's proposal, lock_free_at_zero.go
	ThreeState                    // the same with three states: Baghdasaryan's answer, lock_three_state.go
	Speculative                   // none, and faults go by copies of VMAs: Lespinasse's series of 2021 and 2022, lock_speculative.go
)

func generationOf(rs rules.Set) Generation {
	switch {
	case rs.Lock() == rules.MmapLock:
		return MmapOnly
	case rs.Lock() == rules.RWSemLock:
		return RWSem
	case rs.Lock() == rules.FreeAtZeroLock:
		return FreeAtZero
	case rs.Lock() == rules.ThreeStateLock:
		return ThreeState
	case rs.Lock() == rules.SpeculativeLock:
		return Speculative
	case rs.Lacks(rules.RefcountMask) || rs.Has(rules.WaitAcquire):
		return RefcountV6
	}
	return Refcount
}

// Counts reports whether the VMAs of the generation have a vm_refcnt.
func (g Generation) Counts() bool { return g <= RefcountV6 || g.LastPutFrees() }

// LocksVMAs reports whether a VMA has a lock of its own. Otherwise all of an mm are write-locked while its mmap_lock is held for writing.
func (g Generation) LocksVMAs() bool { return g != MmapOnly && g != Speculative }

// Flagged reports whether a flag says which VMAs are detached: there is no vm_refcnt, or it does not say so.
func (g Generation) Flagged() bool { return g > RefcountV6 }

// ReuseOf returns when the memory of a freed VMA may become another one. Where it may at once, a reader has to find out after it
// has locked a VMA which one that is; where no VMA is looked at without mmap_lock, it does no harm.
func ReuseOf(rs rules.Set) ksync.Reuse {
	if rs.Has(rules.TypesafeSlab) || rs.Lock() == rules.MmapLock {
		return ksync.TypeSafe
	}
	return ksync.AfterGracePeriod
}

// Bytes returns how much memory a VMA takes, with its lock where that is an object of its own.
func Bytes(rs rules.Set) int {
	size := unsafe.Sizeof(VMA{})
	if rs.Lock() == rules.RWSemLock {
		size += LockLayout().Size
	}
	return int(size)
}

// ReadResult is the answer of StartRead.
type ReadResult uint8

// The answers of StartRead.
const (
	ReadLocked   ReadResult = iota // the VMA is read-locked
	ReadBusy                       // a writer has it, the count is at its limit, or it belongs to another mm: use mmap_lock
	ReadDetached                   // it is detached: look it up again
)

// ReadLock is the token of a reader: the VMA that stays as it is, and the lock that keeps it so until EndRead.
type ReadLock struct {
	VMA  *VMA   // nil: none was locked
	Mmap bool   // mmap_lock is held, and keeps the VMA as it is; otherwise the VMA's own lock does
	Seq  uint32 // of the generation Speculative, where nothing keeps the VMA as it is: the counter before it was looked at
}

// StartRead tries to read-lock a VMA found under RCU: vma_start_read. m is the caller's mm; v may have been freed and become
// anything by now. The caller is inside rcu_read_lock; on every answer but ReadLocked StartRead has left it, if DropsRCU. Where a flag says
// that a VMA is detached, and no count, the caller asks IsDetached after ReadLocked.
//
// A false "busy" is allowed and costs the caller the slow path; a false "locked" never. After ReadLocked the caller must
// check that the VMA still covers its address, and EndRead it if not.
func (m *MMLock) StartRead(t *task.Task, v *VMA) ReadResult {
	if t.Observer != nil {
		return m.startRead(t, v)
	}
	return startRead[task.Unobserved](t, m, v, false)
}

// StartRead is the method StartRead for a task of which it is known whether it has an observer.
func StartRead[S task.Seen](t *task.Task, m *MMLock, v *VMA) ReadResult {
	return startRead[S](t, m, v, false)
}

// startRead is StartRead for a task that is observed, or in a generation that is not the usual one.
func (m *MMLock) startRead(t *task.Task, v *VMA) ReadResult {
	t.Enter("vma_start_read")
	mark, res := t.Mark(), ReadBusy
	switch m.Generation {
	case RefcountV6:
		res = v.startReadV6(t, m)
	case MmapOnly, Speculative:
		m.RCU.ReadUnlock(t)
	case RWSem:
		res = v.startReadRWSem(t, m)
	case FreeAtZero, ThreeState:
		res = v.startReadLastPut(t, m)
	default:
		res = startRead[task.Observed](t, m, v, true)
	}
	t.Keep(mark, uint64(res))
	t.Leave()
	return res
}

// DropsRCU reports whether StartRead leaves the read section of its caller where it does not lock the VMA.
func (m *MMLock) DropsRCU() bool { return m.Generation != RefcountV6 || m.Rules.Has(rules.DropRCU) }

// StartReadLocked read-locks a VMA under mmap_lock held for reading, when no writer can exist: vma_start_read_locked. It
// fails only if the count is at its limit, or if VMAs have no lock.
func (m *MMLock) StartReadLocked(t *task.Task, v *VMA) bool {
	t.Enter("vma_start_read_locked")
	defer t.Leave()
	switch m.Generation {
	case RefcountV6:
		return v.startReadLockedV6(t, m)
	case MmapOnly, Speculative:
		return false
	case RWSem:
		v.lock.sem.DownRead(t)
		return true
	case FreeAtZero, ThreeState:
		_, ok := v.takeLastPut(t, m)
		return ok
	default:
		return v.startReadLocked(t, m)
	}
}

// Stable reports whether what was read of the VMA since r began is still so, and may be relied on as long as the lock of a page table keeps
// a writer waiting. A generation that has a lock lets no writer in before EndRead.
func (m *MMLock) Stable(t *task.Task, r ReadLock) bool {
	return m.Generation != Speculative || r.Mmap || m.SeqReadCheck(t, r.Seq)
}

// EndRead gives a read lock back: vma_end_read, or mmap_read_unlock. The VMA must not be touched afterwards.
func (m *MMLock) EndRead(t *task.Task, r ReadLock) { vmaEndRead[task.Unobserved](t, m, r, false) }

func (m *MMLock) endRead(t *task.Task, r ReadLock) {
	if r.Mmap {
		m.MmapReadUnlock(t)
		return
	}
	v := r.VMA
	t.Enter("vma_end_read")
	mark := t.Mark()
	switch m.Generation {
	case RefcountV6:
		v.refcountPutV6(t)
	case RWSem:
		v.endReadRWSem(t, m)
	case FreeAtZero, ThreeState:
		v.lastPut(t, m)
	default:
		v.refcountPut(t)
	}
	t.Keep(mark, 0)
	t.Leave()
}

// StartWrite write-locks a VMA of the mm until the mmap write lock ends, and waits for its readers: vma_start_write. The caller
// holds mmap_lock for writing. It may be called again at no cost.
func (m *MMLock) StartWrite(t *task.Task, v *VMA) { _ = m.startWrite(t, v, task.Uninterruptible) }

// StartWriteKillable is StartWrite that a fatal signal ends with EINTR; the VMA is then not locked.
func (m *MMLock) StartWriteKillable(t *task.Task, v *VMA) error {
	return m.startWrite(t, v, task.Killable)
}

func (m *MMLock) startWrite(t *task.Task, v *VMA, mode task.WaitMode) error {
	switch m.Generation {
	case RefcountV6:
		return v.startWriteV6(t, mode)
	case MmapOnly, Speculative:
		return v.startWriteMmap(t, m)
	case RWSem:
		return v.startWriteRWSem(t, m, mode)
	case ThreeState:
		return v.startWriteThreeState(t, m, mode)
	default:
		return v.startWrite(t, mode)
	}
}

// MarkAttached lets readers in: vma_mark_attached. The VMA must be detached, and write-locked or not yet visible.
func (m *MMLock) MarkAttached(t *task.Task, v *VMA) {
	t.Enter("vma_mark_attached")
	switch m.Generation {
	case MmapOnly, RWSem, Speculative:
		v.clearDetached(t)
	case FreeAtZero:
		v.attachAtZero(t, m)
	case ThreeState:
		v.attachThreeState(t)
	case RefcountV6:
		v.markAttachedV6(t, m)
	default:
		v.markAttached(t)
	}
	t.Leave()
}

// MarkDetached keeps readers out for good: vma_mark_detached. The VMA must be attached and write-locked. When it returns
// no reader holds a reference and none can get one, so the VMA may be freed or attached again.
func (m *MMLock) MarkDetached(t *task.Task, v *VMA) {
	t.Enter("vma_mark_detached")
	if invariants.Enabled {
		v.AssertWriteLocked(t)
	}
	switch m.Generation {
	case RefcountV6:
		v.markDetachedV6(t)
	case MmapOnly, RWSem, Speculative:
		v.setDetached(t)
	case FreeAtZero:
		v.detachAtZero(t, m)
	case ThreeState:
		v.detachThreeState(t, m)
	default:
		mark := t.Mark()
		v.markDetached(t)
		t.Keep(mark, 0)
	}
	t.Leave()
}

// FreeArea gives a detached VMA of the mm back: vm_area_free. Where the last put frees, that may have been a reader's, or will be.
func (m *MMLock) FreeArea(t *task.Task, v *VMA) {
	switch m.Generation {
	case FreeAtZero:
		if !m.takeBack(v) {
			m.cache.Free(t, v)
		}
	case ThreeState:
		v.freeThreeState(t, m.cache)
	default:
		m.cache.Free(t, v)
	}
}

// IsWriteLocked reports whether the VMA is write-locked in the current write section of its mm.
func (v *VMA) IsWriteLocked(t *task.Task) bool {
	mm := v.mm.ReadOnce(t)
	if !mm.Generation.LocksVMAs() {
		return mm.MmapLock.WriteHeldBy(t)
	}
	return v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) && mm.MmapLock.WriteHeldBy(t)
}

// IsDetached reports whether the VMA is detached. The caller holds mmap_lock for writing, or the VMA is its own; where a flag says so,
// the read lock of the VMA does, too.
func (v *VMA) IsDetached(t *task.Task) bool {
	if v.generation().Flagged() {
		return v.detached.Read(t)
	}
	return v.refcnt.Read(t) == 0
}

func (v *VMA) generation() Generation { return v.mm.Peek().Generation }

// DetachedPeek reports without announcing whether the VMA is detached, for reports and checks of a quiescent state.
func (v *VMA) DetachedPeek() bool {
	if v.generation().Flagged() {
		return v.detached.Peek()
	}
	return v.refcnt.Peek() == 0
}

// LockIdle reports that no task has the VMA's own lock, or may get it, likewise.
func (v *VMA) LockIdle() bool {
	switch v.generation() {
	case MmapOnly, Speculative:
		return true
	case RWSem:
		return !v.lock.sem.Held()
	}
	return v.refcnt.Peek() <= 1+v.generation().DetachedCount()
}

// LockPeek says how the VMA's own lock stands, likewise.
func (v *VMA) LockPeek() string {
	switch v.generation() {
	case MmapOnly, Speculative:
		return "no lock"
	case RWSem:
		if v.lock.sem.Held() {
			return "vm_lock held"
		}
		return "vm_lock free"
	}
	return fmt.Sprintf("vm_refcnt %#x", v.refcnt.Peek())
}

// AssertWriteLocked reports a violation unless the caller has the VMA write-locked: vma_assert_write_locked.
func (v *VMA) AssertWriteLocked(t *task.Task) {
	if !v.IsWriteLocked(t) {
		t.Violate("not-write-locked", "VMA %#x is changed without its write lock", v.start.Peek())
	}
}

// AssertLocked reports a violation unless the VMA is locked: vma_assert_locked.
func (v *VMA) AssertLocked(t *task.Task) {
	if v.LockIdle() && !v.IsWriteLocked(t) {
		t.Violate("not-locked", "VMA %#x is used without a lock", v.start.Peek())
	}
}

// AssertStabilised reports a violation if neither mmap_lock nor the VMA's own lock is held, by whatever task: vma_assert_stabilised, as it
// is without lockdep. Whether the task that looks at the VMA has one of them is what the oracle lock-rule says of each access.
func (v *VMA) AssertStabilised(t *task.Task) {
	if !v.mm.Peek().MmapLock.Held() {
		v.AssertLocked(t)
	}
}

// AssertAttached checks that the VMA is attached: vma_assert_attached. The caller has it write-locked, so that it stays so.
func (v *VMA) AssertAttached(t *task.Task) {
	if (v.refcnt.Peek() == 0 || v.detached.Peek()) && v.DetachedPeek() { // first what says most of the usual generation
		t.Violate("store-detached", "the entry of the detached VMA %#x is overwritten", v.start.Peek())
	}
}

// assertModifiable checks, in builds with invariants, that the VMA is write-locked or cannot be found.
func (v *VMA) assertModifiable(t *task.Task) {
	if invariants.Enabled && !v.DetachedPeek() {
		v.AssertWriteLocked(t)
	}
}
