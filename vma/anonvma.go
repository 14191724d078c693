package vma

import (
	"unsafe"

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
	NumChildren ksync.Plain[int]
	NumActive   ksync.Plain[int]
	Links       []*AnonVMAChain // under the root's lock
}

var countRule = task.LockRule{task.RmapWrite, task.NotYetVisible}

// anonLayout declares the shared cells of an anon_vma. Its rmap lock is the one of its root.
var anonLayout = task.Layout{
	Type: "anon_vma",
	Size: unsafe.Sizeof(AnonVMA{}),
	Fields: []task.Field{
		{Name: "rwsem", Offset: unsafe.Offsetof(AnonVMA{}.RWSem), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "in the root: the lock of the whole tree of anon_vmas"},
		{Name: "refcount", Offset: unsafe.Offsetof(AnonVMA{}.Refcount), Size: unsafe.Sizeof(ksync.Refcount{}), Read: atomicRule, Write: atomicRule,
			Doc: "itself, and in the root its descendants"},
		{Name: "num_children", Offset: unsafe.Offsetof(AnonVMA{}.NumChildren), Size: unsafe.Sizeof(ksync.Plain[int]{}), Read: countRule, Write: countRule,
			Doc: "anon_vmas whose parent it is"},
		{Name: "num_active_vmas", Offset: unsafe.Offsetof(AnonVMA{}.NumActive), Size: unsafe.Sizeof(ksync.Plain[int]{}), Read: countRule, Write: countRule,
			Doc: "VMAs whose anon_vma it is"},
	},
}

// AnonVMALayout returns the declaration of an anon_vma's cells. The caller must not change it.
func AnonVMALayout() *task.Layout { return &anonLayout }

// AddChildren changes how many anon_vmas have this one as their parent.
func (a *AnonVMA) AddChildren(t *task.Task, n int) { a.NumChildren.Write(t, a.NumChildren.Read(t)+n) }

// AddActive changes how many VMAs have this as their anon_vma.
func (a *AnonVMA) AddActive(t *task.Task, n int) { a.NumActive.Write(t, a.NumActive.Read(t)+n) }

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
