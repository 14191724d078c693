package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// mergeRange is a range that gets attributes and may join its neighbours: struct vma_merge_struct.
//
// For a new range, [start, end) is a hole between prev and next. For an existing one it is a part of middle.
type mergeRange struct {
	mm                 *MM
	prev, middle, next *vma.VMA // nil where there is none; middle: nil for a new range
	start, end         uint64
	pgoff              uint64
	anonPgoff          uint64 // of the range's anonymous pages, where pgoff does not tell it
	flags              linux.VMFlags
	file               *phys.File
	anon               *vma.AnonVMA // of the range's pages
	copiedFrom         *vma.VMA     // for a new range whose pages will come from another VMA: that one

	target *vma.VMA      // the VMA that the range became part of
	sticky linux.VMFlags // flags that the result keeps from what it swallowed
	doomed [2]*vma.VMA   // VMAs that the target swallows, nil for none
}

// canMergeLeft reports whether the range can join prev: can_vma_merge_left.
func (r *mergeRange) canMergeLeft(t *task.Task) bool {
	if r.prev == nil {
		return false
	}
	start, end := r.prev.Range(t)
	if end == r.start {
		t.Reach(task.MergeTried)
	}
	return end == r.start && r.compatible(t, r.prev) && r.follows(r.prev.Pgoff(t), end-start, r.pgoff) &&
		(!r.copiesFile() || r.follows(r.prev.AnonPgoffAt(t, start), end-start, r.anonPgoff))
}

// canMergeRight reports whether the range can join next: can_vma_merge_right. If it joins prev, too, the two must also
// agree with each other.
func (r *mergeRange) canMergeRight(t *task.Task, left bool) bool {
	if r.next == nil || r.next.Start(t) != r.end {
		return false
	}
	t.Reach(task.MergeTried)
	if !r.compatible(t, r.next) || !r.follows(r.pgoff, r.end-r.start, r.next.Pgoff(t)) ||
		r.copiesFile() && !r.follows(r.anonPgoff, r.end-r.start, r.next.AnonPgoffAt(t, r.end)) {
		return false
	}
	if !left {
		return true
	}
	a, b := r.prev.AnonVMA(t), r.next.AnonVMA(t)
	return a == nil || b == nil || a == b || !r.mm.Rules.Has(rules.OneAnonVMA)
}

// compatible reports whether the range and its neighbour v have the same attributes: is_mergeable_vma and
// is_mergeable_anon_vma.
func (r *mergeRange) compatible(t *task.Task, v *vma.VMA) bool {
	ignored := linux.VMSticky
	if !r.mm.Rules.Has(rules.IgnoreSticky) {
		ignored = 0
	}
	if (v.Flags(t)^r.flags)&^ignored != 0 && r.mm.Rules.Has(rules.SameFlags) ||
		v.File(t) != r.file && r.mm.Rules.Has(rules.SameFile) || !r.samePolicy(t, v) {
		return false
	}
	inherited := func(v *vma.VMA) bool { return isForkChild(t, v) && r.mm.Rules.Has(rules.SpareInherited) }
	switch anon := v.AnonVMA(t); {
	case anon == nil && r.anon != nil: // v will be linked to the range's anon_vmas
		return r.mm.Rules.Has(rules.MergeIntoUnfaulted) && !inherited(r.middle) && !inherited(r.copiedFrom)
	case anon != nil && r.anon == nil:
		return !inherited(v)
	default:
		return anon == r.anon || !r.mm.Rules.Has(rules.OneAnonVMA)
	}
}

// samePolicy reports whether the range has the policy of v, which is none for a new range that is no copy.
func (r *mergeRange) samePolicy(t *task.Task, v *vma.VMA) bool {
	if r.mm.Machine.Beside&Binds == 0 {
		return true
	}
	var policy *vma.Policy
	for _, of := range [...]*vma.VMA{r.middle, r.copiedFrom} {
		if of != nil {
			policy = of.Policy(t)
		}
	}
	return v.Policy(t) == policy
}

// follows reports whether page offset b is the one that comes behind what begins at offset a and is that many bytes long.
func (r *mergeRange) follows(a, bytes, b uint64) bool {
	return a+bytes>>linux.PageShift == b || !r.mm.Rules.Has(rules.OffsetsContinue)
}

