package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

const remapKnown = linux.MREMAP_MAYMOVE | linux.MREMAP_FIXED | linux.MREMAP_DONTUNMAP

// The VMAs that a move may add before it takes any away, and those that unmapping the destination may add in front of that. Since 7.3 the
// first are counted before anything else, of any mremap, and only what is left of them when the move begins.
const (
	moveMargin        = 3 // cutting the source in three and linking the copy
	destinationMargin = 2 // cutting what is at the source and at the destination
	copyMargin        = 1 // linking the copy
	keptMargin        = 1 // the source that stays
)

// Mremap is mremap(2): it returns where the mapping is now. Errors are linux.Errno values, wrapped; what may have changed then is
// said where it happens.
func (mm *MM) Mremap(t *task.Task, oldAddr, oldLen, newLen uint64, flags int, newAddr uint64) (uint64, error) {
	t.Enter("do_mremap")
	defer t.Leave()
	r := remap{mm: mm, addr: oldAddr, oldLen: pageAlign(oldLen), newLen: pageAlign(newLen), newAddr: newAddr, flags: flags}
	if err := r.checkParams(); err != nil {
		return 0, err
	}
	if err := mm.lockCall(t, callMremap, r.addr, r.addr+max(r.oldLen, r.newLen)); err != nil {
		return 0, err
	}
	addr, err := r.perform(t)
	if !r.unlocked {
		mm.endCall(t, err)
	}
	if err == nil && r.populateGrowth {
		grown := addr + r.oldLen
		_ = mm.populate(t, grown, grown+r.delta, true)
	}
	return addr, err
}

// remapKind says how the length changes.
type remapKind uint8

const (
	noResize remapKind = iota
	shrink
	expand
)

// remap is one mremap: struct vma_remap_struct.
type remap struct {
	mm             *MM
	addr, oldLen   uint64
	newAddr        uint64
	newLen         uint64
	flags          int
	vma            *vma.VMA // the source
	kind           remapKind
	delta          uint64 // between the lengths, in bytes
	charged        uint64 // pages
	populateGrowth bool   // the source is locked and grows
	unlocked       bool   // mmap_lock was given back
}

func (r *remap) has(flag int) bool { return r.flags&flag != 0 }

// impliesNewAddr reports whether the caller has a say in where the mapping goes: vrm_implies_new_addr.
func (r *remap) impliesNewAddr() bool { return r.has(linux.MREMAP_FIXED | linux.MREMAP_DONTUNMAP) }

// overlaps reports whether the destination overlaps the source; the comparison wraps as the kernel's: vrm_overlaps.
func (r *remap) overlaps() bool {
	return r.addr+r.oldLen > r.newAddr && r.newAddr+r.newLen > r.addr
}

// checkParams checks what needs no lock, in the kernel's order: check_mremap_params.
func (r *remap) checkParams() error {
	switch {
	case r.flags&^remapKnown != 0:
		return errno("mremap", linux.EINVAL, "unknown flags %#x", r.flags&^remapKnown)
	case offsetInPage(r.addr) != 0:
		return errno("mremap", linux.EINVAL, "address %#x is not page aligned", r.addr)
	case r.newLen == 0:
		return errno("mremap", linux.EINVAL, "the new length is 0")
	case r.newLen > linux.TaskSize:
		return errno("mremap", linux.EINVAL, "new length %#x exceeds the address space", r.newLen)
	case !r.impliesNewAddr():
		return nil
	case r.newAddr > linux.TaskSize-r.newLen:
		return errno("mremap", linux.EINVAL, "new address %#x lies outside the address space", r.newAddr)
	case offsetInPage(r.newAddr) != 0:
		return errno("mremap", linux.EINVAL, "new address %#x is not page aligned", r.newAddr)
	case !r.has(linux.MREMAP_MAYMOVE):
		return errno("mremap", linux.EINVAL, "a new address without MREMAP_MAYMOVE")
	case r.has(linux.MREMAP_DONTUNMAP) && r.oldLen != r.newLen:
		return errno("mremap", linux.EINVAL, "MREMAP_DONTUNMAP with another length")
	case r.overlaps():
		return errno("mremap", linux.EINVAL, "[%#x, +%#x) and [%#x, +%#x) overlap", r.addr, r.oldLen, r.newAddr, r.newLen)
	}
	return nil
}

