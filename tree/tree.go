// Package tree holds the VMAs of an address space by address: the stand-in for the maple tree.
//
// There are two of them behind one type. The one with nodes (node.go), which rules.MapleNodes asks for, is shaped as the
// maple tree is, for what happens among its nodes; the other, which follows here, is the fast one.
//
// The index is a tidwall/btree Map whose values are holders; a holder covers a range of addresses and points to a
// leaf, an immutable sorted array of at most 32 entries. A store within one holder replaces its leaf by one atomic
// store, as the maple tree replaces one node. Only when a leaf splits or empties, or a store spans holders, is the index
// copied, edited and published by one pointer store; so every store is atomic, like one mas_store. Publishing is 4 to 10
// times cheaper than copying the whole path, and hardly depends on the number of VMAs.
//
// Who may do what:
//
//	Lookup, Find, Prev, Ascend   inside rcu_read_lock, or with mmap_lock held for reading or writing
//	Iterator                     with mmap_lock held for writing, or after a downgrade of one's own
//	Store, Fill, HighestGap      with mmap_lock held for writing; one task at a time, because btree's Copy writes its source
//
// A reader sees the tree as it was at some moment during its call. A reader that loaded the index before it was
// replaced goes on to read the leaves of the old one, and these are no longer updated; it may miss a later store, never see
// half of one. Maple tree readers can see part of a store that spans nodes; the model is stronger there.
package tree