// copiesFile reports whether what is mapped may have anonymous pages of its own beside those of a file, and the rules tell the offsets of
// both apart: needs_adjacent_anon_pgoff.
func (r *mergeRange) copiesFile() bool {
	return r.file != nil && r.flags&(linux.VMShared|linux.VMMayWrite) == linux.VMMayWrite && r.mm.Rules.Has(rules.AnonOffsets)
}

// anonPgoffAt returns the page offset of addr among the anonymous pages of v, if vm_pgoff does not tell it.
func anonPgoffAt(t *task.Task, v *vma.VMA, addr uint64) uint64 {
	if !v.HasAnonPgoff() {
		return 0
	}
	return v.AnonPgoffAt(t, addr)
}

// removable reports whether the merge may swallow v: a close hook must run at the mapping's end and nowhere else.
func (r *mergeRange) removable(t *task.Task, v *vma.VMA) bool {
	ops := v.Ops(t)
	return ops == nil || ops.Close == nil || !r.mm.Rules.Has(rules.SpareClosed)
}

// mergeNew joins a new range with its neighbours: vma_merge_new_range. It reports false if neither fits. On an error,
// ENOMEM, nothing has changed. The caller holds mmap_lock for writing.
func (r *mergeRange) mergeNew(t *task.Task) (bool, error) {
	t.Enter("vma_merge_new_range")
	defer t.Leave()
	if r.flags&linux.VMSpecial != 0 {
		return false, nil
	}
	left := r.canMergeLeft(t)
	right := r.canMergeRight(t, left)
	grows, goes := r.survivor()
	if left && right && !r.removable(t, goes) {
		left, right = grows == r.prev, grows == r.next
	}
	if !left && !right {
		return false, nil
	}
	start, end, pgoff := r.start, r.end, r.pgoff
	if right {
		r.target, end = r.next, r.next.End(t)
	}
	if left {
		r.target, start, pgoff = r.prev, r.prev.Start(t), r.prev.Pgoff(t)
	}
	if left && right {
		r.target, r.doomed[0] = grows, goes
	}
	err := r.expand(t, start, end, pgoff)
	if err == nil {
		cases := [...]task.Point{task.MergeNewLeft, task.MergeNewRight, task.MergeNewBoth}
		if r.copiedFrom != nil {
			cases = [...]task.Point{task.MergeMovedLeft, task.MergeMovedRight, task.MergeMovedBoth}
		}
		t.Reach(cases[side(left, right)])
	}
	return true, err
}

// survivor returns which of the two neighbours grows where a range joins both, and which is removed.
func (r *mergeRange) survivor() (grows, goes *vma.VMA) {
	if r.mm.Rules.Has(rules.LeftSurvives) {
		return r.prev, r.next
	}
	return r.next, r.prev
}

// side says of a merge to the left, to the right or to both sides which of the three it is.
func side(left, right bool) int {
	switch {
	case left && right:
		return 2
	case right:
		return 1
	}
	return 0
}

// lock write-locks a VMA that the merge changes, if the rule says so that is about its part.
func (r *mergeRange) lock(t *task.Task, rule rules.Rule, v *vma.VMA) {
	if r.mm.Rules.Has(rule) {
		r.mm.StartWrite(t, v)
	}
}

// adopt gives the target the anon_vma of a VMA whose pages it takes over, and reports whether it had to: dup_anon_vma.
func (r *mergeRange) adopt(t *task.Task, source *vma.VMA) (bool, error) {
	if !r.mm.Rules.Has(rules.AdoptAnonVMA) {
		return false, nil
	}
	return r.mm.Machine.dupAnonVMA(t, r.target, source)
}

// expand makes the target cover [start, end): vma_expand.
func (r *mergeRange) expand(t *task.Task, start, end, pgoff uint64) error {
	t.Enter("vma_expand")
	defer t.Leave()
	r.lock(t, rules.LockGrown, r.target)
	dup := false
	for _, source := range [...]*vma.VMA{r.doomed[0], r.copiedFrom} {
		if source == nil {
			continue
		}
		if source == r.copiedFrom {
			r.mm.StartWrite(t, source) // move_vma has it locked
		} else {
			r.lock(t, rules.LockRemoved, source)
		}
		linked, err := r.adopt(t, source)
		if err != nil {
			return err
		}
		dup = dup || linked
	}
	return r.commit(t, start, end, pgoff, nil, dup)
}