// perform is the part of Mremap under mmap_lock held for writing.
func (r *remap) perform(t *task.Task) (uint64, error) {
	switch early := r.mm.Rules.Has(rules.EarlyMapCount); {
	case early && !r.roomFor(t, moveMargin+r.kept()),
		!early && r.impliesNewAddr() && !r.roomFor(t, moveMargin+destinationMargin): // the kernel looks before it has the lock
		return 0, r.tooManyVMAs()
	}
	if r.has(linux.MREMAP_FIXED) && r.oldLen == r.newLen { // vrm_move_only
		return r.moveAll(t)
	}
	r.vma = r.lookup(t)
	if err := r.prepare(t); err != nil {
		return 0, err
	}
	if r.impliesNewAddr() {
		return r.moveTo(t)
	}
	return r.at(t)
}

// kept returns how many VMAs more there are in the end if the source stays.
func (r *remap) kept() int {
	if r.has(linux.MREMAP_DONTUNMAP) {
		return keptMargin
	}
	return 0
}

// margin returns how many VMAs there must be room for when the move begins.
func (r *remap) margin() int {
	if r.mm.Rules.Has(rules.EarlyMapCount) {
		return copyMargin + r.kept()
	}
	return moveMargin
}

func (r *remap) roomFor(t *task.Task, vmas int) bool {
	return r.mm.MapCount(t)+vmas < r.mm.Machine.MaxMapCount
}

func (r *remap) tooManyVMAs() error {
	return errno("mremap", linux.ENOMEM, "map_count is too near its limit of %d", r.mm.Machine.MaxMapCount)
}

// lookup returns the VMA at the source, nil for none: vma_lookup.
func (r *remap) lookup(t *task.Task) *vma.VMA {
	if v := r.mm.vmi.Find(t, r.addr); v != nil && v.Start(t) <= r.addr {
		return v
	}
	return nil
}

// prepare looks at the VMA and says what is to be done, or why it is refused, in the kernel's order: check_prep_vma. Nothing has
// changed yet.
func (r *remap) prepare(t *task.Task) error {
	if r.vma == nil {
		return errno("mremap", linux.EFAULT, "nothing is mapped at %#x", r.addr)
	}
	if err := checkSealed(t, "mremap", r.vma); err != nil {
		return err
	}
	flags := r.vma.Flags(t)
	r.setKind()
	if !r.impliesNewAddr() {
		r.newAddr = r.addr
		if r.kind != expand {
			return nil
		}
	}
	if r.oldLen == 0 && flags&(linux.VMShared|linux.VMMayShare) == 0 {
		return errno("mremap", linux.EINVAL, "the mapping at %#x is private and cannot be mapped twice", r.addr)
	}
	const fixedSize = linux.VMDontExpand | linux.VMPFNMap
	if r.has(linux.MREMAP_DONTUNMAP) && flags&fixedSize != 0 {
		return errno("mremap", linux.EINVAL, "the mapping at %#x is a device's", r.addr)
	}
	length := r.oldLen
	if r.kind == shrink { // what goes away may be anything
		length = r.newLen
	}
	if length > r.vma.End(t)-r.addr {
		return errno("mremap", linux.EFAULT, "[%#x, +%#x) exceeds the mapping", r.addr, length)
	}
	if r.kind != expand {
		return nil
	}
	r.populateGrowth = flags&linux.VMLocked != 0
	pgoff, pages := r.vma.PgoffAt(t, r.addr), r.delta>>linux.PageShift
	switch {
	case pgoff+r.newLen>>linux.PageShift < pgoff:
		return errno("mremap", linux.EINVAL, "the page offset wraps")
	case flags&fixedSize != 0:
		return errno("mremap", linux.EFAULT, "the mapping at %#x may not grow", r.addr)
	case !r.mm.mlockFutureOK(t, flags, r.delta):
		return errno("mremap", linux.EAGAIN, "%d locked pages more exceed RLIMIT_MEMLOCK", pages)
	case !r.mm.mayExpand(t, flags, pages):
		return errno("mremap", linux.ENOMEM, "%d pages more exceed RLIMIT_AS or RLIMIT_DATA", pages)
	}
	return nil
}

