package mm

import (
	"slices"

	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// Fork returns a copy of the address space that shares its pages until one of them writes: dup_mmap. Errors are linux.Errno
// values, wrapped; nothing has changed then but that pages are write-protected.
func (mm *MM) Fork(t *task.Task, name string) (*MM, error) {
	t.Enter("dup_mmap")
	defer t.Leave()
	child, err := mm.Machine.newMM(t, name)
	if err != nil {
		return nil, err
	}
	mm.Machine.startDup(t)
	if err := mm.lockCall(t, callFork, 0, linux.TaskSize); err != nil {
		child.Put(t)
		mm.Machine.endDup(t)
		return nil, err
	}
	child.MmapWriteLock(t) // nested; no other task knows the child
	for r := range mm.limits {
		child.limits[r].Init(mm.Limit(t, Resource(r)))
	}
	child.startBrk.Init(mm.startBrk.Read(t))
	child.brk.Init(mm.brk.Read(t))
	child.inheritFlags(t, mm)
	child.residue.pgoff = mm.residue.pgoff
	if err = mm.dupVMAs(t, child); err == nil {
		child.checkSection(t)
		if mm.Machine.has(Scans) { // ksm_fork
			mm.Machine.enterKSM(t, child)
		}
	}
	child.MmapWriteUnlock(t)
	mm.Machine.FlushTLB(t) // of the parent, which must not write to shared pages any more
	mm.endCall(t, err)
	if err != nil {
		mm.giveUp(t, child)
		return nil, err
	}
	mm.Machine.endDup(t)
	return child, nil
}

// giveUp tears down a child that could not be made. Others may have found it meanwhile.
func (mm *MM) giveUp(t *task.Task, child *MM) {
	barred := mm.Rules.Has(rules.ForkBarsUprobes)
	if !barred {
		mm.Machine.endDup(t)
	}
	child.Put(t)
	if barred {
		mm.Machine.endDup(t)
	}
}

// dupVMAs copies every VMA and its page-table entries. The tree is filled at the end: the child's VMAs are attached after
// they are stored, when they are complete. If it fails, a marker stands in the child's tree where it stopped; in the kernel, which copies
// the tree first, the parent's VMAs follow behind that. The caller holds both mmap locks for writing.
func (mm *MM) dupVMAs(t *task.Task, child *MM) error {
	var entries []tree.Entry
	var err error
	var marker tree.Entry
	mm.Tree.Ascend(t, 0, func(e tree.Entry) bool {
		if err != nil { // what follows the VMA whose pages could not all be copied
			marker = e
			return false
		}
		if err = mm.lockParent(t, e.VMA); err != nil {
			marker = e
			return false
		}
		if e.VMA.Flags(t)&linux.VMDontCopy != 0 {
			return true
		}
		var n *vma.VMA
		if n, err = mm.dupVMA(t, child, e.VMA); n != nil {
			entries = append(entries, tree.Entry{Start: e.Start, End: e.End, VMA: n})
			child.statAccount(t, n.Flags(t), n.Pages(t))
		} else {
			marker = e
		}
		return n != nil
	})
	all := entries
	if err != nil {
		child.failed.Write(t, true)
		if marker.VMA != nil {
			marker.VMA = mm.Machine.reserved.Entry(t)
			all = append(slices.Clip(entries), marker)
		}
	}
	child.Tree.Fill(t, all)
	for _, e := range entries {
		if mm.Rules.Has(rules.ForkLocksChild) {
			child.StartWrite(t, e.VMA)
		}
		child.MarkAttached(t, e.VMA)
	}
	child.addMapCount(t, len(entries))
	return err
}

// lockParent write-locks a VMA that is to be copied. It fails with EINTR.
func (mm *MM) lockParent(t *task.Task, v *vma.VMA) error {
	switch {
	case !mm.Rules.Has(rules.ForkLocksParent):
	case mm.Rules.Has(rules.KillableForkLock):
		return mm.StartWriteKillable(t, v)
	default:
		mm.StartWrite(t, v)
	}
	return nil
}

// dupVMA copies one VMA. On an error it may still return a VMA, with part of its pages, which the child then tears down.
func (mm *MM) dupVMA(t *task.Task, child *MM, v *vma.VMA) (*vma.VMA, error) {
	charged := uint64(0)
	if v.Flags(t)&linux.VMAccount != 0 {
		charged = v.Pages(t)
	}
	if err := child.charge(t, "fork", charged); err != nil {
		return nil, err
	}
	n, err := mm.Machine.VMAs.Dup(t, v, &child.MMLock)
	if err != nil {
		child.uncharge(t, charged)
		return nil, err
	}
	linkLast := mm.Rules.Has(rules.LinkWhenMade)
	if !linkLast {
		child.linkFile(t, n)
	}
	wipe := v.Flags(t)&linux.VMWipeOnFork != 0
	if wipe {
		child.residue.unfaulted(t, n)
	} else {
		if err := mm.Machine.forkAnonVMA(t, n, v); err != nil {
			if !linkLast {
				child.unlinkFile(t, n)
			}
			child.freeVMA(t, n)
			child.uncharge(t, charged)
			return nil, err
		}
	}
	n.SetFlags(t, n.Flags(t)&^(linux.VMLockedMask|linux.VMUffdMiss|linux.VMUffdWP))
	if ops := n.Ops(t); ops != nil && ops.Open != nil {
		ops.Open(t, n)
	}
	if linkLast {
		child.linkFile(t, n)
	}
	if wipe || v.AnonVMA(t) == nil && v.Flags(t)&linux.VMMaybeGuard == 0 { // vma_needs_copy: what is not anonymous a fault brings back
		return n, nil
	}
	return n, mm.copyPages(t, child, v)
}

// copyPages lets the child map the pages of v, read-only in both if v is private: copy_page_range. v is write-locked.
func (mm *MM) copyPages(t *task.Task, child *MM, v *vma.VMA) error {
	t.Enter("copy_page_range")
	defer t.Leave()
	mem := mm.Machine.Mem
	private := v.Flags(t)&linux.VMMayShare == 0
	start, end := v.Range(t)
	return mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		to, err := child.Tables.AllocChunk(t, c.Addr, c.Addr+uint64(len(c.Entries))<<linux.PageShift) // even for nothing
		if err != nil {
			return err
		}
		to.Lock.Lock(t) // a task that came by the reverse map of the file may be there
		c.Lock.Lock(t)
		for i := range c.Entries {
			e := &c.Entries[i]
			if e.Get(t).None() {
				continue
			}
			if private {
				e.WrProtect(t)
			}
			pte := e.Get(t)
			if pte.Present() && !pte.Special() {
				mem.Get(t, pte.PFN())
				mem.Page(pte.PFN()).Mapcount.Count(t, 1) // folio_try_dup_anon_rmap_ptes, folio_dup_file_rmap_ptes: atomic_inc
			}
			to.Entries[i].Set(t, pte)
			if mm.Machine.has(SwapsOff) {
				mm.Machine.listForSwap(t, child)
			}
		}
		c.Lock.Unlock(t)
		to.Lock.Unlock(t)
		return nil
	})
}