// mergeExtend makes v longer, into a hole, and joins it with the next VMA if that fits: vma_merge_extend. It returns the VMA that
// covers v now. It fails with ENOMEM, and for VMAs that never merge. The caller holds mmap_lock for writing.
func (mm *MM) mergeExtend(t *task.Task, v *vma.VMA, bytes uint64) (*vma.VMA, error) {
	end := v.End(t)
	r := mergeRange{
		mm: mm, prev: v, next: mm.vmi.Find(t, end), start: end, end: end + bytes,
		pgoff: v.PgoffAt(t, end), anonPgoff: anonPgoffAt(t, v, end), flags: v.Flags(t), file: v.File(t), anon: v.AnonVMA(t),
	}
	merged, err := r.mergeNew(t)
	if err == nil && !merged {
		err = errno("merge", linux.ENOMEM, "the mapping at %#x cannot be extended", v.Start(t))
	}
	return r.target, err
}

// mergeExisting joins a part of middle, whose attributes change, with its neighbours: vma_merge_existing_range. It
// reports false if neither fits. On an error, ENOMEM, nothing has changed. The caller holds mmap_lock for writing.
func (r *mergeRange) mergeExisting(t *task.Task) (bool, error) {
	t.Enter("vma_merge_existing_range")
	defer t.Leave()
	middle := r.middle
	middleStart, middleEnd := middle.Range(t)
	atLeft, atRight := r.start == middleStart, r.end == middleEnd
	if r.flags&linux.VMSpecial != 0 || !atLeft && !atRight {
		return false, nil
	}
	left := atLeft && r.canMergeLeft(t)
	right := atRight && r.canMergeRight(t, left)
	whole := atLeft && atRight
	if whole && (left || right) && !r.removable(t, middle) {
		return false, nil
	}
	grows, goes := r.survivor()
	if left && right && !r.removable(t, goes) {
		left, right = grows == r.prev, grows == r.next
	}
	if !left && !right {
		return false, nil
	}
	if whole {
		r.lock(t, rules.LockRemoved, middle)
	} else {
		r.lock(t, rules.LockShrunk, middle)
	}
	switch {
	case left && right:
		r.lock(t, rules.LockRemoved, goes)
		r.lock(t, rules.LockGrown, grows)
	case right:
		r.lock(t, rules.LockGrown, r.next)
	case left:
		r.lock(t, rules.LockGrown, r.prev)
	}

	start, end, pgoff := r.start, r.end, r.pgoff
	if right {
		r.target, end = r.next, r.next.End(t)
	}
	if left {
		r.target, start, pgoff = r.prev, r.prev.Start(t), r.prev.Pgoff(t)
	}
	source := middle // whose pages the target takes over
	if left && right {
		if goes.AnonVMA(t) != nil {
			source = goes
		}
		r.target, r.doomed[0] = grows, goes
	}
	var shrunk *vma.VMA
	if whole {
		r.doomed[1] = middle
	} else {
		shrunk = middle
	}
	dup, err := r.adopt(t, source)
	if err != nil {
		return false, err
	}
	err = r.commit(t, start, end, pgoff, shrunk, dup)
	if err == nil {
		cases := [...]task.Point{task.MergeWholeLeft, task.MergeWholeRight, task.MergeWholeBoth}
		if !whole {
			cases = [...]task.Point{task.MergePartLeft, task.MergePartRight, 0} // it has one side to join only
		}
		t.Reach(cases[side(left, right)])
	}
	return true, err
}

