package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Nodes is how many nodes of memory there are, all in the same frames: a page is said to lie on the one on which its VMA's policy wanted
// it when it was made, or to which it was moved.
const Nodes = 2

// Flags of mbind.
const (
	mbindStrict = 1 << iota // MPOL_MF_STRICT: a page that lies elsewhere is an error
	mbindMove               // MPOL_MF_MOVE: a page that lies elsewhere is moved
)

// Mbind gives the VMA at addr, as a whole, a policy by which its pages lie on a node: do_mbind with MPOL_BIND. Errors are linux.Errno
// values, wrapped: EINVAL, EFAULT if nothing is mapped, EIO by which nothing has changed.
func (mm *MM) Mbind(t *task.Task, addr, node uint64, flags int) error {
	t.Enter("do_mbind")
	defer t.Leave()
	if node >= Nodes || flags&^(mbindStrict|mbindMove) != 0 {
		return errno("mbind", linux.EINVAL, "node %d of %d, flags %#x", node, Nodes, flags)
	}
	p, err := mm.Machine.VMAs.NewPolicy(t, uint8(node))
	if err != nil {
		return err
	}
	if err = mm.lockCall(t, callMbind, 0, 0); err != nil {
		mm.Machine.VMAs.PutPolicy(t, p)
		return err
	}
	if err = mm.bind(t, addr, p, flags); err != nil {
		mm.Machine.VMAs.PutPolicy(t, p)
	}
	mm.endCall(t, err)
	return err
}

// bind is Mbind with mmap_lock held for writing.
func (mm *MM) bind(t *task.Task, addr uint64, p *vma.Policy, flags int) error {
	v := mm.vmi.Find(t, addr)
	if v == nil || v.Start(t) > addr {
		return errno("mbind", linux.EFAULT, "nothing is mapped at %#x", addr)
	}
	if flags != 0 {
		if elsewhere := mm.queuePages(t, v, p.Node(t), flags&mbindMove != 0); elsewhere > 0 {
			return errno("mbind", linux.EIO, "%d pages do not lie on node %d", elsewhere, p.Node(t))
		}
	}
	if mm.Rules.Has(rules.PolicyUnderLock) {
		mm.StartWrite(t, v)
	}
	mm.Machine.VMAs.ReplacePolicy(t, v, p)
	return nil
}

// queuePages counts the pages of v that do not lie on the node, or moves them there: queue_pages_range and migrate_pages. For as long as
// mmap_lock is held no others are mapped, if the walk write-locks the VMA. The lock of the table that maps a page guards where it lies.
func (mm *MM) queuePages(t *task.Task, v *vma.VMA, node uint8, move bool) (elsewhere int) {
	t.Enter("queue_pages_range")
	defer t.Leave()
	if mm.Rules.Has(rules.WalkLocksVMA) {
		mm.StartWrite(t, v)
	}
	start, end := v.Range(t)
	_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error { // queue_folios_pte_range
		if !mm.Tables.LockTable(t, c) {
			return nil
		}
		for i := range c.Entries {
			pte := c.Entries[i].Get(t)
			if !pte.Present() || pte.Special() {
				continue
			}
			switch lies := &mm.Machine.Mem.Page(pte.PFN()).Node; {
			case lies.Peek() == node:
			case move:
				lies.Init(node)
			default:
				elsewhere++
			}
		}
		c.Lock.Unlock(t)
		return nil
	})
	return elsewhere
}
