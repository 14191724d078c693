package vma

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// AnonVMA owns anonymous pages and knows which VMAs may map them: anon_vma. Package mm links, clones and frees them.
type AnonVMA struct {
	ksync.Life
	ID    uint32      // names it in a page's metadata
	RWSem ksync.RWSem // used in the root only

	Refcount    ksync.AtomicRef // references on the root's lock: itself and its descendants
	NumChildren ksync.Plain[int]
	NumActive   ksync.Plain[int]

	root, parent ksync.Plain[*AnonVMA]
	numLinks     ksync.Plain[int] // stands for links
	links        []*AnonVMAChain
}

var countRule = task.LockRule{task.RmapWrite, task.NotYetVisible}

// anonLayout declares the shared cells of an anon_vma. Its rmap lock is the one of its root.
var anonLayout = task.Layout{
	Type: "anon_vma",
	Size: unsafe.Sizeof(AnonVMA{}),
	Fields: []task.Field{
		{Name: "rwsem", Offset: unsafe.Offsetof(AnonVMA{}.RWSem), Size: unsafe.Sizeof(ksync.RWSem{}), Read: atomicRule, Write: atomicRule,
			Doc: "in the root: the lock of the whole tree of anon_vmas"},
		{Name: "root", Offset: unsafe.Offsetof(AnonVMA{}.root), Size: unsafe.Sizeof(ksync.Plain[*AnonVMA]{}), Read: atomicRule, Write: onceRule,
			Doc: "whose lock is the lock of all; set before anybody finds it, so read without one"},
		{Name: "parent", Offset: unsafe.Offsetof(AnonVMA{}.parent), Size: unsafe.Sizeof(ksync.Plain[*AnonVMA]{}), Read: countRule, Write: onceRule,
			Doc: "the anon_vma of the VMA that fork copied; its own in a root"},
		{Name: "rb_root", Offset: unsafe.Offsetof(AnonVMA{}.numLinks), Size: unsafe.Sizeof(ksync.Plain[int]{}), Read: countRule, Write: countRule,
			Doc: "the VMAs that may map pages of it"},
		{Name: "refcount", Offset: unsafe.Offsetof(AnonVMA{}.Refcount), Size: unsafe.Sizeof(ksync.AtomicRef{}), Read: atomicRule, Write: atomicRule,
			Doc: "itself, and in the root its descendants"},
		{Name: "num_children", Offset: unsafe.Offsetof(AnonVMA{}.NumChildren), Size: unsafe.Sizeof(ksync.Plain[int]{}), Read: countRule, Write: countRule,
			Doc: "anon_vmas whose parent it is"},
		{Name: "num_active_vmas", Offset: unsafe.Offsetof(AnonVMA{}.NumActive), Size: unsafe.Sizeof(ksync.Plain[int]{}), Read: countRule, Write: countRule,
			Doc: "VMAs whose anon_vma it is"},
	},
}

// AnonVMALayout returns the declaration of an anon_vma's cells. The caller must not change it.
func AnonVMALayout() *task.Layout { return &anonLayout }

// Init makes it a root without links, in memory that no other task can find: anon_vma_alloc.
func (a *AnonVMA) Init(t *task.Task) {
	a.NumChildren.Init(0)
	a.NumActive.Init(0)
	a.Refcount.Init(1)
	a.numLinks.Init(0)
	a.links = nil
	a.SetParent(t, a, a)
}

// Root returns the anon_vma whose lock is that of the whole tree.
func (a *AnonVMA) Root(t *task.Task) *AnonVMA { return a.root.Read(t) }

// Parent returns the anon_vma that this one's VMA was inherited from, itself in a root. The caller holds the lock of the tree.
func (a *AnonVMA) Parent(t *task.Task) *AnonVMA { return a.parent.Read(t) }

// SetParent makes it part of a tree, before another task can find it.
func (a *AnonVMA) SetParent(t *task.Task, root, parent *AnonVMA) {
	a.root.Write(t, root)
	a.parent.Write(t, parent)
}

// RootPeek returns the root without announcing, nil while the anon_vma is not made.
func (a *AnonVMA) RootPeek() *AnonVMA { return a.root.Peek() }

// Linked reports whether VMAs are linked to it. The caller holds the lock of the tree.
func (a *AnonVMA) Linked(t *task.Task) bool { return a.numLinks.Read(t) > 0 }

// LinksPeek returns the links without announcing, for checks.
func (a *AnonVMA) LinksPeek() []*AnonVMAChain { return a.links }

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
	Slot int           // where it stands among the links of Anon
}

// Lock takes the lock of the tree of anon_vmas for writing: anon_vma_lock_write.
func (a *AnonVMA) Lock(t *task.Task) { a.Root(t).RWSem.DownWrite(t) }

// Unlock gives it back.
func (a *AnonVMA) Unlock(t *task.Task) { a.Root(t).RWSem.UpWrite(t) }

// Link adds c to the anon_vma's list and to its VMA's chain. The caller holds the anon_vma's lock, and mmap_lock.
//
// The kernel keeps an interval tree; the model keeps a list, which a reverse lookup filters.
func (a *AnonVMA) Link(t *task.Task, c *AnonVMAChain, v *VMA) {
	c.VMA, c.Anon, c.Slot = v, a, a.numLinks.Read(t)
	a.numLinks.Write(t, c.Slot+1)
	a.links = append(a.links, c)
	c.Next = v.chain.Read(t)
	v.chain.Write(t, c)
}

// Unlink removes c from the anon_vma's list. The caller holds its lock.
func (a *AnonVMA) Unlink(t *task.Task, c *AnonVMAChain) {
	n := a.numLinks.Read(t) - 1
	a.numLinks.Write(t, n)
	last := a.links[n]
	a.links[c.Slot], last.Slot = last, c.Slot
	a.links[n] = nil
	a.links = a.links[:n]
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
