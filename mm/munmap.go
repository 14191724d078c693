package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Munmap is munmap(2). Unmapping a hole succeeds. Errors are linux.Errno values, wrapped.
func (mm *MM) Munmap(t *task.Task, addr, length uint64) error {
	t.Enter("do_munmap")
	defer t.Leave()
	end, err := munmapEnd(addr, length)
	if err != nil {
		return err
	}
	if err := mm.lockCall(t, callMunmap, addr, end); err != nil {
		return err
	}
	if err := mm.unmap(t, addr, end, true); err != nil {
		mm.endCall(t, err)
		return err
	}
	return nil
}

// munmapEnd returns the end of a range to unmap, or why that is refused: the checks of do_vmi_munmap.
func munmapEnd(addr, length uint64) (uint64, error) {
	if offsetInPage(addr) != 0 || addr > linux.TaskSize || length > linux.TaskSize-addr {
		return 0, errno("munmap", linux.EINVAL, "[%#x, +%#x) is not aligned or lies outside the address space", addr, length)
	}
	end := addr + pageAlign(length)
	if end == addr {
		return 0, errno("munmap", linux.EINVAL, "length is 0")
	}
	return end, nil
}

// unmap removes what is mapped in [start, end), whole pages: do_vmi_align_munmap. The caller holds mmap_lock for writing; with
// unlock it is given back unless an error is returned, and the pages go under the downgraded lock.
func (mm *MM) unmap(t *task.Task, start, end uint64, unlock bool) error {
	vms := unmapping{mm: mm, start: start, end: end}
	if err := vms.gather(t); err != nil {
		return err
	}
	return vms.remove(t, unlock)
}

// unmapping is the removal of a range in three phases (struct vma_munmap_struct): gather detaches the VMAs, erase takes
// them out of the tree, complete clears their pages and frees them. Until erase the removal can be taken back.
type unmapping struct {
	mm         *MM
	start, end uint64
	vmas       []*vma.VMA
	stat       VMStat // of the VMAs
	accounted  uint64 // pages of those with VM_ACCOUNT
	locked     uint64 // pages of those with VM_LOCKED
	charged    uint64 // pages of a mapping that takes their place
	counted    bool   // the mm's counts are down
	cleared    bool   // the pages and tables are gone
	registered bool   // a VMA is registered with the userfaultfd
}

// gather splits the VMAs at the range's ends, write-locks and detaches those inside: vms_gather_munmap_vmas. On an error
// they are attached again; splits stay. The caller holds mmap_lock for writing.
func (u *unmapping) gather(t *task.Task) error {
	t.Enter("vms_gather_munmap_vmas")
	defer t.Leave()
	mm := u.mm
	v := mm.vmi.Find(t, u.start)
	if v == nil || v.Start(t) >= u.end {
		return nil
	}
	if start, end := v.Range(t); start < u.start {
		// Cutting a hole adds a VMA in the end; cutting off a head or tail does not.
		if end > u.end && mm.MapCount(t) >= mm.Machine.MaxMapCount {
			return errno("munmap", linux.ENOMEM, "map_count is at its limit of %d", mm.Machine.MaxMapCount)
		}
		if err := checkSealed(t, "munmap", v); err != nil {
			return err
		}
		if err := mm.doSplit(t, v, u.start, true); err != nil {
			return err
		}
	}
	u.vmas = mm.Machine.scratch.Get(t).vmas[:0]
	for v != nil && v.Start(t) < u.end {
		err := checkSealed(t, "munmap", v)
		if err == nil && v.End(t) > u.end {
			err = mm.doSplit(t, v, u.end, false)
		}
		if err != nil {
			u.reattach(t)
			return err
		}
		if mm.Rules.Has(rules.DetachLocks) {
			mm.StartWrite(t, v)
		}
		u.vmas = append(u.vmas, v)
		mm.MarkDetached(t, v)
		u.count(t, v)
		end := v.End(t)
		if end == u.end {
			break
		}
		v = mm.vmi.Find(t, end)
	}
	if u.registered { // userfaultfd_unmap_prep
		mm.uffd.unmaps.Count(t, 1)
	}
	return nil
}

// count notes what v, which is detached, has in the mm's counts.
func (u *unmapping) count(t *task.Task, v *vma.VMA) {
	flags, n := v.Flags(t), v.Pages(t)
	u.stat.account(flags, n)
	if flags&linux.VMAccount != 0 {
		u.accounted += n
	}
	if flags&linux.VMLocked != 0 {
		u.locked += n
	}
	u.registered = u.registered || flags&linux.VMUffdMiss != 0
}

// reattach takes a removal back: reattach_vmas.
func (u *unmapping) reattach(t *task.Task) {
	t.Enter("reattach_vmas")
	for _, v := range u.vmas {
		t.Reach(task.RollbackReattach)
		if !u.mm.Rules.Has(rules.Reattach) {
			break
		}
		u.mm.MarkAttached(t, v)
	}
	u.vmas = nil
	t.Leave()
}

