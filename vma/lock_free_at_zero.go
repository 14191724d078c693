package vma

import (
	"slices"

	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// The generation that Peter Zijlstra proposed on 17 December 2024, reviewing version 6: no wait for a reader that still has a reference on a
// detached VMA, be it in vma_mark_detached or before the VMA is freed; kmem_cache_free moves into vma_refcount_put, to be called where that
// drops vm_refcnt to 0. All else is as in lock_refcount.go.
//
//	0      detached, and free as soon as its last holder lets go
//	1      attached, no readers
//	1+n    attached, n readers; or detached, and 1+n readers have a reference still
//
// The writer that detaches a VMA goes on using it: it clears its pages, frees its page tables, or attaches it again. If its own
// put was the last, it frees the VMA when it is done; otherwise it remembers that it must not (MMLock.lent). But the VMA is gone by then: that is
// what Suren Baghdasaryan answered, and lock_three_state.go is the way out that he offered.

// DetachedCount is the vm_refcnt of a detached VMA that no reader has a reference on.
func (g Generation) DetachedCount() int32 {
	if g == ThreeState {
		return 1
	}
	return 0
}

// startReadLastPut is vma_start_read of both generations in which the last put frees.
func (v *VMA) startReadLastPut(t *task.Task, mm *MMLock) ReadResult {
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadOnce(t) {
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	if old, ok := v.takeLastPut(t, mm); !ok {
		mm.RCU.ReadUnlock(t)
		if old <= mm.Generation.DetachedCount() {
			return ReadDetached
		}
		return ReadBusy
	}
	if other := v.mm.ReadOnce(t); other != mm {
		mm.RCU.ReadUnlock(t)
		other.Grab(t)
		v.lastPut(t, mm)
		other.Drop(t)
		return ReadBusy
	}
	if v.seq.ReadOnce(t) == mm.LockSeq.ReadAcquire(t) {
		v.lastPut(t, mm)
		mm.RCU.ReadUnlock(t)
		return ReadBusy
	}
	return ReadLocked
}

// takeLastPut takes a reader's reference on a VMA that seems attached, and reports whether it did; old is the count before.
func (v *VMA) takeLastPut(t *task.Task, mm *MMLock) (old int32, ok bool) {
	if mm.Generation == ThreeState {
		return v.refcnt.IncMoreThanOneLimitedAcquire(t, mm.RefLimit)
	}
	return v.refcnt.IncNotZeroLimitedAcquire(t, mm.RefLimit)
}

// lastPut drops a reader's reference: vma_refcount_put. The last one frees the VMA. m is the reader's mm, of the same machine.
func (v *VMA) lastPut(t *task.Task, m *MMLock) {
	mm := v.mm.ReadOnce(t)
	switch n := v.refcnt.DecAndTest(t); n {
	case 0:
		t.Enter("vma_refcount_put")
		m.cache.slab.Free(t, v)
		t.Leave()
	case VMALockOffset + 1 + m.Generation.DetachedCount():
		t.Enter("vma_refcount_put")
		mm.wakeWriter(t)
		t.Leave()
	}
}

// attachAtZero is vma_mark_attached. Readers may have a reference still from before the VMA was detached: then it adds one to theirs.
func (v *VMA) attachAtZero(t *task.Task, mm *MMLock) {
	v.clearDetached(t)
	mm.takeBack(v)
	if !v.Alive() {
		t.Violate("use-after-free", "VMA is attached again that a reader's put has freed since it was detached")
	}
	if !v.refcnt.IncNotZero(t) {
		v.refcnt.SetRelease(t, 1)
	}
}

// detachAtZero is vma_mark_detached. Where readers are left, the VMA must not be touched afterwards, and yet all callers do.
func (v *VMA) detachAtZero(t *task.Task, mm *MMLock) {
	if v.setDetached(t) && v.dropAttached(t, mm) != 0 {
		mm.lent = append(mm.lent, v)
	}
}

// takeBack reports whether readers had references on a VMA when it was detached, and forgets it.
func (m *MMLock) takeBack(v *VMA) bool {
	i := slices.Index(m.lent, v)
	if i < 0 {
		return false
	}
	m.lent = slices.Delete(m.lent, i, i+1)
	return true
}

// dropAttached gives back what stands in vm_refcnt for being attached, and returns what is left. By rule it keeps new readers out before,
// and waits for the others: once it has dropped its own reference, theirs may be the last.
func (v *VMA) dropAttached(t *task.Task, mm *MMLock) int32 {
	if !mm.Rules.Has(rules.DetachWaits) {
		return v.refcnt.DecAndTest(t)
	}
	if entered, _ := v.enterLocked(t, mm, VMALockOffset+1+mm.Generation.DetachedCount(), task.Uninterruptible); !entered {
		return 0
	}
	return v.refcnt.SubRelease(t, VMALockOffset+1)
}

// MayLinger reports whether readers may have references on a VMA that is detached, and are not waited for.
func (m *MMLock) MayLinger() bool {
	return m.Generation.LastPutFrees() && !m.Rules.Has(rules.DetachWaits)
}

// LastPutFrees reports whether a VMA is freed by the one who drops its last reference, be it a reader.
func (g Generation) LastPutFrees() bool { return g == FreeAtZero || g == ThreeState }
