package tree

// gapTree finds the highest hole of a size. It is a treap over the leaves, by address; each node knows the extent of its
// subtree's entries and the widest hole between them, so a search descends instead of walking. Only the writer uses it.
//
// A changed leaf waits to be entered until the next search: a writer that maps and unmaps at one place pays once.
type gapTree struct {
	root    *gapNode
	changed []*holder
	known   knownHole
}

// maxChanged is how many changed leaves may wait.
const maxChanged = 32

// reset takes everything out.
func (g *gapTree) reset() { g.root, g.changed, g.known = nil, g.changed[:0], knownHole{} }

// change notes that the leaf of h was replaced.
func (g *gapTree) change(h *holder) {
	if n := len(g.changed); n > 0 && g.changed[n-1] == h {
		return
	}
	if g.changed = append(g.changed, h); len(g.changed) >= maxChanged {
		g.settle()
	}
}

// settle enters the leaves that wait.
func (g *gapTree) settle() {
	for _, h := range g.changed {
		g.update(h)
	}
	g.changed = g.changed[:0]
}

type gapNode struct {
	key         uint64 // the holder's lo
	leaf        *leaf  // valid only when all changes are settled: a replaced leaf is reused
	start, end  uint64 // of the leaf's entries
	widest      uint64 // hole between them
	left, right *gapNode

	// Of the subtree:
	first, last uint64 // start of its first entry, end of its last
	max         uint64 // widest hole between its entries
}

// priority orders the treap as a heap. It is a hash, so the shape is balanced and the same in every run.
func (n *gapNode) priority() uint64 {
	x := n.key * 0x9e3779b97f4a7c15
	x ^= x >> 32
	return x * 0xbf58476d1ce4e5b9
}

// update enters the leaf of h.
func (g *gapTree) update(h *holder) {
	l, n := h.leaf.Peek(), h.gap
	switch {
	case l.n == 0 && n == nil:
	case l.n == 0:
		g.remove(h.lo)
		h.gap = nil
	case n == nil:
		n = &gapNode{key: h.lo}
		n.setLeaf(l)
		n.sum()
		g.root = g.root.insert(n)
		h.gap = n
	case n.setLeaf(l):
		g.root.resum(h.lo)
	}
}

// remove takes the holder at key out.
func (g *gapTree) remove(key uint64) { g.root = g.root.remove(key) }

// setLeaf sets the node's leaf, and reports whether what the sums are made of has changed.
func (n *gapNode) setLeaf(l *leaf) bool {
	start, end, widest := l.start[0], l.end[l.n-1], uint64(0)
	for i := 1; i < l.n; i++ {
		widest = max(widest, l.start[i]-l.end[i-1])
	}
	same := n.start == start && n.end == end && n.widest == widest
	n.leaf, n.start, n.end, n.widest = l, start, end, widest
	return !same
}

// resum computes the sums of the node at key and of those above it.
func (n *gapNode) resum(key uint64) {
	switch {
	case key < n.key:
		n.left.resum(key)
	case key > n.key:
		n.right.resum(key)
	}
	n.sum()
}

// sum computes what the node says about its subtree.
func (n *gapNode) sum() {
	n.first, n.last, n.max = n.start, n.end, n.widest
	if l := n.left; l != nil {
		n.max = max(n.max, l.max, n.first-l.last)
		n.first = l.first
	}
	if r := n.right; r != nil {
		n.max = max(n.max, r.max, r.first-n.last)
		n.last = r.last
	}
}

func (n *gapNode) insert(m *gapNode) *gapNode {
	switch {
	case n == nil:
		return m
	case m.priority() > n.priority():
		m.left, m.right = n.split(m.key)
		m.sum()
		return m
	case m.key < n.key:
		n.left = n.left.insert(m)
	default:
		n.right = n.right.insert(m)
	}
	n.sum()
	return n
}

// split parts the subtree into the nodes below key and those above.
func (n *gapNode) split(key uint64) (below, above *gapNode) {
	if n == nil {
		return nil, nil
	}
	if n.key < key {
		n.right, above = n.right.split(key)
		n.sum()
		return n, above
	}
	below, n.left = n.left.split(key)
	n.sum()
	return below, n
}

func (n *gapNode) remove(key uint64) *gapNode {
	switch {
	case n == nil:
		return nil
	case key < n.key:
		n.left = n.left.remove(key)
	case key > n.key:
		n.right = n.right.remove(key)
	default:
		return n.left.join(n.right)
	}
	n.sum()
	return n
}

// join puts two subtrees together, all keys of n below those of m.
func (n *gapNode) join(m *gapNode) *gapNode {
	switch {
	case n == nil:
		return m
	case m == nil:
		return n
	case n.priority() > m.priority():
		n.right = n.right.join(m)
		n.sum()
		return n
	}
	m.left = n.join(m.left)
	m.sum()
	return m
}

// gapSearch goes through the entries from high to low.
type gapSearch struct {
	size, low uint64
	right     uint64 // the end of the hole that is looked at: the start of the entry above it, at most high
	start     uint64 // the answer
	left      uint64 // where the hole begins, or the lower bound
}

func (g *gapTree) highest(size, low, high uint64) (uint64, bool) {
	if start, ok := g.known.at(size, low, high); ok {
		return start, true
	}
	g.settle()
	s := gapSearch{size: size, low: low, right: high}
	if s.node(g.root) || s.hole(low) {
		g.known = knownHole{size: size, high: high, start: s.left, end: s.right}
		return s.start, true
	}
	return 0, false
}

// node looks at the holes above the subtree's entries and between them.
func (s *gapSearch) node(n *gapNode) bool {
	if n == nil || n.first >= s.right {
		return false
	}
	if n.last <= s.right && max(n.max, s.right-n.last) < s.size {
		s.right = n.first
		return false
	}
	return s.node(n.right) || s.leaf(n.leaf, n.widest) || s.node(n.left)
}

func (s *gapSearch) leaf(l *leaf, widest uint64) bool {
	for i := l.n - 1; i >= 0; i-- {
		if l.start[i] >= s.right {
			continue
		}
		if s.hole(l.end[i]) {
			return true
		}
		s.right = min(s.right, l.start[i])
		if widest < s.size { // the holes between the other entries will not do
			s.right = min(s.right, l.start[0])
			return false
		}
	}
	return false
}

// hole looks at the hole that begins at left, or at the lower bound.
func (s *gapSearch) hole(left uint64) bool {
	left = max(left, s.low)
	if left > s.right || s.right-left < s.size {
		return false
	}
	s.start, s.left = s.right-s.size, left
	return true
}
