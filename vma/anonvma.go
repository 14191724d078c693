package vma

import (
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// AnonVMA owns anonymous pages and knows which VMAs may map them: anon_vma. Package mm links, clones and frees them.
type AnonVMA struct {
	ksync.Life
	ID     uint32 // names it in a page's metadata
	Root   *AnonVMA
	Parent *AnonVMA
	RWSem  ksync.RWSem // used in the root only

	Refcount    ksync.Refcount // references on the root's lock: itself and its descendants
	NumChildren int            // under the root's lock: anon_vmas whose parent it is
	NumActive   int            // under the root's lock: VMAs whose anon_vma it is
	Links       []*AnonVMAChain
}

// AnonVMAChain links a VMA and an anon_vma that owns pages of it: anon_vma_chain.
type AnonVMAChain struct {
	ksync.Life
	VMA  *VMA
	Anon *AnonVMA
	Next *AnonVMAChain // of the same VMA
	Slot int           // where it stands in Anon.Links
}

// Lock takes the lock of the tree of anon_vmas for writing: anon_vma_lock_write.
func (a *AnonVMA) Lock(t *task.Task) { a.Root.RWSem.DownWrite(t) }

// Unlock gives it back.
func (a *AnonVMA) Unlock(t *task.Task) { a.Root.RWSem.UpWrite(t) }

// Link adds c to the anon_vma's list and to its VMA's chain. The caller holds the anon_vma's lock, and mmap_lock.
//
// The kernel keeps an interval tree; the model keeps a list, which a reverse lookup filters.
func (a *AnonVMA) Link(t *task.Task, c *AnonVMAChain, v *VMA) {
	c.VMA, c.Anon, c.Slot = v, a, len(a.Links)
	a.Links = append(a.Links, c)
	c.Next = v.chain.Read(t)
	v.chain.Write(t, c)
}

// Unlink removes c from the anon_vma's list. The caller holds its lock.
func (a *AnonVMA) Unlink(c *AnonVMAChain) {
	last := a.Links[len(a.Links)-1]
	a.Links[c.Slot], last.Slot = last, c.Slot
	a.Links[len(a.Links)-1] = nil
	a.Links = a.Links[:len(a.Links)-1]
}

// Chain returns the VMA's first link, nil for none.
func (v *VMA) Chain(t *task.Task) *AnonVMAChain { return v.chain.Read(t) }

// SetChain replaces the VMA's links.
func (v *VMA) SetChain(t *task.Task, c *AnonVMAChain) { v.chain.Write(t, c) }

// ChainPeek returns the first link without announcing, for checks of a quiescent state.
func (v *VMA) ChainPeek() *AnonVMAChain { return v.chain.Peek() }

// PublishAnonVMA sets the anon_vma of a VMA that others may be faulting in: the store of __anon_vma_prepare. The caller
// holds mmap_lock for reading, the anon_vma's lock and page_table_lock.
func (v *VMA) PublishAnonVMA(t *task.Task, a *AnonVMA) { v.anon.StoreRelease(t, a) }

// SetAnonVMA changes the anon_vma of a VMA that is write-locked or not yet visible.
func (v *VMA) SetAnonVMA(t *task.Task, a *AnonVMA) {
	v.assertModifiable(t)
	v.anon.WriteOnce(t, a)
}