import (
	"fmt"
	"unsafe"

	"github.com/tidwall/btree"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// index finds the holder of an address: the one with the highest lo not above it.
type index = btree.Map[uint64, *holder]

// indexDegree is the B-tree's degree: measured best for lookups; copies are rare.
const indexDegree = 32

// holder covers the addresses [lo, hi). Its leaf changes; its bounds never do.
type holder struct {
	lo, hi uint64
	leaf   ksync.Pointer[leaf]
	gap    *gapNode // the writer's alone; nil: not entered
}

// Tree maps address ranges to VMAs.
type Tree struct {
	index ksync.Pointer[index]
	root  ksync.Pointer[enode] // in place of the index, where the tree has nodes
	nodes *Nodes               // nil: it has none
	flat  ksync.Derived[flat]  // of the index, for walks that are not observed

	// The writer's alone, on other cache lines:
	_       [64]byte
	gaps    gapTree
	spare   leafPool
	holders firsts[holder]
	indexes firsts[index]
	empty   emptyPool
	split   splitScratch
}

// splitScratch is memory that stores over several leaves use again: as garbage it lay among the leaves, in pages that a tree of a million
// VMAs then kept.
type splitScratch struct {
	before, after []Entry
	gone          []*holder
	made          []*holder
}

// New returns an empty tree. Readers that hold no mmap_lock are inside sections of rcu; with a nil rcu there are none.
func New(t *task.Task, rcu *ksync.Domain) *Tree {
	tr := &Tree{}
	tr.Init(t, rcu)
	return tr
}

// Tell gives what decides which memory the next leaves, holders and indexes get.
func (tr *Tree) Tell(add func(uint64)) {
	add(uint64(tr.spare.firsts.used)<<48 | uint64(tr.holders.used)<<32 | uint64(tr.indexes.used)<<16 | uint64(tr.empty.used))
}

// Init is New in the memory of a tree that is not used any more.
func (tr *Tree) Init(t *task.Task, rcu *ksync.Domain) {
	tr.index.Init(nil)
	tr.nodes = nil
	tr.spare.reset(rcu)
	tr.empty.used, tr.holders.used, tr.indexes.used = 0, 0, 0
	t.Born(unsafe.Pointer(tr), &treeLayout)
	tr.Fill(t, nil)
}

// holderOf returns the holder of addr.
func holderOf(m *index, addr uint64) (h *holder) {
	m.Descend(addr, func(_ uint64, v *holder) bool {
		h = v
		return false
	})
	return h
}

// Lookup returns the VMA stored at addr, nil for a hole: mas_walk. The caller checks the VMA's own fields,
// under a lock. It is the one walk that is made without mmap_lock, so the one that can be stale: nothing need have
// ordered it after the latest stores, see [task.StaleWalk]. A leaf that was replaced stays as it is: it is reused after a
// grace period, which ends no sooner than the sections that may still see it, and by observed tasks never.
func (tr *Tree) Lookup(t *task.Task, addr uint64) *vma.VMA {
	m := tr.index.Peek() // none: there are nodes
	if t.Observer != nil || m == nil {
		mark := t.Mark()
		v, _ := tr.Walk(t, addr)
		t.Keep(mark, uint64(uintptr(unsafe.Pointer(v))))
		return v
	}
	if t.Hint.Index != unsafe.Pointer(m) {
		return tr.lookupAnew(t, m, addr)
	}
	h := (*holder)(t.Hint.Holder)
	l, i := h.leaf.Peek(), t.Hint.Entry&(fanout-1)
	if start := l.start[i]; addr-start < l.end[i]-start { // which lies within h; one branch, as two cost more where addresses are random
		return l.vma[i]
	}
	if addr-h.lo >= h.hi-h.lo {
		return tr.lookupAnew(t, m, addr)
	}
	if t.Hint.Many {
		return l.lookupOnwards(t, addr)
	}
	return l.lookupNoting(addr, &t.Hint.Entry)
}

// Place is where in a tree a walk has ended: the node of a ma_state.
type Place struct {
	leaf *leaf
	tree *Tree // with nodes; nil: the leaf
	at   cursor
}

// Walk is Lookup, and says where it ended.
func (tr *Tree) Walk(t *task.Task, addr uint64) (*vma.VMA, Place) {
	if tr.nodes != nil {
		c := tr.descend(t, addr, true)
		return c.vma, Place{tree: tr, at: c}
	}
	l := holderOf(tr.index.LoadEarly(t, task.StaleWalk), addr).leaf.LoadEarly(t, task.StaleWalk)
	l.look(t)
	return l.lookup(addr), Place{leaf: l}
}

// Again looks for addr where an earlier walk has ended. That is right only while the caller has held all the time what keeps the nodes
// of the tree from being freed.
func (p Place) Again(t *task.Task, addr uint64) *vma.VMA {
	if p.tree != nil {
		return p.tree.again(t, p.at, addr)
	}
	p.leaf.look(t)
	return p.leaf.lookup(addr)
}

// Find returns the first VMA that ends above addr, nil for none: find_vma.
func (tr *Tree) Find(t *task.Task, addr uint64) (v *vma.VMA) {
	if tr.nodes != nil {
		return tr.findNode(t, addr)
	}
	m := tr.index.LoadAcquire(t)
	m.Ascend(holderOf(m, addr).lo, func(_ uint64, h *holder) bool {
		l := h.leaf.LoadAcquire(t)
		l.look(t)
		if i := l.ceiling(addr, l.floor(addr)); i < l.n {
			v = l.vma[i]
		}
		return v == nil
	})
	return v
}

// Prev returns the last VMA that starts below addr, nil for none.
func (tr *Tree) Prev(t *task.Task, addr uint64) (v *vma.VMA) {
	switch {
	case addr == 0:
		return nil
	case tr.nodes != nil:
		return tr.below(t, addr)
	}
	tr.index.LoadAcquire(t).Descend(addr-1, func(_ uint64, h *holder) bool {
		l := h.leaf.LoadAcquire(t)
		l.look(t)
		if i := l.floor(addr - 1); i >= 0 {
			v = l.vma[i]
		}
		return v == nil
	})
	return v
}

// Entry is a VMA and the range it is stored at.
type Entry struct {
	Start, End uint64
	VMA        *vma.VMA
}

// Ascend calls f for the entries that end above addr, in order, until f returns false.
func (tr *Tree) Ascend(t *task.Task, addr uint64, f func(Entry) bool) {
	if tr.nodes != nil {
		tr.ascendNodes(t, addr, f)
		return
	}
	m := tr.index.LoadAcquire(t)
	m.Ascend(holderOf(m, addr).lo, func(_ uint64, h *holder) bool {
		l := h.leaf.LoadAcquire(t)
		for i := range l.n {
			if l.end[i] > addr && !f(Entry{l.start[i], l.end[i], l.vma[i]}) {
				return false
			}
		}
		return true
	})
}

// Preallocate makes sure that the next Store cannot fail: mas_preallocate. It returns ENOMEM if that is chosen.
func (tr *Tree) Preallocate(t *task.Task) error {
	if t.Choose(task.AllocFails, 2) == 1 {
		t.Reach(task.AllocFailed)
		return fmt.Errorf("allocate tree nodes: %w", linux.ENOMEM)
	}
	return nil
}

// Store is Iterator.Store from the root.
func (tr *Tree) Store(t *task.Task, start, end uint64, v *vma.VMA) {
	it := tr.Iterator()
	it.Store(t, start, end, v)
}

// store stores v over [start, end), which begins in h, probably near entry near. It returns an entry of h that is near now.
func (tr *Tree) store(t *task.Task, h *holder, start, end uint64, v *vma.VMA, near int) int {
	if v != nil {
		tr.gaps.known.fill(start, end)
	}
	if end <= h.hi {
		old, l := h.leaf.Peek(), tr.spare.get(t)
		next, ok := old.store(l, start, end, v, near)
		if ok && (l.n > 0 || h.lo == 0 && h.hi == maxAddr) {
			l.born(t)
			h.leaf.StoreRelease(t, l)
			tr.gaps.change(h)
			switch {
			case v != nil:
			case next < l.n || h.hi == maxAddr:
				tr.gaps.known.free(start, end, l.startAt(next))
			case end > tr.gaps.known.start: // the next entry is another holder's
				tr.gaps.known = knownHole{}
			}
			tr.spare.retire(t, old)
			return next - 1
		}
	}
	if v == nil {
		tr.gaps.known = knownHole{}
	}
	tr.storeSpanning(t, h, start, end, v)
	return near
}

// storeSpanning rewrites the holders that [start, end) touches, from h on, and publishes a new index.
func (tr *Tree) storeSpanning(t *task.Task, h *holder, start, end uint64, v *vma.VMA) {
	m := tr.index.Peek()
	lo, hi := h.lo, h.hi
	entries := tr.split.before[:0]
	m.Ascend(h.lo, func(_ uint64, h *holder) bool {
		if h.lo >= end {
			return false
		}
		hi = h.hi
		entries = h.leaf.Peek().appendTo(entries)
		return true
	})
	tr.split.before = entries
	entries = storeEntry(tr.split.after[:0], entries, start, end, v)
	if len(entries) == 0 { // no holder stays empty, unless it is the only one: a neighbour takes the range over
		switch {
		case lo > 0:
			left := holderOf(m, lo-1)
			lo = left.lo
			entries = left.leaf.Peek().appendTo(entries)
		case hi < maxAddr:
			right := holderOf(m, hi)
			hi = right.hi
			entries = right.leaf.Peek().appendTo(entries)
		}
	}
	tr.split.after = entries
	tr.replace(t, lo, hi, entries, start)
	if cap(tr.split.before)+cap(tr.split.after) > 16*fanout {
		tr.split = splitScratch{} // of a store over much
	}
}

// replace publishes an index in which new holders with the given entries cover [lo, hi). hot is where the change was.
func (tr *Tree) replace(t *task.Task, lo, hi uint64, entries []Entry, hot uint64) {
	m := tr.indexes.get(t)
	*m = *tr.index.Peek().Copy()
	gone := tr.split.gone[:0]
	m.Ascend(lo, func(k uint64, h *holder) bool {
		if k < hi {
			gone = append(gone, h)
		}
		return k < hi
	})
	tr.gaps.settle()             // what waits there may be gone
	for _, h := range gone[1:] { // the first one's place is taken by a new one
		m.Delete(h.lo)
		tr.gaps.remove(h.lo)
	}
	made := newHolders(tr.split.made[:0], func() (*holder, *leaf) { return tr.holders.get(t), tr.spare.get(t) }, lo, hi, entries, hot)
	made[0].gap = gone[0].gap
	for _, h := range made {
		h.leaf.Peek().born(t)
		t.Born(unsafe.Pointer(h), &nodeLayout)
		m.Set(h.lo, h)
		tr.gaps.change(h)
	}
	tr.publishIndex(t, m)
	for _, h := range gone {
		tr.spare.retireQuietly(t, h.leaf.Peek())
	}
	clear(gone)
	clear(made)
	tr.split.gone, tr.split.made = gone, made
}

// publishIndex makes m the index.
func (tr *Tree) publishIndex(t *task.Task, m *index) {
	tr.index.StoreRelease(t, m)
	if tr.flat.Peek() != nil {
		tr.flat.Set(nil) // that of another
	}
}

// Fill replaces the whole content by entries, which must be sorted and disjoint: the bulk store of fork and exit.
func (tr *Tree) Fill(t *task.Task, entries []Entry) {
	if tr.nodes != nil {
		tr.fillNodes(t, entries)
		return
	}
	tr.gaps.reset()
	if len(entries) == 0 {
		e := tr.empty.get()
		e.leaf.born(t)
		t.Born(unsafe.Pointer(e.holder), &nodeLayout)
		tr.publishIndex(t, e.index)
		return
	}
	m := tr.indexes.get(t)
	*m = *btree.NewMap[uint64, *holder](indexDegree)
	for _, h := range newHolders(nil, func() (*holder, *leaf) { return tr.holders.get(t), tr.spare.firsts.get(t) }, 0, maxAddr, entries, maxAddr) {
		h.leaf.Peek().born(t)
		t.Born(unsafe.Pointer(h), &nodeLayout)
		m.Set(h.lo, h)
		tr.gaps.change(h)
	}
	tr.publishIndex(t, m)
}

// Destroy ends the use of an empty tree: __mt_destroy. It cannot be told from another empty one, but that is not to be relied on.
func (tr *Tree) Destroy(t *task.Task) { t.Died(unsafe.Pointer(tr)) }

// HighestGap returns the start of the highest free range of the given size within [low, high), false if there is none:
// mas_empty_area_rev. It takes logarithmic time, where there are nodes linear.
func (tr *Tree) HighestGap(size, low, high uint64) (start uint64, ok bool) {
	if tr.nodes != nil {
		return tr.highestHole(size, low, high)
	}
	return tr.gaps.highest(size, low, high)
}
