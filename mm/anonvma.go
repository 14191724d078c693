package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// PrepareAnonVMA makes sure that v has an anon_vma for its anonymous pages: __anon_vma_prepare. It takes over a
// neighbour's where that keeps the two mergeable. The caller holds mmap_lock, and v stable. It fails with ENOMEM.
func (mm *MM) PrepareAnonVMA(t *task.Task, v *vma.VMA) error {
	if v.AnonVMA(t) != nil {
		return nil
	}
	t.Enter("__anon_vma_prepare")
	defer t.Leave()
	m := mm.Machine
	link, err := m.chains.Alloc(t)
	if err != nil {
		return err
	}
	anon := mm.findMergeableAnonVMA(t, v)
	fresh := anon == nil
	if fresh {
		if anon, err = m.newAnonVMA(t); err != nil {
			m.chains.Free(t, link)
			return err
		}
		anon.AddChildren(t, 1) // a root counts itself
	}
	anon.Lock(t)
	mm.Tables.PageTableLock.Lock(t) // another fault may be doing the same
	prepared := v.AnonVMA(t) != nil && mm.Rules.Has(rules.PrepareOnce)
	if !prepared {
		anon.Link(t, link, v) // before the publication: a task that sees the anon_vma may look at the chain
		anon.AddActive(t, 1)
		v.PublishAnonVMA(t, anon)
	}
	mm.Tables.PageTableLock.Unlock(t)
	anon.Unlock(t)
	if prepared {
		m.chains.Free(t, link)
		if fresh {
			m.putAnonVMA(t, anon)
		}
	}
	return nil
}

// findMergeableAnonVMA returns the anon_vma of a neighbour that v could be merged with, were it not for its access
// rights: find_mergeable_anon_vma. The next VMA is preferred.
func (mm *MM) findMergeableAnonVMA(t *task.Task, v *vma.VMA) *vma.AnonVMA {
	start, end := v.Range(t)
	if next := mm.Tree.Find(t, end); next != nil {
		if a := mm.reusableAnonVMA(t, next, v, next); a != nil {
			return a
		}
	}
	if prev := mm.Tree.Prev(t, start); prev != nil {
		return mm.reusableAnonVMA(t, prev, prev, v)
	}
	return nil
}

// reusableAnonVMA returns old's anon_vma if the neighbours a and b, one of which is old, could share it.
func (mm *MM) reusableAnonVMA(t *task.Task, old, a, b *vma.VMA) *vma.AnonVMA {
	aStart, aEnd := a.Range(t)
	if aEnd != b.Start(t) || a.File(t) != b.File(t) ||
		(a.Flags(t)^b.Flags(t))&^(linux.VMAccessFlags|linux.VMSticky) != 0 ||
		b.Pgoff(t) != a.Pgoff(t)+(aEnd-aStart)>>linux.PageShift ||
		a.HasAnonPgoff() && a.AnonPgoffAt(t, aEnd) != b.AnonPgoffAt(t, aEnd) ||
		mm.Machine.Beside&Binds != 0 && a.Policy(t) != b.Policy(t) {
		return nil
	}
	if anon := old.AnonVMA(t); anon != nil && !isForkChild(t, old) {
		return anon
	}
	return nil
}

// isForkChild reports whether a faulted VMA was inherited over fork: its chain has more than one entry.
func isForkChild(t *task.Task, v *vma.VMA) bool {
	if v == nil || v.AnonVMA(t) == nil {
		return false
	}
	c := v.Chain(t)
	return c != nil && c.Next != nil
}

func (m *Machine) newAnonVMA(t *task.Task) (*vma.AnonVMA, error) {
	a, err := m.anonVMAs.Alloc(t)
	if err != nil {
		return nil, err
	}
	a.Init(t)
	return a, nil
}

// putAnonVMA drops a reference and frees the anon_vma with the last: put_anon_vma.
func (m *Machine) putAnonVMA(t *task.Task, a *vma.AnonVMA) {
	if a.Refcount.DecAndTest(t) > 0 {
		return
	}
	root := a.Root(t)
	m.anonVMAs.Free(t, a)
	if root != a {
		m.putAnonVMA(t, root)
	}
}

