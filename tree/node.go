package tree

import (
	"fmt"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// The tree with nodes is shaped as the maple tree is: a node has slots, and between two of them a pivot, the last address of the
// slot on its left. The slots of a leaf are VMAs or holes, those of the nodes above it nodes. Readers take no lock. A store makes new nodes for all
// that changes, publishes them by one pointer in the node above, marks the old ones dead, and frees them after a grace period. A
// reader that finds itself in a dead node begins at the root again.
//
// Nodes are small, so that a few VMAs are enough for splits, and stores that span nodes. The maple tree has 16 slots in a leaf and 10 above.

const (
	nodeSlots = 5
	nodeMin   = 2 // slots of a node that is not the root
)

// enode is a node: struct maple_node, found by an encoded pointer that says whether it is a leaf (maple_enode).
type enode struct {
	ksync.Life
	leaf   bool
	parent ksync.Pointer[enode]              // the node itself once it is replaced; nil: it is in the tree
	pivot  [nodeSlots - 1]ksync.Atomic64     // the last address of each slot, as far as there is room
	slot   [nodeSlots]ksync.Pointer[vma.VMA] // of a leaf; nil: a hole
	child  [nodeSlots]ksync.Pointer[enode]   // of a node that is none
	end    ksync.Atomic32                    // which slot is the last
}

// treeOfNodesLayout is the tree's, where it has nodes.
var treeOfNodesLayout = task.Layout{
	Type: "maple_tree", Size: unsafe.Offsetof(Tree{}.root) + unsafe.Sizeof(Tree{}.root),
	Fields: []task.Field{
		{Name: "ma_root", Offset: unsafe.Offsetof(Tree{}.root), Size: unsafe.Sizeof(Tree{}.root), Read: walkRule, Write: storeRule,
			Doc: "the node at the top; none: the tree is empty"},
	},
}

var enodeLayout = task.Layout{
	Type: "maple_enode", Size: unsafe.Sizeof(enode{}),
	Fields: enodeFields(),
}

func enodeFields() []task.Field {
	var e enode
	field := func(name string, offset, size uintptr, doc string) task.Field {
		return task.Field{Name: name, Offset: offset, Size: size, Read: walkRule, Write: storeRule, Doc: doc}
	}
	fields := []task.Field{field("parent", unsafe.Offsetof(e.parent), unsafe.Sizeof(e.parent), "the node itself, if it is dead: replaced by another")}
	for i := range e.pivot {
		fields = append(fields, field(fmt.Sprintf("pivot[%d]", i), unsafe.Offsetof(e.pivot)+uintptr(i)*unsafe.Sizeof(e.pivot[0]), unsafe.Sizeof(e.pivot[0]),
			"the last address of a slot"))
	}
	for i := range e.slot {
		fields = append(fields, field(fmt.Sprintf("slot[%d]", i), unsafe.Offsetof(e.slot)+uintptr(i)*unsafe.Sizeof(e.slot[0]), unsafe.Sizeof(e.slot[0]),
			"a VMA or a hole, in a leaf"))
	}
	for i := range e.child {
		fields = append(fields, field(fmt.Sprintf("child[%d]", i), unsafe.Offsetof(e.child)+uintptr(i)*unsafe.Sizeof(e.child[0]), unsafe.Sizeof(e.child[0]),
			"a node below"))
	}
	return append(fields, field("meta.end", unsafe.Offsetof(e.end), unsafe.Sizeof(e.end), "which slot is the last"))
}

// TreeOfNodesLayout returns the declaration of the shared cells of a tree that has nodes. The caller must not change it.
func TreeOfNodesLayout() *task.Layout { return &treeOfNodesLayout }

// EnodeLayout returns the declaration of the cells of its nodes. The caller must not change it.
func EnodeLayout() *task.Layout { return &enodeLayout }

// Nodes is what the trees of a machine take their nodes from, and how they change them: maple_node_cache.
type Nodes struct {
	slab *ksync.Slab[enode, *enode]
	rcu  *ksync.Domain // nil: there are no readers but the writer

	rcuMode   bool // nodes that readers may see are replaced, never changed: mt_in_rcu
	appends   bool // a store at the end of a leaf is made in place all the same: mas_wr_append
	edge      bool // a store that spans nodes takes what lies behind it from the right place
	published bool // a node is complete before it can be found

	stored map[span]bool // where VMAs were ever stored, for trees whose walks are judged; nil: they are not
}

// span is a VMA and a range.
type span struct {
	vma         *vma.VMA
	first, last uint64
}

// NewNodes returns what the trees of a machine under the rules have in common; nil if they have no nodes. judged says that
// every walk is to be compared with what was stored.
func NewNodes(r *rules.Set, rcu *ksync.Domain, judged bool) *Nodes {
	if !r.Has(rules.MapleNodes) {
		return nil
	}
	ns := &Nodes{
		slab:      ksync.NewSlab[enode, *enode](ksync.SlabConfig[enode]{Name: "maple_node", Layout: &enodeLayout}),
		rcu:       rcu,
		rcuMode:   r.Has(rules.MapleRCU),
		appends:   !r.Has(rules.MapleRCU) || !r.Has(rules.AppendAlone),
		edge:      r.Has(rules.SpanEdge),
		published: r.Has(rules.PublishNode),
	}
	if judged {
		ns.stored = map[span]bool{}
	}
	return ns
}

// Tell gives what decides which memory the next nodes get.
func (ns *Nodes) Tell(add func(uint64)) {
	if ns != nil {
		ns.slab.Tell(add)
	}
}

// InUse returns how many nodes are alive.
func (ns *Nodes) InUse() int {
	if ns == nil {
		return 0
	}
	return ns.slab.InUse()
}

// Rewind makes the nodes of machines without trees come in the same order again.
func (ns *Nodes) Rewind() {
	if ns != nil {
		ns.slab.Rewind()
		clear(ns.stored)
	}
}

// alloc returns a node without content: mas_pop_node, of those that were allocated in advance.
func (ns *Nodes) alloc(t *task.Task, leaf bool) *enode {
	n := ns.slab.AllocNoFail(t)
	n.leaf = leaf
	n.parent.Init(nil)
	for i := range n.pivot {
		n.pivot[i].Init(0)
	}
	for i := range n.slot {
		n.slot[i].Init(nil)
		n.child[i].Init(nil)
	}
	n.end.Init(0)
	return n
}

// retire gives back nodes that were replaced, and cannot be found from the root: mas_free. In RCU mode readers that are in one learn
// that it is dead, and it is freed when none can be any more.
func (ns *Nodes) retire(t *task.Task, gone []*enode) {
	if len(gone) == 0 {
		return
	}
	if !ns.rcuMode || ns.rcu == nil {
		ns.free(t, gone)
		return
	}
	for _, n := range gone {
		n.parent.WriteOnce(t, n) // mte_set_node_dead
	}
	ns.rcu.Quiescent(t) // when callbacks run is to be the same with and without an observer
	ns.rcu.Call(t, func(t *task.Task) { ns.free(t, gone) })
}

func (ns *Nodes) free(t *task.Task, gone []*enode) {
	for _, n := range gone {
		ns.slab.Free(t, n)
	}
}

// note notes that v is stored at a range.
func (ns *Nodes) note(first, last uint64, v *vma.VMA) {
	if v != nil && ns.stored != nil {
		ns.stored[span{v, first, last}] = true
	}
}

// judge says what is wrong with a VMA that a walk has found at a range.
func (ns *Nodes) judge(t *task.Task, c *cursor) {
	if c.vma != nil && ns.stored != nil && !ns.stored[span{c.vma, c.first, c.last}] {
		t.Violate("half-store", "a walk finds a VMA at [%#x, %#x], where it was never stored", c.first, c.last)
	}
}

// InitNodes is Init of a tree with nodes.
func (tr *Tree) InitNodes(t *task.Task, ns *Nodes) {
	tr.index.Init(nil)
	tr.root.Init(nil)
	tr.nodes = ns
	t.Born(unsafe.Pointer(tr), &treeOfNodesLayout)
}

// Nodes adds the places of the tree's nodes to a list: by them a tree can be told from one that lies elsewhere.
func (tr *Tree) Nodes(marks []uintptr) []uintptr {
	if tr.nodes == nil {
		return marks
	}
	for _, n := range allNodes(tr.root.Peek(), nil) {
		marks = append(marks, uintptr(unsafe.Pointer(n)))
	}
	return marks
}

// allNodes appends a node and those below it.
func allNodes(n *enode, list []*enode) []*enode {
	if n == nil {
		return list
	}
	list = append(list, n)
	if !n.leaf {
		for i := range n.end.Peek() + 1 {
			list = allNodes(n.child[i].Peek(), list)
		}
	}
	return list
}
