package tree

import (
	"slices"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// part is a slot with the last address of its range.
type part struct {
	last  uint64
	vma   *vma.VMA // in a leaf; nil: a hole
	child *enode   // above
	made  *draft   // in place of child: a node that is still to be made
}

// draft is the content of a node.
type draft struct {
	leaf  bool
	parts []part
}

// parts returns the content of a node up to last, where its range ends. Only the writer asks.
func (n *enode) parts(last uint64) []part {
	end := n.end.Peek()
	parts := make([]part, end+1)
	for i := range parts {
		p := part{last: last, vma: n.slot[i].Peek(), child: n.child[i].Peek()}
		if i < int(end) {
			p.last = n.pivot[i].Peek()
		}
		parts[i] = p
	}
	return parts
}

// step is a node on the way to where a store goes.
type step struct {
	node     *enode
	min, max uint64
	from     *ksync.Pointer[enode] // where it was found
}

// storeNodes is Store in a tree with nodes, over [first, last].
func (tr *Tree) storeNodes(t *task.Task, first, last uint64, v *vma.VMA) {
	root := tr.root.Peek()
	if root == nil {
		tr.plant(t, overwrite([]part{{last: maxAddr}}, 0, first, last, v), nil)
		return
	}
	path := []step{{root, 0, maxAddr, &tr.root}}
	for at := path[0]; !at.node.leaf; path = append(path, at) {
		parts := at.node.parts(at.max)
		i := indexOf(parts, first)
		if parts[i].last < last {
			break
		}
		at = step{parts[i].child, at.min, parts[i].last, &at.node.child[i]}
		if i > 0 {
			at.min = parts[i-1].last + 1
		}
	}
	w := writer{tr.nodes, first, last, v}
	for i := len(path) - 1; i > 0; i-- {
		at := path[i]
		if made, gone := w.edit([]part{{last: at.max, child: at.node}}, at.min); len(made) == 1 && len(made[0].made.parts) >= nodeMin {
			tr.replaceNode(t, at, made[0].made, gone)
			return
		}
	}
	made, gone := w.edit([]part{{last: maxAddr, child: root}}, 0)
	if len(made) == 1 && made[0].made.leaf && root.leaf && !hollow(made[0].made) {
		tr.replaceNode(t, path[0], made[0].made, gone)
		return
	}
	tr.plantMade(t, made, gone)
}

// indexOf returns which part addr is in.
func indexOf(parts []part, addr uint64) int {
	return slices.IndexFunc(parts, func(p part) bool { return addr <= p.last })
}

// hollow reports whether there is nothing but a hole.
func hollow(d *draft) bool { return d.leaf && len(d.parts) == 1 && d.parts[0].vma == nil }

// replaceNode puts new content in the place of the node at: in new nodes, or in the same one if it is a leaf that may be changed.
func (tr *Tree) replaceNode(t *task.Task, at step, d *draft, gone []*enode) {
	ns := tr.nodes
	ns.noteAll(d, at.min)
	if len(gone) == 1 && gone[0] == at.node && d.leaf {
		if old := at.node.parts(at.max); ns.appends && extends(old, d.parts) {
			at.node.append(t, uint32(len(old)-1), d.parts)
			return
		}
		if !ns.rcuMode {
			at.node.write(t, d.parts)
			return
		}
	}
	tr.publish(t, at.from, d, gone)
}

// plant makes a whole new tree of the content of leaves: entries and holes, in order.
func (tr *Tree) plant(t *task.Task, parts []part, gone []*enode) {
	tr.plantMade(t, pack(true, parts), gone)
}

// plantMade makes a new tree of nodes of one height.
func (tr *Tree) plantMade(t *task.Task, made []part, gone []*enode) {
	for len(made) > 1 {
		made = pack(false, made)
	}
	top := made[0]
	for top.made != nil && !top.made.leaf && len(top.made.parts) == 1 {
		top = top.made.parts[0]
	}
	switch {
	case top.made == nil: // a node that is there already
		tr.root.StoreRelease(t, top.child)
		tr.nodes.retire(t, gone)
	case hollow(top.made):
		tr.root.StoreRelease(t, nil)
		tr.nodes.retire(t, gone)
	default:
		tr.nodes.noteAll(top.made, 0)
		tr.publish(t, &tr.root, top.made, gone)
	}
}

// publish makes the nodes of a draft, and lets the pointer lead to them: mas_put_in_tree, mas_topiary_replace.
func (tr *Tree) publish(t *task.Task, from *ksync.Pointer[enode], d *draft, gone []*enode) {
	switch ns := tr.nodes; {
	case ns.published:
		from.StoreRelease(t, ns.make(t, d))
	case t.Reorders():
		n := ns.alloc(t, d.leaf)
		n.write(t, ns.below(t, d))
		from.WriteOnce(t, n)
	default: // the stores of the content are performed late
		n := ns.alloc(t, d.leaf)
		from.WriteOnce(t, n)
		n.write(t, ns.below(t, d))
	}
	tr.nodes.retire(t, gone)
}

// make makes the nodes of a draft, which no other task can find yet.
func (ns *Nodes) make(t *task.Task, d *draft) *enode {
	parts := ns.below(t, d)
	n := ns.alloc(t, d.leaf)
	for i, p := range parts {
		if i < len(n.pivot) {
			n.pivot[i].Init(p.last)
		}
		n.slot[i].Init(p.vma)
		n.child[i].Init(p.child)
	}
	n.end.Init(uint32(len(parts) - 1))
	return n
}

// below makes the nodes below a draft, and returns its content.
func (ns *Nodes) below(t *task.Task, d *draft) []part {
	parts := slices.Clone(d.parts)
	for i := range parts {
		if m := parts[i].made; m != nil {
			parts[i].child, parts[i].made = ns.make(t, m), nil
		}
	}
	return parts
}

// write gives a node that readers may see another content, one word after the other: mas_wr_node_store, where there is no RCU mode.
func (n *enode) write(t *task.Task, parts []part) {
	for i := range min(len(parts), len(n.pivot)) {
		n.pivot[i].WriteOnce(t, parts[i].last)
	}
	for i := range parts {
		if n.leaf {
			n.slot[i].StoreRelease(t, parts[i].vma)
		} else {
			n.child[i].StoreRelease(t, parts[i].child)
		}
	}
	n.end.WriteOnce(t, uint32(len(parts)-1))
}

// append adds slots to a leaf that readers may see, behind its slot end: mas_wr_append.
func (n *enode) append(t *task.Task, end uint32, parts []part) {
	last := uint32(len(parts) - 1)
	if int(last) < len(n.pivot) {
		n.pivot[last].WriteOnce(t, parts[last].last)
	}
	n.end.WriteOnce(t, last)
	for i := last; i > end; i-- {
		n.slot[i].StoreRelease(t, parts[i].vma)
		n.pivot[i-1].WriteOnce(t, parts[i-1].last)
	}
	if n.slot[end].Peek() != parts[end].vma {
		n.slot[end].StoreRelease(t, parts[end].vma)
	}
}

// extends reports whether the new content is the old one, with more in the place of its last slot.
func extends(old, parts []part) bool {
	end := len(old) - 1
	return len(parts) > len(old) && slices.Equal(old[:end], parts[:end])
}

// writer is a store.
type writer struct {
	ns          *Nodes
	first, last uint64
	vma         *vma.VMA
}

// edit returns what is to stand in the place of neighbouring nodes of one height, which cover the store from min on, and the nodes
// that are gone then. More than one node may come of one, and one of several: mas_split, mas_rebalance, mas_wr_spanning_store.
func (w *writer) edit(run []part, min uint64) (made []part, gone []*enode) {
	var parts []part
	for _, p := range run {
		parts, gone = append(parts, p.child.parts(p.last)...), append(gone, p.child)
	}
	leaf := run[0].child.leaf
	if leaf {
		parts = overwrite(parts, min, w.first, w.last, w.vma)
		if !w.ns.edge && len(run) > 1 {
			parts = w.loseEdge(parts, run)
		}
		return pack(true, parts), gone
	}
	from, to := indexOf(parts, w.first), indexOf(parts, w.last)
	if !w.ns.edge && from < to && parts[to].last == w.last && to+1 < len(parts) && parts[to].child.leaf {
		to++ // the node at which the walk to the right ends is the next one
	}
	for {
		start := min
		if from > 0 {
			start = parts[from-1].last + 1
		}
		made, below := w.edit(parts[from:to+1], start)
		switch {
		case len(made[0].made.parts) >= nodeMin || from == 0 && to == len(parts)-1:
			parts = slices.Concat(parts[:from], made, parts[to+1:])
			return pack(false, parts), append(gone, below...)
		case from > 0: // too few slots for a node: a neighbour takes them
			from--
		default:
			to++
		}
	}
}

// loseEdge is what a store does that spans leaves, ends where one ends, and takes the first slot of the next one for its own.
func (w *writer) loseEdge(parts, run []part) []part {
	i := indexOf(parts, w.last) + 1
	if i < len(parts)-1 && slices.ContainsFunc(run[:len(run)-1], func(p part) bool { return p.last == w.last }) {
		return slices.Delete(parts, i, i+1)
	}
	return parts
}

// overwrite returns leaf content from an address on with v stored over [first, last]. Holes next to each other become one: mas_wr_extend_null.
func overwrite(parts []part, from, first, last uint64, v *vma.VMA) (out []part) {
	add := func(last uint64, v *vma.VMA) {
		if n := len(out); n > 0 && v == nil && out[n-1].vma == nil {
			out[n-1].last = last
		} else {
			out = append(out, part{last: last, vma: v})
		}
	}
	for _, p := range parts {
		if from < first {
			add(min(p.last, first-1), p.vma)
		}
		if from <= first && first <= p.last {
			add(last, v)
		}
		if p.last > last {
			add(p.last, p.vma)
		}
		from = p.last + 1
	}
	return out
}

// pack distributes parts over as few nodes as they need, evenly.
func pack(leaf bool, parts []part) (made []part) {
	nodes := (len(parts) + nodeSlots - 1) / nodeSlots
	for ; nodes > 0; nodes-- {
		n := (len(parts) + nodes - 1) / nodes
		made = append(made, part{last: parts[n-1].last, made: &draft{leaf, parts[:n:n]}})
		parts = parts[n:]
	}
	return made
}

// fillNodes is Fill in a tree with nodes.
func (tr *Tree) fillNodes(t *task.Task, entries []Entry) {
	var parts []part
	next := uint64(0)
	for _, e := range entries {
		if e.Start > next {
			parts = append(parts, part{last: e.Start - 1})
		}
		parts = append(parts, part{last: e.End - 1, vma: e.VMA})
		next = e.End
	}
	parts = append(parts, part{last: maxAddr})
	tr.plant(t, parts, allNodes(tr.root.Peek(), nil))
}

// noteAll notes at which ranges the VMAs of a draft, which begins at min, are stored.
func (ns *Nodes) noteAll(d *draft, min uint64) {
	if ns.stored == nil {
		return
	}
	for _, p := range d.parts {
		switch {
		case d.leaf:
			ns.note(min, p.last, p.vma)
		case p.made != nil:
			ns.noteAll(p.made, min)
		}
		min = p.last + 1
	}
}

// highestHole is HighestGap in a tree with nodes. It looks at every slot.
func (tr *Tree) highestHole(size, low, high uint64) (start uint64, ok bool) {
	from := low // of the hole, which ends where the next VMA begins
	hole := func(to uint64) {
		if to = min(to, high); to >= from && to-from >= size {
			start, ok = to-size, true
		}
	}
	at := uint64(0)
	eachPart(tr.root.Peek(), maxAddr, func(p part) {
		if p.vma != nil {
			hole(at)
			from = max(from, p.last+1)
		}
		at = p.last + 1
	})
	hole(high)
	return start, ok
}

// eachPart calls f for the slots of the leaves below a node, in order.
func eachPart(n *enode, last uint64, f func(part)) {
	if n == nil {
		return
	}
	for _, p := range n.parts(last) {
		if n.leaf {
			f(p)
		} else {
			eachPart(p.child, p.last, f)
		}
	}
}
