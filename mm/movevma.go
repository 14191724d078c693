package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// moveAll moves every VMA of the range, and parts of those at its ends, with the holes between them: remap_move. A moved VMA
// stays moved when a later VMA is refused; under a hole the destination is left alone.
func (r *remap) moveAll(t *task.Task) (uint64, error) {
	start, end, target := r.addr, r.addr+r.oldLen, r.newAddr
	r.mm.callTouches(t, target, target+r.newLen)
	v := r.mm.vmi.Find(t, start)
	if v == nil || v.Start(t) > start {
		return 0, errno("mremap", linux.EFAULT, "nothing is mapped at %#x", start)
	}
	for v != nil && v.Start(t) < end {
		from, to := v.Range(t)
		from, to = max(from, start), min(to, end)
		r.vma, r.addr, r.newAddr = v, from, target+(from-start)
		r.oldLen, r.newLen = to-from, to-from
		if !movesWithOthers(t, v) && (from != start || to < end) {
			return 0, errno("mremap", linux.EFAULT, "the mapping at %#x cannot be moved with others", from)
		}
		if err := r.prepare(t); err != nil {
			return 0, err
		}
		if _, err := r.moveTo(t); err != nil {
			return 0, err
		}
		if v = nil; to < end { // what begins there; the VMA that was moved may have become longer
			v = r.mm.vmi.Find(t, to)
		}
	}
	return target, nil
}

// movesWithOthers reports whether the VMA may be one of several that are moved: vma_multi_allowed. A file that chooses addresses itself
// might not keep to the one that it is given; /dev/zero is such a file.
func movesWithOthers(t *task.Task, v *vma.VMA) bool {
	f := v.File(t)
	return f == nil || !f.Zero()
}

// moveTo moves the mapping to the address that the caller names, or near it: mremap_to. With MREMAP_FIXED what is there is unmapped
// first, and stays so whatever happens then.
func (r *remap) moveTo(t *task.Task) (uint64, error) {
	mm := r.mm
	if r.has(linux.MREMAP_FIXED) {
		mm.callTouches(t, r.newAddr, r.newAddr+r.newLen)
		if err := mm.unmap(t, r.newAddr, r.newAddr+r.newLen, false); err != nil {
			return 0, err
		}
		if r.vma = r.lookup(t); r.vma == nil { // of length 0, it was the destination
			return 0, errno("mremap", linux.EFAULT, "nothing is mapped at %#x any more", r.addr)
		}
	}
	if r.kind == shrink {
		if err := r.shrink(t, false); err != nil {
			return 0, err
		}
		// The kernel charges delta in spite of that, and never gives it back.
		r.vma, r.oldLen, r.delta = r.lookup(t), r.newLen, 0
	}
	if pages := r.oldLen >> linux.PageShift; r.has(linux.MREMAP_DONTUNMAP) && !mm.mayExpand(t, r.vma.Flags(t), pages) {
		return 0, errno("mremap", linux.ENOMEM, "%d pages more exceed RLIMIT_AS or RLIMIT_DATA", pages)
	}
	if err := r.chooseAddr(t); err != nil {
		return 0, err
	}
	return r.move(t)
}

// chooseAddr finds the destination as mmap would: vrm_set_new_addr.
func (r *remap) chooseAddr(t *task.Task) error {
	p := placement{op: "mremap", length: r.newLen, file: r.vma.File(t), offset: r.vma.PgoffAt(t, r.addr) << linux.PageShift}
	if r.vma.Flags(t)&linux.VMMayShare != 0 {
		p.flags = linux.MAP_SHARED
	}
	if r.impliesNewAddr() {
		p.hint = r.newAddr
	}
	if r.has(linux.MREMAP_FIXED) {
		p.flags |= linux.MAP_FIXED
	}
	addr, err := r.mm.unmappedArea(t, &p)
	r.newAddr = addr
	r.mm.callTouches(t, addr, addr+r.newLen)
	return err
}

// move maps the source a second time, moves its pages there and unmaps it, unless it is to stay: move_vma.
func (r *remap) move(t *task.Task) (uint64, error) {
	t.Enter("move_vma")
	defer t.Leave()
	mm := r.mm
	if !r.roomFor(t, r.margin()) {
		return 0, r.tooManyVMAs()
	}
	if err := r.mayCut(t); err != nil {
		return 0, err
	}
	if err := r.charge(t); err != nil {
		return 0, err
	}
	if mm.Rules.Has(rules.MoveLocksSource) { // no fault may map a page behind the back of the move
		mm.StartWrite(t, r.vma)
	}
	err := r.splitKept(t)
	var c vmaCopy
	if err == nil {
		c, err = r.copyVMA(t)
	}
	if err != nil {
		mm.uncharge(t, r.charged)
		return 0, err
	}
	r.account(t, r.newLen)
	if err := r.moveData(t, c); err != nil {
		t.Reach(task.RollbackMove)
		r.dropCopy(t)
		return 0, err
	}
	if r.has(linux.MREMAP_DONTUNMAP) {
		r.keepSource(t)
	} else {
		r.unmapSource(t)
	}
	return r.newAddr, nil
}

