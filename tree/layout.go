package tree

import (
	"unsafe"

	"vmasim/internal/task"
)

// The root and the nodes are found and read inside rcu_read_lock or under mmap_lock, and written under mmap_lock: what the
// cells of a tree have in place of the maple tree's own locking. A new tree and a new node are their maker's alone.
var (
	walkRule  = task.LockRule{task.RCU, task.MmapRead, task.NotYetVisible}
	storeRule = task.LockRule{task.MmapWrite, task.NotYetVisible}
)

var treeLayout = task.Layout{
	Type: "maple_tree", Size: unsafe.Sizeof(Tree{}.index),
	Fields: []task.Field{
		{Name: "ma_root", Offset: unsafe.Offsetof(Tree{}.index), Size: unsafe.Sizeof(Tree{}.index), Read: walkRule, Write: storeRule,
			Doc: "the index of the nodes, replaced as a whole"},
	},
}

var nodeLayout = task.Layout{
	Type: "maple_node", Short: "node", Size: unsafe.Sizeof(holder{}),
	Fields: []task.Field{
		{Name: "slots", Offset: unsafe.Offsetof(holder{}.leaf), Size: unsafe.Sizeof(holder{}.leaf), Read: walkRule, Write: storeRule,
			Doc: "the VMAs of a range, replaced as a whole"},
	},
}

var leafLayout = task.Layout{
	Type: "maple_range_64", Size: unsafe.Sizeof(leaf{}),
	Fields: []task.Field{
		{Name: "slot", Offset: unsafe.Offsetof(leaf{}.slots), Size: unsafe.Sizeof(leaf{}.slots), Read: walkRule, Write: task.LockRule{task.NotYetVisible},
			Doc: "the VMAs of a range as they were at some moment, with their addresses"},
	},
}

// Layout returns the declaration of a tree's shared cells. The caller must not change it.
func Layout() *task.Layout { return &treeLayout }

// LeafLayout returns the declaration of the cells of what a node points to. The caller must not change it.
func LeafLayout() *task.Layout { return &leafLayout }

// NodeLayout returns the declaration of the cells of a node. The caller must not change it.
func NodeLayout() *task.Layout { return &nodeLayout }