// setKind compares the lengths: vrm_set_delta and vrm_remap_type.
func (r *remap) setKind() {
	switch {
	case r.oldLen > r.newLen:
		r.kind, r.delta = shrink, r.oldLen-r.newLen
	case r.oldLen < r.newLen:
		r.kind, r.delta = expand, r.newLen-r.oldLen
	default:
		r.kind, r.delta = noResize, 0
	}
}

// at remaps where the kernel chooses, at the old address if it can: mremap_at.
func (r *remap) at(t *task.Task) (uint64, error) {
	switch r.kind {
	case shrink:
		return r.addr, r.shrink(t, true)
	case expand:
		return r.expand(t)
	default:
		return r.addr, nil
	}
}

// shrink unmaps what is beyond the new length, which may be several VMAs and holes: shrink_vma. unlock is unmap's.
func (r *remap) shrink(t *task.Task, unlock bool) error {
	start := r.addr + r.newLen
	end, err := munmapEnd(start, r.delta)
	if err != nil {
		return err
	}
	if err := r.mm.unmap(t, start, end, unlock); err != nil {
		return err
	}
	r.unlocked = unlock
	return nil
}

// expand grows the mapping in place, or moves it to where it fits: expand_vma.
func (r *remap) expand(t *task.Task) (uint64, error) {
	if r.canExpandInPlace(t) {
		return r.addr, r.expandInPlace(t)
	}
	if !r.has(linux.MREMAP_MAYMOVE) {
		return 0, errno("mremap", linux.ENOMEM, "no room for %#x bytes at %#x", r.newLen, r.addr)
	}
	if err := r.chooseAddr(t); err != nil {
		return 0, err
	}
	return r.move(t)
}

// canExpandInPlace reports whether the range ends with its VMA and what is behind is free: vrm_can_expand_in_place and
// vma_expandable. No guard gap is kept.
func (r *remap) canExpandInPlace(t *task.Task) bool {
	end := r.vma.End(t)
	return end-r.addr == r.oldLen && r.delta <= linux.TaskSize-end && r.mm.free(t, end, end+r.delta)
}

// expandInPlace is expand_vma_in_place. It needs no room in map_count, and may join the next VMA.
func (r *remap) expandInPlace(t *task.Task) error {
	if err := r.charge(t); err != nil {
		return err
	}
	target, err := r.mm.mergeExtend(t, r.vma, r.delta)
	if err != nil {
		r.mm.uncharge(t, r.charged)
		return err
	}
	r.vma = target
	r.account(t, r.delta)
	return nil
}

// charge accounts the pages that the mapping will have more, where it is accounted: vrm_calc_charge. It fails with ENOMEM.
func (r *remap) charge(t *task.Task) error {
	r.charged = 0 // not what another VMA of the range was charged, which has moved
	if r.vma.Flags(t)&linux.VMAccount == 0 {
		return nil
	}
	pages := r.delta >> linux.PageShift
	if r.has(linux.MREMAP_DONTUNMAP) { // the source keeps its own
		pages = r.newLen >> linux.PageShift
	}
	if err := r.mm.charge(t, "mremap", pages); err != nil {
		return err
	}
	r.charged = pages
	return nil
}

// account counts bytes more of the source's kind: vrm_stat_account.
func (r *remap) account(t *task.Task, bytes uint64) {
	flags, pages := r.vma.Flags(t), bytes>>linux.PageShift
	r.mm.statAccount(t, flags, pages)
	if flags&linux.VMLocked != 0 {
		r.mm.addLocked(t, pages)
	}
}
