package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// vmaCopy is a VMA and the one that takes over its pages: what of struct pagetable_move_control concerns VMAs.
type vmaCopy struct {
	source, target *vma.VMA
	// lockRmap says that a reverse lookup may come by the target before the source, and miss a page that moves meanwhile.
	lockRmap bool
}

// copyVMA maps the source a second time, at the destination: copy_vma. The mapping joins a neighbour if it can, which may be the
// source itself, or one that swallows the source: then that is the source from now on. It fails with ENOMEM.
func (r *remap) copyVMA(t *task.Task) (vmaCopy, error) {
	t.Enter("copy_vma")
	defer t.Leave()
	mm, v := r.mm, r.vma
	start, end, pgoff, anonPgoff := r.newAddr, r.newAddr+r.newLen, v.PgoffAt(t, r.addr), anonPgoffAt(t, v, r.addr)
	if anonymous := v.IsAnonymous(t); mm.Rules.Has(rules.ResetUnfaulted) && (anonymous || v.HasAnonPgoff()) && v.AnonVMA(t) == nil { // no page has an offset yet
		anonPgoff = start >> linux.PageShift
		if anonymous {
			pgoff = anonPgoff
		}
	}
	oldStart := v.Start(t)
	merge := mergeRange{
		mm: mm, prev: mm.vmi.Prev(t, start), next: mm.vmi.Find(t, end), copiedFrom: v,
		start: start, end: end, pgoff: pgoff, anonPgoff: anonPgoff, flags: v.Flags(t), file: v.File(t), anon: v.AnonVMA(t),
	}
	if r.has(linux.MREMAP_DONTUNMAP) && mm.Rules.Has(rules.SpareSource) {
		if merge.prev == v {
			merge.prev = nil
		}
		if merge.next == v {
			merge.next = nil
		}
	}
	merged, err := merge.mergeNew(t)
	if merged && err == nil {
		if merge.target.Contains(t, oldStart) {
			r.vma = merge.target
		}
		return vmaCopy{r.vma, merge.target, mm.Rules.Has(rules.MoveLocksRmap) && merge.target.Pgoff(t) <= r.vma.Pgoff(t)}, nil
	}
	if merged { // without memory to merge, a VMA of its own is tried
		mm.callIsPartial(t)
	}
	n, err := mm.dupRange(t, v, &merge)
	return vmaCopy{v, n, false}, err
}

// dupRange makes and links a VMA like v for a range that is free and could not be merged. It fails with ENOMEM.
func (mm *MM) dupRange(t *task.Task, v *vma.VMA, r *mergeRange) (*vma.VMA, error) {
	n, err := mm.Machine.VMAs.Dup(t, v, &mm.MMLock)
	if err != nil {
		return nil, err
	}
	n.SetRange(t, r.start, r.end, r.pgoff)
	n.SetAnonPgoff(t, r.anonPgoff)
	if err := mm.Tree.Preallocate(t); err != nil {
		mm.freeVMA(t, n)
		return nil, err
	}
	n.SetAnonVMA(t, v.AnonVMA(t))
	if err := mm.Machine.cloneAnonVMA(t, n, v); err != nil {
		mm.freeVMA(t, n)
		return nil, err
	}
	if ops := n.Ops(t); ops != nil && ops.Open != nil {
		ops.Open(t, n)
	}
	mm.storeNew(t, n)
	mm.linkFile(t, n)
	return n, nil
}
