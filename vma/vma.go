// Package vma holds the vm_area_struct and the lock that belongs to it: who may find it, read it, change it and free it.
//
// A lock operation is a method of [MMLock], the lock's part of an mm. It takes the VMA and goes by the generation of the mm to the
// function that works on the cells of the VMA. Package mm finds VMAs and changes them; package fault reads them.
//
// A reader locks a VMA inside rcu_read_lock with nothing else held, and under its lock takes mmap_lock by trylock only: a writer that
// waits for the VMA has it. internal/lockorder declares the order of all locks, and docs/locking.md draws it.
//
// vm_refcnt, in the generations that have it, says which state a VMA is in:
//
//	0                 detached: no reader can get in any more
//	1                 attached, no readers
//	1+n               attached, n readers
//	+VMALockOffset    a writer is keeping new readers out and waits for the rest
//
// The proposals of December 2024 have other states (lock_free_at_zero.go, lock_three_state.go). In the rest a flag says whether it is
// detached, and its readers hold a rwsem, or mmap_lock, or go by a copy (lock_speculative.go).
//
// A VMA is write-locked while its vm_lock_seq equals the mm's mm_lock_seq; so all write locks of an mm end at once, when
// mm_lock_seq moves on. Where VMAs have no lock, all are write-locked while mmap_lock is.
//
// VMA memory is reused at once as another VMA (SLAB_TYPESAFE_BY_RCU), unless a generation lets it wait for a grace period. Hence a reader that found a VMA in the tree must
// take its reference first and look at vm_mm, vm_start and vm_end afterwards.
package vma

