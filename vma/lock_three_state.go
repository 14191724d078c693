package vma

import (
	"vmasim/internal/invariants"
	"vmasim/internal/task"
)

// The generation that Suren Baghdasaryan offered on 17 December 2024, when asked to let the last put free the VMA: since detached VMAs are still
// in use, and may be attached again, vm_refcnt gets a state more.
//
//	0      unused: the last put has freed it
//	1      detached: the writer's reference, until vm_area_free
//	2      attached, no readers
//	2+n    attached, n readers; or detached, and 1+n readers have a reference still
//
// A reader raises a count that is more than one (refcount_inc_more_than_one). So a VMA is freed when no task uses it any more, and
// to attach one again is to add one. The mail says no more. It leaves open what lock_refcount.go settled by waiting: of a detached VMA that a
// reader has a reference on, the count is that of an attached one, and lets another reader in. Linux did not take this way.

// startWriteThreeState is vma_start_write. Of a VMA that is detached and no reader's nothing but vm_lock_seq changes.
func (v *VMA) startWriteThreeState(t *task.Task, mm *MMLock, mode task.WaitMode) error {
	if invariants.Enabled {
		mm.assertWriteHeld(t)
	}
	seq := mm.LockSeq.ReadOnce(t)
	if v.seq.ReadOnce(t) == seq {
		return nil
	}
	t.Enter("__vma_start_write")
	defer t.Leave()
	attached := v.refcnt.Read(t) > 1
	if attached {
		if _, err := v.enterLocked(t, mm, VMALockOffset+2, mode); err != nil {
			return err
		}
	}
	v.seq.WriteOnce(t, seq)
	t.Reach(task.VMAWriteLocked)
	if attached {
		v.exitLocked(t)
	}
	return nil
}

// attachThreeState is vma_mark_attached. Readers may have a reference still from before the VMA was detached.
func (v *VMA) attachThreeState(t *task.Task) {
	v.clearDetached(t)
	if v.refcnt.Read(t) == 1 { // no reader can raise it
		v.refcnt.SetRelease(t, 2)
	} else {
		v.refcnt.Inc(t)
	}
}

// freeThreeState is vm_area_free: the writer is done with the VMA.
func (v *VMA) freeThreeState(t *task.Task, c *Cache) {
	t.Enter("vm_area_free")
	if v.refcnt.DecAndTest(t) == 0 {
		c.Free(t, v)
	}
	t.Leave()
}

// detachThreeState is vma_mark_detached.
func (v *VMA) detachThreeState(t *task.Task, mm *MMLock) {
	if v.setDetached(t) {
		v.dropAttached(t, mm)
	}
}