// remove takes out of the tree what was gathered, and completes the removal; unlock is unmap's. On an error, ENOMEM, nothing is
// removed.
func (u *unmapping) remove(t *task.Task, unlock bool) error {
	mm := u.mm
	if len(u.vmas) > 0 {
		if err := mm.Tree.Preallocate(t); err != nil {
			u.reattach(t)
			return err
		}
		u.erase(t)
		u.uncount(t)
		if unlock {
			t.Reach(task.Unmapped)
		}
		if unlock && mm.Rules.Has(rules.MunmapDowngrade) {
			mm.callEnds(t, nil)
			t.Reach(task.Downgrade)
			mm.MmapWriteDowngrade(t)
			u.complete(t)
			mm.checkSection(t)
			mm.MmapReadUnlock(t)
			return nil
		}
		u.complete(t)
	}
	if unlock {
		mm.endCall(t, nil)
	}
	return nil
}

// erase takes the range out of the tree: vma_iter_clear_gfp. From here on no lookup finds the VMAs.
func (u *unmapping) erase(t *task.Task) { u.mm.erase(t, u.start, u.end) }

// uncount takes the VMAs out of the mm's counts. The caller holds mmap_lock for writing.
func (u *unmapping) uncount(t *task.Task) {
	if !u.counted {
		u.counted = true
		mm := u.mm
		mm.addMapCount(t, -len(u.vmas))
		if u.locked != 0 {
			mm.addLocked(t, -u.locked)
		}
		s := mm.stat.Read(t)
		s.sub(u.stat)
		mm.stat.Write(t, s)
	}
}

// clearPTEs unmaps the pages, frees the page tables of the range and closes the VMAs, which are detached: vms_clear_ptes
// and vma_close. The caller holds mmap_lock for writing, or for reading by a downgrade: then no other downgraded holder and
// no writer can exist.
func (u *unmapping) clearPTEs(t *task.Task) {
	if u.cleared || len(u.vmas) == 0 {
		return
	}
	u.cleared = true
	t.Enter("vms_clear_ptes")
	defer t.Leave()
	mm, mark := u.mm, t.Mark()
	populated, tables := mm.Tables.Populated(t, u.start, u.end)
	if populated {
		g := mm.startGather(t)
		g.dropMarkers = true
		for _, v := range u.vmas {
			start, end := v.Range(t)
			g.zap(t, start, end)
		}
		g.finish(t)
	}
	if t.Keep(mark, 0); tables {
		t.Learn(1)
	}
	for _, v := range u.vmas { // no reverse lookup may find a VMA whose tables are freed
		mm.unlinkRmap(t, v)
	}
	if tables {
		u.freeTables(t)
	}
	t.Keep(mark, 0)
	for _, v := range u.vmas { // vma_close; mmap does it while the old VMAs are still in the tree
		if ops := v.Ops(t); ops != nil && ops.Close != nil {
			ops.Close(t, v)
		}
	}
}

// complete clears what is not cleared yet and frees the VMAs: vms_complete_munmap_vmas.
func (u *unmapping) complete(t *task.Task) {
	u.uncount(t)
	u.clearPTEs(t)
	for _, v := range u.vmas {
		u.mm.freeVMA(t, v)
	}
	u.mm.uncharge(t, u.accounted)
	if n := cap(u.vmas); n > 0 && n <= scratchVMAs {
		u.mm.Machine.scratch.Get(t).vmas = u.vmas
	}
	u.vmas = nil
}

// freeTables frees the page tables that only the VMAs needed: free_pgtables. They are in the tree no more, or write-locked and
// detached, so no fault can install an entry.
func (u *unmapping) freeTables(t *task.Task) {
	t.Enter("free_pgtables")
	defer t.Leave()
	var floor, ceiling uint64 // 0: no VMA there
	if prev := u.mm.vmi.Prev(t, u.start); prev != nil {
		floor = prev.End(t)
	}
	if next := u.mm.vmi.Find(t, u.end); next != nil {
		ceiling = next.Start(t)
	}
	f := u.mm.Tables.StartFree()
	for i := 0; i < len(u.vmas); {
		start, end := u.vmas[i].Range(t)
		limit := ceiling
		for i++; i < len(u.vmas); i++ {
			next, nextEnd := u.vmas[i].Range(t)
			if next > end+pgtable.PMDSize {
				limit = next // the next range has its tables still
				break
			}
			end = nextEnd // close by: one walk for both
		}
		f.Range(t, start, end, floor, limit)
	}
	f.Finish(t)
}

// unlinkRmap takes a detached VMA without pages out of the reverse map.
func (mm *MM) unlinkRmap(t *task.Task, v *vma.VMA) {
	mm.Machine.unlinkAnonVMAs(t, v)
	mm.unlinkFile(t, v)
}