import (
	"fmt"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// VMA is a virtual memory area: vm_area_struct. It fills two cache lines: what a lookup reads, and, on a line of their
// own, the reference count and what only holders of a lock touch. fieldLayout says who may read and write each field.
type VMA struct {
	start ksync.Atomic64
	end   ksync.Atomic64
	mm    ksync.Pointer[MMLock]
	flags ksync.Flags64
	pgoff ksync.Flags64
	anon  ksync.Pointer[AnonVMA]
	file  ksync.Plain[*phys.File]
	seq   ksync.Atomic32

	detached ksync.Plain[bool] // where refcnt does not say so: the detached flag
	early    bool              // without rules.AttachRelease: refcnt says attached, and vma_mark_attached is yet to come
	_        [2]byte

	refcnt ksync.Refcount // in generations that count readers
	ksync.Life
	chain ksync.Plain[*AnonVMAChain]
	ops   ksync.Plain[*Ops]
	place phys.Mapping // in the reverse map of the file; under its lock
	lock  *vmaLock     // of the generation RWSem: vm_lock; it never changes while the VMA lives

	policy    ksync.Pointer[Policy]
	anonPgoff ksync.Plain[uint64] // of the anonymous pages of a mapped file, in generations that tell it from pgoff
}

// Ops is vm_operations_struct: hooks of the mapping's owner.
type Ops struct {
	Name string
	// Prepare is asked before a mapping is made, when what was there is gone; it may refuse. The mapping may then join another VMA.
	Prepare func(t *task.Task) error
	// Map is called for each VMA that is made by mmap; it may refuse, and must then leave nothing behind.
	Map func(t *task.Task, v *VMA) error
	// Open is called for each VMA that comes to refer to the mapping by a split or a fork.
	Open func(t *task.Task, v *VMA)
	// MaySplit is asked before a VMA is split at an address; it may refuse.
	MaySplit func(t *task.Task, v *VMA, addr uint64) error
	// Mremap is called when a VMA's pages have moved to v; it may refuse, and they are moved back.
	Mremap func(t *task.Task, v *VMA) error
	// Close is called when a VMA is removed. A VMA with a Close hook is not removed by a merge.
	Close func(t *task.Task, v *VMA)
}

// Range returns the addresses [start, end) that the VMA covers.
func (v *VMA) Range(t *task.Task) (start, end uint64) { return v.start.ReadOnce(t), v.end.ReadOnce(t) }

// Start returns the first address.
func (v *VMA) Start(t *task.Task) uint64 { return v.start.ReadOnce(t) }

// End returns the address after the last.
func (v *VMA) End(t *task.Task) uint64 { return v.end.ReadOnce(t) }

// Contains reports whether addr lies inside.
func (v *VMA) Contains(t *task.Task, addr uint64) bool {
	if t.Observer != nil {
		return Contains[task.Observed](t, v, addr)
	}
	return Contains[task.Unobserved](t, v, addr)
}

// Contains is the method Contains for a task of which it is known whether it has an observer.
func Contains[S task.Seen](t *task.Task, v *VMA, addr uint64) bool {
	return ksync.Within[S](t, addr, &v.start, &v.end)
}

// FetchNext has both lines of the VMA fetched that the task will find next if it goes on as before: they are in no cache where VMAs are many. Nothing is
// read: the VMA may be another one by then, or none.
func FetchNext(t *task.Task) {
	if t.Hint.Next != nil {
		fetchNext(t)
	}
}

func fetchNext(t *task.Task) {
	v := (*VMA)(t.Hint.Next)
	ksync.Fetch(unsafe.Pointer(&v.start))
	ksync.Fetch(unsafe.Pointer(&v.refcnt))
	t.Hint.Next = nil
}

// SetRange changes start, end and page offset: vma_set_range. The offset of the anonymous pages moves with the start. The VMA must be write-locked, and its rmap locks too if it
// is linked; nothing is demanded of a VMA that is not in the tree yet.
func (v *VMA) SetRange(t *task.Task, start, end, pgoff uint64) {
	v.assertModifiable(t)
	if v.HasAnonPgoff() {
		v.anonPgoff.Write(t, v.anonPgoff.Read(t)+start>>linux.PageShift-v.start.Peek()>>linux.PageShift)
	}
	v.start.WriteOnce(t, start)
	v.end.WriteOnce(t, end)
	v.pgoff.Write(t, pgoff)
}

// Flags returns vm_flags.
func (v *VMA) Flags(t *task.Task) linux.VMFlags { return linux.VMFlags(v.flags.Read(t)) }

// FlagsOnce returns vm_flags for a task that has come by a reverse map and holds nothing but its lock. mprotect changes them meanwhile:
// such a task relies on what never changes, or looks again under mmap_lock. The kernel reads them plainly there.
func (v *VMA) FlagsOnce(t *task.Task) linux.VMFlags { return linux.VMFlags(v.flags.ReadOnce(t)) }

// SetFlags changes vm_flags: vm_flags_reset. The VMA must be write-locked or not yet visible.
func (v *VMA) SetFlags(t *task.Task, f linux.VMFlags) {
	v.assertModifiable(t)
	v.flags.Write(t, uint64(f))
}

// SetFlag sets a sticky flag, which faults do not look at, while they may be reading the rest: vma_set_atomic_flag. The caller
// holds mmap_lock for reading, or the VMA lock, which a writer that splits the VMA does not wait for before it copies the flags.
func (v *VMA) SetFlag(t *task.Task, f linux.VMFlags) {
	if invariants.Enabled {
		v.AssertStabilised(t)
	}
	v.flags.SetBits(t, uint64(f))
}

// Pgoff returns the page offset of the start in the file, or for anonymous memory the virtual page number it had when
// it was first faulted.
func (v *VMA) Pgoff(t *task.Task) uint64 { return v.pgoff.Read(t) }

// PgoffAt returns the page offset of addr: linear_page_index.
func (v *VMA) PgoffAt(t *task.Task, addr uint64) uint64 {
	pgoff, start := ksync.ReadBoth(t, &v.pgoff, &v.start)
	return pgoff + (addr-start)>>linux.PageShift
}

// File returns the mapped file, nil for anonymous memory.
func (v *VMA) File(t *task.Task) *phys.File { return v.file.Read(t) }

// SetFile sets the mapped file, before the VMA is visible. The caller gives the VMA its reference.
func (v *VMA) SetFile(t *task.Task, f *phys.File) {
	v.file.Write(t, f)
	if v.HasAnonPgoff() {
		v.anonPgoff.Write(t, v.start.Peek()>>linux.PageShift)
	}
}

// Ops returns the owner's hooks, nil for none.
func (v *VMA) Ops(t *task.Task) *Ops { return v.ops.Read(t) }

// OpsPeek returns them without announcing, for who holds the VMA stable: they are what they were when it became visible.
func (v *VMA) OpsPeek() *Ops { return v.ops.Peek() }

// SetOps sets the owner's hooks, before the VMA is visible.
func (v *VMA) SetOps(t *task.Task, o *Ops) { v.ops.Write(t, o) }

// Mapping returns the VMA's place in the reverse map of its file.
func (v *VMA) Mapping() *phys.Mapping { return &v.place }

// OfMapping returns the VMA whose place m is.
func OfMapping(m *phys.Mapping) *VMA {
	return (*VMA)(unsafe.Add(unsafe.Pointer(m), -int(unsafe.Offsetof(VMA{}.place))))
}

// MM returns the locks of the address space that a stable VMA belongs to: vm_mm.
func (v *VMA) MM(t *task.Task) *MMLock { return v.mm.ReadOnce(t) }

// IsAnonymous reports whether the VMA's pages are of no file: vma_is_anonymous. Its file is nil then, or /dev/zero.
func (v *VMA) IsAnonymous(t *task.Task) bool {
	f := v.file.Read(t)
	return f == nil || f.Zero()
}

// AnonVMA returns the anon_vma that the VMA's new anonymous pages belong to, nil if it never had one.
func (v *VMA) AnonVMA(t *task.Task) *AnonVMA { return v.anon.LoadAcquire(t) }

// Pages returns the number of pages covered: vma_pages.
func (v *VMA) Pages(t *task.Task) uint64 {
	start, end := v.Range(t)
	return (end - start) >> linux.PageShift
}

// Snapshot returns the range and flags without announcing, for reports and checks of a quiescent state.
func (v *VMA) Snapshot() (start, end, pgoff uint64, flags linux.VMFlags) {
	return v.start.Peek(), v.end.Peek(), v.pgoff.Peek(), linux.VMFlags(v.flags.Peek())
}

// FilePeek returns the mapped file without announcing, for reports and checks of a quiescent state.
func (v *VMA) FilePeek() *phys.File { return v.file.Peek() }

// AnonPeek returns the anon_vma likewise.
func (v *VMA) AnonPeek() *AnonVMA { return v.anon.Peek() }

// RefcntPeek returns vm_refcnt likewise; it is 0 in generations that have none.
func (v *VMA) RefcntPeek() int32 { return v.refcnt.Peek() }

// MMPeek returns vm_mm likewise.
func (v *VMA) MMPeek() *MMLock { return v.mm.Peek() }

// Closes reports without announcing whether the VMA has a close hook.
func (v *VMA) Closes() bool {
	ops := v.ops.Peek()
	return ops != nil && ops.Close != nil
}

// Cache allocates VMAs: vm_area_cachep.
type Cache struct {
	slab     *ksync.Slab[VMA, *VMA]
	locks    *ksync.Slab[vmaLock, *vmaLock]
	policies *ksync.Slab[Policy, *Policy] // of the generation RWSem: vma_lock_cachep
}

// Apart makes the cache hand each task fresh memory of its own: see [ksync.Slab.Apart].
func (c *Cache) Apart() {
	c.slab.Apart()
	c.locks.Apart()
	c.policies.Apart()
}

// Tell gives what decides which memory the cache hands out next.
func (c *Cache) Tell(add func(uint64)) {
	c.slab.Tell(add)
	c.locks.Tell(add)
	c.policies.Tell(add)
}

// poison marks the range of a freed VMA. It is not page aligned, so that a stale use is found by value.
const poison = 0x6b6b6b6b6b6b6b6b

// NewCache returns an empty cache that reuses memory as reuse says.
func NewCache(reuse ksync.Reuse, rcu *ksync.Domain) *Cache {
	c := &Cache{locks: newLockCache(), policies: newPolicyCache()}
	c.slab = ksync.NewSlab[VMA, *VMA](ksync.SlabConfig[VMA]{
		Name: "vm_area_struct", Reuse: reuse, RCU: rcu, Layout: &fieldLayout,
		Check: func(t *task.Task, v *VMA) string {
			if !v.generation().Counts() {
				if !v.detached.Read(t) {
					return "it is attached"
				}
			} else if n := v.refcnt.Read(t); n != 0 {
				return fmt.Sprintf("vm_refcnt is %d, expected 0", n)
			}
			if v.place.Linked() {
				return "it is in the reverse map of a file"
			}
			return ""
		},
		Poison: func(t *task.Task, v *VMA) { // the kernel's free pointer overlays these two words
			v.start.WriteOnce(t, poison)
			v.end.WriteOnce(t, poison)
			c.freeLock(t, v)
		},
	})
	return c
}

// Alloc returns a detached VMA of mm with the given range, flags and page offset: vm_area_alloc. It fails with ENOMEM.
func (c *Cache) Alloc(t *task.Task, mm *MMLock, start, end, pgoff uint64, flags linux.VMFlags) (*VMA, error) {
	v, err := c.slab.Alloc(t)
	if err != nil {
		return nil, err
	}
	if n := v.refcnt.Peek(); n != 0 { // in the step of its birth, before which or after which all steps on the count come
		t.Violate("detached-refcnt", "a new VMA has vm_refcnt %d, expected 0", n)
	}
	if mm.Generation == RefcountV6 {
		v.attachEarly(t, mm)
	}
	v.mm.WriteOnce(t, mm)
	switch {
	case mm.Generation.Flagged():
		if err := c.allocFlagged(t, v, mm); err != nil {
			return nil, err
		}
	case mm.Generation == RefcountV6:
		v.initRefcountV6(t, mm)
	}
	v.seq.WriteOnce(t, NeverLocked)
	v.start.WriteOnce(t, start)
	v.end.WriteOnce(t, end)
	v.pgoff.Write(t, pgoff)
	v.flags.Write(t, uint64(flags))
	v.file.Write(t, nil)
	v.ops.Write(t, nil)
	v.anon.WriteOnce(t, nil)
	v.chain.Write(t, nil)
	return v, nil
}

// Dup returns a detached copy of v for mm, without its anon_vma: vm_area_dup. It copies field by field, never the
// reference count: a stale reader may be looking at the copy's memory. The copy holds a reference on the file.
func (c *Cache) Dup(t *task.Task, v *VMA, mm *MMLock) (*VMA, error) {
	start, end := v.Range(t)
	n, err := c.Alloc(t, mm, start, end, v.pgoff.Read(t), v.Flags(t))
	if err != nil {
		return nil, err
	}
	if mm.Generation.Counts() && !mm.Rules.Has(rules.DupByField) { // *new = *orig, then vma_lock_init
		n.refcnt.SetRelease(t, v.refcnt.Read(t))
		n.refcnt.SetRelease(t, mm.Generation.DetachedCount())
		n.initRefcountV6(t, mm)
	}
	if f := v.file.Read(t); f != nil {
		f.Get(t)
		n.file.Write(t, f)
	}
	if n.HasAnonPgoff() {
		n.anonPgoff.Write(t, v.anonPgoff.Read(t))
	}
	n.ops.Write(t, v.ops.Read(t))
	v.dupPolicy(t, n)
	return n, nil
}

// Free gives a detached VMA back: kmem_cache_free. Its memory may be another VMA at once.
func (c *Cache) Free(t *task.Task, v *VMA) {
	if v.generation() == RefcountV6 {
		v.endRefcountV6(t)
	}
	c.dropPolicy(t, v)
	c.slab.Free(t, v)
}

// Rewind makes a cache without VMAs hand its memory out again in the same order.
func (c *Cache) Rewind() {
	c.slab.Rewind()
	c.locks.Rewind()
	c.policies.Rewind()
}

// Stats returns how many VMAs are allocated now, how many allocations there were, and how many of them reused memory.
func (c *Cache) Stats() (inUse int, allocated, reused uint64) {
	return c.slab.InUse(), c.slab.Allocated(), c.slab.Reused()
}

// The two-line shape is part of the design: a shared line costs ten times as much.
var _ = [1]struct{}{}[unsafe.Sizeof(VMA{})-128]
var _ = [1]struct{}{}[unsafe.Offsetof(VMA{}.refcnt)-64]