// cloneAnonVMA links dst to every anon_vma that src is linked to: anon_vma_clone. If dst has no anon_vma though src has
// one, it takes over one without VMAs of its own, so that repeated forks do not pile up. It fails with ENOMEM and leaves
// dst unlinked.
func (m *Machine) cloneAnonVMA(t *task.Task, dst, src *vma.VMA) error {
	t.Enter("anon_vma_clone")
	defer t.Leave()
	var locked *vma.AnonVMA // all anon_vmas of a chain have one root, which is locked once: lock_anon_vma_root
	for c := src.Chain(t); c != nil; c = c.Next {
		link, err := m.chains.Alloc(t)
		if err != nil {
			if locked != nil {
				locked.Unlock(t)
			}
			// unlinkAnonVMAs counts the owner down, which has not been counted up yet.
			dst.SetAnonVMA(t, nil)
			m.unlinkAnonVMAs(t, dst)
			return err
		}
		anon := c.Anon
		if locked == nil {
			anon.Lock(t)
			locked = anon
		}
		anon.Link(t, link, dst)
		if dst.AnonVMA(t) == nil && src.AnonVMA(t) != nil && anon.NumChildren.Read(t) < 2 && anon.NumActive.Read(t) == 0 {
			dst.SetAnonVMA(t, anon)
		}
	}
	if locked == nil {
		return nil
	}
	if anon := dst.AnonVMA(t); anon != nil {
		anon.AddActive(t, 1)
	}
	locked.Unlock(t)
	return nil
}

// forkAnonVMA links a child's VMA to the anon_vmas of its parent's and gives it one of its own: anon_vma_fork.
func (m *Machine) forkAnonVMA(t *task.Task, child, parent *vma.VMA) error {
	if parent.AnonVMA(t) == nil {
		return nil
	}
	if err := m.cloneAnonVMA(t, child, parent); err != nil {
		return err
	}
	if child.AnonVMA(t) != nil { // took over a childless one
		return nil
	}
	anon, err := m.newAnonVMA(t)
	if err != nil {
		m.unlinkAnonVMAs(t, child)
		return err
	}
	link, err := m.chains.Alloc(t)
	if err != nil {
		m.putAnonVMA(t, anon)
		m.unlinkAnonVMAs(t, child)
		return err
	}
	owner := parent.AnonVMA(t)
	root := owner.Root(t)
	anon.SetParent(t, root, owner)
	root.Refcount.Inc(t)
	anon.AddActive(t, 1)
	child.SetAnonVMA(t, anon)
	anon.Lock(t)
	anon.Link(t, link, child)
	owner.AddChildren(t, 1)
	anon.Unlock(t)
	return nil
}

// lastLink in Slot marks an unlinked link that was the last of its anon_vma.
const lastLink = -1

// unlinkAnonVMAs takes v out of every anon_vma it is linked to and frees those that are not needed any more: unlink_anon_vmas. The
// pages of v are gone, or belong to another VMA with the same links.
func (m *Machine) unlinkAnonVMAs(t *task.Task, v *vma.VMA) {
	first := v.Chain(t)
	if first == nil {
		return
	}
	t.Enter("unlink_anon_vmas")
	defer t.Leave()
	root := first.Anon.Root(t)
	root.RWSem.DownWrite(t) // all anon_vmas of a chain have one root
	for c := first; c != nil; c = c.Next {
		c.Anon.Unlink(t, c)
		if !c.Anon.Linked(t) {
			c.Anon.Parent(t).AddChildren(t, -1)
			c.Slot = lastLink
		}
	}
	if anon := v.AnonVMA(t); anon != nil {
		anon.AddActive(t, -1)
		v.SetAnonVMA(t, nil)
	}
	root.RWSem.UpWrite(t)
	v.SetChain(t, nil)
	for c := first; c != nil; {
		next := c.Next
		if c.Slot == lastLink {
			m.putAnonVMA(t, c.Anon)
		}
		m.chains.Free(t, c)
		c = next
	}
}

// dupAnonVMA gives dst, which takes over src's pages in a merge, src's anon_vma: dup_anon_vma. It reports whether it
// had to. Both are write-locked.
func (m *Machine) dupAnonVMA(t *task.Task, dst, src *vma.VMA) (bool, error) {
	if src.AnonVMA(t) == nil || dst.AnonVMA(t) != nil {
		return false, nil
	}
	dst.SetAnonVMA(t, src.AnonVMA(t))
	if err := m.cloneAnonVMA(t, dst, src); err != nil {
		return false, err
	}
	return true, nil
}
