package tree

import (
	"vmasim/internal/task"
	"vmasim/vma"
)

// cursor is where a walk stands: a ma_state. Its range is that of a slot.
type cursor struct {
	node        *enode // a leaf; nil: the tree is empty, or the walk has come to a node without content
	offset      uint32 // of the slot
	min, max    uint64 // of the node
	first, last uint64 // of the slot
	vma         *vma.VMA
}

// descend walks from the root to the slot of addr: mas_walk. early says that only address dependencies order its loads.
func (tr *Tree) descend(t *task.Task, addr uint64, early bool) cursor {
	for {
		c := cursor{max: maxAddr, last: maxAddr}
		if early {
			c.node = tr.root.LoadEarly(t, task.StaleWalk)
		} else {
			c.node = tr.root.LoadAcquire(t)
		}
		if c.node == nil || c.toLeaf(t, addr, early) {
			tr.nodes.judge(t, &c)
			return c
		}
	}
}

// toLeaf walks down from the node that c stands in: mtree_range_walk. It reports false if it has met a dead node.
func (c *cursor) toLeaf(t *task.Task, addr uint64, early bool) bool {
	for {
		n := c.node
		c.seek(t, addr)
		if n.leaf {
			c.load(t, early)
			return !n.isDead(t, early)
		}
		var next *enode
		if early {
			next = n.child[c.offset].LoadEarly(t, task.StaleWalk)
		} else {
			next = n.child[c.offset].LoadAcquire(t)
		}
		if n.isDead(t, early) {
			return false
		}
		if c.node = next; next == nil {
			return true
		}
		c.min, c.max = c.first, c.last
	}
}

// seek finds the slot of addr in the node by its pivots.
func (c *cursor) seek(t *task.Task, addr uint64) {
	end := c.node.end.ReadOnce(t)
	c.offset, c.first, c.last = 0, c.min, c.max
	for ; c.offset < end; c.offset++ {
		pivot := c.node.pivot[c.offset].ReadOnce(t)
		if addr <= pivot {
			c.last = pivot
			return
		}
		c.first = pivot + 1
	}
}

// load reads the slot of a leaf.
func (c *cursor) load(t *task.Task, early bool) {
	if early {
		c.vma = c.node.slot[c.offset].LoadEarly(t, task.StaleWalk)
	} else {
		c.vma = c.node.slot[c.offset].LoadAcquire(t)
	}
}

// isDead reports whether the node was replaced: ma_dead_node. A walk that has come to the node by an early load may be too early for the
// mark, too.
func (n *enode) isDead(t *task.Task, early bool) bool {
	if early {
		return n.parent.LoadEarly(t, task.StaleWalk) == n
	}
	return n.parent.ReadOnce(t) == n
}

// next goes to the next slot, in the next leaf by way of the root; it reports false behind the last one: mas_next_slot.
func (tr *Tree) next(t *task.Task, c *cursor) bool {
	if c.last == maxAddr {
		return false
	}
	addr := c.last + 1
	if n := c.node; n != nil {
		if end := n.end.ReadOnce(t); c.offset < end {
			c.offset++
			c.first, c.last = addr, c.max
			if c.offset < end {
				c.last = n.pivot[c.offset].ReadOnce(t)
			}
			c.load(t, false)
			if !n.isDead(t, false) {
				tr.nodes.judge(t, c)
				return true
			}
		}
	}
	*c = tr.descend(t, addr, false)
	return true
}

// firstFrom returns the VMA where c stands, or the next one behind it: mas_find.
func (tr *Tree) firstFrom(t *task.Task, c *cursor) *vma.VMA {
	for c.vma == nil && tr.next(t, c) {
	}
	return c.vma
}

// findNode is Find in a tree with nodes, inside a read section of its own: mt_find.
func (tr *Tree) findNode(t *task.Task, addr uint64) *vma.VMA {
	if rcu := tr.nodes.rcu; rcu != nil {
		rcu.ReadLock(t)
		defer rcu.ReadUnlock(t)
	}
	c := tr.descend(t, addr, false)
	return tr.firstFrom(t, &c)
}

// below is Prev in a tree with nodes: mas_find_rev.
func (tr *Tree) below(t *task.Task, addr uint64) *vma.VMA {
	for {
		c := tr.descend(t, addr-1, false)
		if c.vma != nil || c.first == 0 {
			return c.vma
		}
		addr = c.first
	}
}

// ascendNodes is Ascend in a tree with nodes: for_each_vma, which takes no read section of its own.
func (tr *Tree) ascendNodes(t *task.Task, addr uint64, f func(Entry) bool) {
	for c := tr.descend(t, addr, false); ; {
		if c.vma != nil && !f(Entry{c.first, c.last + 1, c.vma}) {
			return
		}
		if !tr.next(t, &c) {
			return
		}
	}
}

// again looks for addr in the leaf where c stands.
func (tr *Tree) again(t *task.Task, c cursor, addr uint64) *vma.VMA {
	if c.node == nil || addr < c.min || addr > c.max || !c.toLeaf(t, addr, false) {
		c = tr.descend(t, addr, false)
	}
	return c.vma
}