// mayCut asks the owner of the mapping whether the source may be split from what stays, which is otherwise refused when it is too late:
// prep_move_vma.
func (r *remap) mayCut(t *task.Task) error {
	start, end := r.vma.Range(t)
	if start != r.addr {
		if err := maySplit(t, r.vma, r.addr); err != nil {
			return err
		}
	}
	if end != r.addr+r.oldLen {
		return maySplit(t, r.vma, r.addr+r.oldLen)
	}
	return nil
}

// splitKept splits the part of a locked source off that stays and is to be locked no more. It fails with ENOMEM.
func (r *remap) splitKept(t *task.Task) error {
	v := r.vma
	if !r.has(linux.MREMAP_DONTUNMAP) || v.Flags(t)&linux.VMLocked == 0 || !r.mm.Rules.Has(rules.SplitKept) {
		return nil
	}
	start, end := r.addr, r.addr+r.oldLen
	if v.Start(t) < start {
		if err := r.mm.splitVMA(t, v, start, true); err != nil {
			return err
		}
	}
	if v.End(t) > end {
		return r.mm.splitVMA(t, v, end, false)
	}
	return nil
}

// moveData moves the pages: the second half of copy_vma_and_data. If it cannot, or the owner of the mapping
// refuses, it moves back what it has moved; the tables there are still complete.
func (r *remap) moveData(t *task.Task, c vmaCopy) error {
	moved, err := r.mm.moveTables(t, c, r.addr, r.newAddr, r.oldLen)
	if ops := c.source.OpsPeek(); err == nil && ops != nil && ops.Mremap != nil {
		err = ops.Mremap(t, c.target)
	}
	if err != nil && r.mm.Rules.Has(rules.MoveBack) {
		back := vmaCopy{source: c.target, target: c.source, lockRmap: true}
		_, _ = r.mm.moveTables(t, back, r.newAddr, r.addr, moved)
	}
	return err
}

// unmapSource unmaps the source, whose pages are gone and whose charge is the copy's now: unmap_source_vma. When memory is short it
// stays, empty, as after MREMAP_DONTUNMAP.
func (r *remap) unmapSource(t *task.Task) {
	if r.oldLen == 0 {
		return
	}
	mm, accounted := r.mm, r.vma.Flags(t)&linux.VMAccount != 0
	if err := r.unmapCharged(t, r.addr, r.oldLen); err != nil {
		mm.callIsPartial(t)
		if accounted {
			mm.chargeAnyway(t, r.oldLen>>linux.PageShift)
		}
	}
}

// dropCopy unmaps the copy of a move that failed, or what it became part of.
func (r *remap) dropCopy(t *task.Task) {
	mm, accounted := r.mm, r.vma.Flags(t)&linux.VMAccount != 0
	switch err := r.unmapCharged(t, r.newAddr, r.newLen); {
	case err == nil:
		mm.uncharge(t, r.charged)
	case accounted:
		mm.chargeAnyway(t, r.newLen>>linux.PageShift-r.charged)
	}
}

// unmapCharged unmaps a range and leaves its pages charged.
func (r *remap) unmapCharged(t *task.Task, start, length uint64) error {
	vms := unmapping{mm: r.mm, start: start, end: start + length}
	if err := vms.gather(t); err != nil {
		return err
	}
	if r.mm.Rules.Has(rules.KeepCharge) {
		vms.accounted = 0
	}
	return vms.remove(t, false)
}

// residue notes the leavings of MREMAP_DONTUNMAP that contradict the demands of Validate. Linux 6.18 has it so; later kernels do
// not.
type residue struct {
	locked uint64 // pages that locked_vm counts though no VMA has them locked
	pgoff  bool   // there may be unfaulted anonymous VMAs whose page offset is that of another address
}

// unfaulted notes that v, which has no anon_vma any more, keeps its page offset.
func (r *residue) unfaulted(t *task.Task, v *vma.VMA) {
	if v.IsAnonymous(t) && v.Pgoff(t) != v.Start(t)>>linux.PageShift {
		r.pgoff = true
	}
}

// keepSource makes the source as good as new: dontunmap_complete. It is locked no more, all of it, though only a part may have
// been moved; in 6.18 locked_vm is not told. A source moved as a whole leaves its anon_vmas and is unfaulted; in 6.18 it keeps the
// page offset that its pages had.
func (r *remap) keepSource(t *task.Task) {
	v := r.vma
	start, end := v.Range(t)
	r.mm.callTouches(t, start, end)
	r.mm.callIsPartial(t) // no merge is tried
	if flags := v.Flags(t); flags&linux.VMLocked != 0 {
		if r.mm.Rules.Has(rules.UncountKept) {
			r.mm.addLocked(t, -v.Pages(t))
		} else {
			r.mm.residue.locked += v.Pages(t)
		}
		v.SetFlags(t, flags&^(linux.VMLockedMask))
	}
	if start != r.addr || end != r.addr+r.oldLen {
		return
	}
	r.mm.Machine.unlinkAnonVMAs(t, v)
	v.SetAnonPgoff(t, start>>linux.PageShift)
	if r.mm.Rules.Has(rules.ResetKept) && v.File(t) == nil {
		v.SetRange(t, start, end, start>>linux.PageShift)
	}
	r.mm.residue.unfaulted(t, v)
}
