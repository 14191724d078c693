package tree

import (
	"vmasim/internal/task"
	"vmasim/vma"
)

// Iterator remembers where in the tree it was, so that what is near is found without going through the index: the
// kernel's vma_iterator and ma_state. It is for the task that holds mmap_lock for writing, or has downgraded it; a
// replaced index makes it start from the root again.
type Iterator struct {
	tree *Tree
	at   *index
	h    *holder // of at, nil: nowhere yet
	slot int     // where in h's leaf it looked last, a hint
	end  uint64  // of the range that it stands on: Next goes on there
}

// Iterator returns an iterator that is nowhere yet.
func (tr *Tree) Iterator() Iterator { return Iterator{tree: tr} }

// seek goes to the holder of addr.
func (it *Iterator) seek(t *task.Task, addr uint64) *holder {
	if m := it.tree.index.LoadAcquire(t); m != it.at || it.h == nil || addr < it.h.lo || addr >= it.h.hi {
		it.at, it.h = m, holderOf(m, addr)
	}
	return it.h
}

// Find is Tree.Find: vma_find.
func (it *Iterator) Find(t *task.Task, addr uint64) *vma.VMA {
	if it.tree.nodes != nil {
		c := it.tree.descend(t, addr, false)
		return it.tree.firstFrom(t, &c)
	}
	l := it.seek(t, addr).leaf.LoadAcquire(t)
	it.slot = l.floorNear(addr, it.slot)
	if i := l.ceiling(addr, it.slot); i < l.n {
		return l.vma[i]
	}
	if it.h.hi == maxAddr {
		return nil
	}
	return holderOf(it.at, it.h.hi).leaf.LoadAcquire(t).vma[0] // only a tree without entries has an empty leaf
}

// Prev is Tree.Prev: vma_prev.
func (it *Iterator) Prev(t *task.Task, addr uint64) *vma.VMA {
	switch {
	case addr == 0:
		return nil
	case it.tree.nodes != nil:
		return it.tree.below(t, addr)
	}
	l := it.seek(t, addr-1).leaf.LoadAcquire(t)
	if it.slot = l.floorNear(addr-1, it.slot); it.slot >= 0 {
		return l.vma[it.slot]
	}
	if it.h.lo == 0 {
		return nil
	}
	l = holderOf(it.at, it.h.lo-1).leaf.LoadAcquire(t)
	return l.vma[l.n-1]
}

// StandOn sets the range that the iterator stands on, by its end: vma_iter_config.
func (it *Iterator) StandOn(end uint64) { it.end = end }

// Next returns the first VMA behind the range that the iterator stands on, nil for none: vma_next.
func (it *Iterator) Next(t *task.Task) *vma.VMA { return it.Find(t, it.end) }

// Store makes v the entry of [start, end), nil for a hole: mas_store. Entries that it covers are overwritten; one that
// reaches over an edge keeps the part outside.
func (it *Iterator) Store(t *task.Task, start, end uint64, v *vma.VMA) {
	if it.tree.nodes != nil {
		it.tree.storeNodes(t, start, end-1, v)
		return
	}
	it.slot = it.tree.store(t, it.seek(t, start), start, end, v, it.slot)
}