// commit gives the target its new range and frees what it swallowed: commit_merge. shrunk is a VMA that loses the range,
// nil for none. dup says that the target got its anon_vma for this merge, which is undone if memory is short: the only
// failure. All VMAs concerned are write-locked.
func (r *mergeRange) commit(t *task.Task, start, end, pgoff uint64, shrunk *vma.VMA, dup bool) error {
	t.Enter("commit_merge")
	defer t.Leave()
	mm := r.mm
	mm.vmi.StandOn(end)
	if err := mm.Tree.Preallocate(t); err != nil {
		if mm.Rules.Has(rules.ResetIterator) {
			mm.vmi.StandOn(r.end)
		}
		if dup && mm.Rules.Has(rules.UndoMerge) {
			t.Reach(task.RollbackMerge)
			mm.Machine.unlinkAnonVMAs(t, r.target)
		}
		return err
	}
	for _, v := range r.doomed {
		if v != nil {
			r.sticky |= v.Flags(t) & linux.VMSticky
		}
	}
	r.sticky |= r.flags & linux.VMSticky
	if !mm.Rules.Has(rules.KeepSticky) {
		r.sticky = 0
	}
	rmap := mm.lockRmap(t, r.target)
	if shrunk != nil {
		shrunkStart, shrunkEnd := shrunk.Range(t)
		if start <= shrunkStart { // it loses its head
			shrunk.SetRange(t, r.end, shrunkEnd, shrunk.PgoffAt(t, r.end))
		} else {
			shrunk.SetRange(t, shrunkStart, r.start, shrunk.Pgoff(t))
		}
	}
	r.target.SetRange(t, start, end, pgoff)
	if r.sticky != 0 {
		r.target.SetFlags(t, r.target.Flags(t)|r.sticky)
	}
	r.target.AssertAttached(t) // vma_iter_store_overwrite
	mm.vmi.Store(t, start, end, r.target)
	rmap.unlock(t)
	if mm.Machine.has(Probes) && (r.copiedFrom == nil || !mm.Rules.Has(rules.MoveKeepsProbes)) {
		mm.uprobeMmap(t, r.target)
	}
	for _, v := range r.doomed {
		if v == nil {
			continue
		}
		mm.MarkDetached(t, v)
		mm.unlinkRmap(t, v)
		mm.addMapCount(t, -1)
		mm.freeVMA(t, v)
	}
	return nil
}

// changeFlags gives [start, end), a part of v, new flags that no page-table entry depends on: vma_modify_flags and vm_flags_reset. It
// returns the VMA that the range is now in. On an error, ENOMEM, a split may have been made.
func (mm *MM) changeFlags(t *task.Task, v *vma.VMA, start, end uint64, flags linux.VMFlags) (*vma.VMA, error) {
	v, err := mm.modify(t, mm.vmi.Prev(t, start), v, start, end, flags)
	if err != nil {
		return nil, err
	}
	mm.StartWrite(t, v)
	v.SetFlags(t, flags|v.Flags(t)&linux.VMSticky)
	return v, nil
}

// modify gives [start, end), a part of v, new flags: vma_modify. It merges if it can and splits if it must, and returns
// the VMA of exactly that range or the one it became part of; its flags are set only by a merge. On an error a split may
// have been made.
func (mm *MM) modify(t *task.Task, prev, v *vma.VMA, start, end uint64, flags linux.VMFlags) (*vma.VMA, error) {
	var r mergeRange // as in mergeOrLink
	r.mm, r.prev, r.middle, r.start, r.end = mm, prev, v, start, end
	r.pgoff, r.anonPgoff = v.PgoffAt(t, start), anonPgoffAt(t, v, start)
	r.flags, r.file, r.anon = flags, v.File(t), v.AnonVMA(t)
	if v.End(t) == end {
		r.next = mm.vmi.Find(t, end)
	}
	merged, err := r.mergeExisting(t)
	if err != nil {
		return nil, err
	}
	if merged {
		return r.target, nil
	}
	if v.Start(t) < start {
		if err := mm.splitVMA(t, v, start, true); err != nil {
			return nil, err
		}
	}
	if v.End(t) > end {
		if err := mm.splitVMA(t, v, end, false); err != nil {
			if mm.Rules.Has(rules.UndoSplit) {
				mm.rejoin(t, v)
			}
			return nil, err
		}
	}
	return v, nil
}

// rejoin joins v, unchanged, with the VMA below it, which was split off from it: a merge of a range that gets no new attributes. When
// memory is short it leaves them apart.
func (mm *MM) rejoin(t *task.Task, v *vma.VMA) {
	start, end := v.Range(t)
	r := mergeRange{
		mm: mm, prev: mm.vmi.Prev(t, start), middle: v, start: start, end: end,
		pgoff: v.Pgoff(t), anonPgoff: anonPgoffAt(t, v, start), flags: v.Flags(t), file: v.File(t), anon: v.AnonVMA(t),
	}
	_, _ = r.mergeExisting(t)
}
