package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/vma"
)

// unguardable are the VMAs that can have no guard markers.
const unguardable = linux.VMSpecial | linux.VMHugeTLB

// installGuards makes every access to the pages of [start, end), a part of v, fail: madvise_guard_install. Their contents are
// dropped. When memory runs out some markers may be there. v has an anon_vma then if it is anonymous, so that fork copies the
// markers, and VM_MAYBE_GUARD for good, for the same reason; without that flag it has an anon_vma whatever it is.
func (a *advising) installGuards(t *task.Task, v *vma.VMA, start, end uint64) error {
	t.Enter("madvise_guard_install")
	defer t.Leave()
	if err := refuseAny(t, v, unguardable|linux.VMLocked); err != nil {
		return err
	}
	if !a.mm.Machine.NoMaybeGuard {
		v.SetFlag(t, linux.VMMaybeGuard)
	}
	if a.preparesAnonVMA(t, v) {
		if err := a.mm.PrepareAnonVMA(t, v); err != nil {
			return err
		}
	}
	return a.mm.markGuards(t, start, end)
}

// markGuards makes the entries for [start, end) guard markers. Where a page is mapped the kernel drops the pages of the whole range
// and begins again, which faults may keep it at. It fails with ENOMEM.
func (mm *MM) markGuards(t *task.Task, start, end uint64) error {
	g := mm.startGather(t)
	defer g.finish(t)
	g.leave = pgtable.GuardMarker
	for at := start; at < end; {
		c, err := mm.Tables.AllocChunk(t, at, end)
		if err != nil {
			return err
		}
		g.chunk(t, c)
		at += uint64(len(c.Entries)) << linux.PageShift
	}
	return nil
}

// removeGuards takes the markers away: madvise_guard_remove. VM_MAYBE_GUARD and the anon_vma stay.
func (a *advising) removeGuards(t *task.Task, v *vma.VMA, start, end uint64) error {
	t.Enter("madvise_guard_remove")
	defer t.Leave()
	if err := refuseAny(t, v, unguardable); err != nil {
		return err
	}
	return a.mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		if !a.mm.Tables.LockTable(t, c) {
			return nil
		}
		for i := range c.Entries {
			if c.Entries[i].Get(t).Guard() {
				c.Entries[i].Set(t, 0)
			}
		}
		c.Lock.Unlock(t)
		return nil
	})
}
