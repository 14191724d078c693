package check

import (
	"vmasim/internal/task"
)

// treeEvent checks a look at a tree of VMAs. A walk begins at the root, and all of it is inside one read section or under one
// hold of mmap_lock: what was found before may have been freed since.
func (c *Checker) treeEvent(ts *taskState, k *cell, op opClass) {
	if op.kind != task.Read {
		return
	}
	o := &c.objects[k.object]
	switch own := o.owner == ts.index; {
	case k.role == treeRootRole:
		ts.walking = ts.walking || !own
		ts.findsAgain()
	case ts.walking || !c.keepsNodes(ts):
	case own:
		c.relies(ts, o, StaleNode)
	case c.on.has(StaleNode):
		c.fail(StaleNode, ts.task, "%s is read by %s, who found it before it came to hold what keeps it: the walk must begin at the root again",
			c.cellName(k), ts.task.Name)
	}
}

// keepsNodes reports whether ts holds what keeps the nodes of a tree from being freed. Without, the lock rule speaks.
func (c *Checker) keepsNodes(ts *taskState) bool {
	if ts.inRCU() {
		return true
	}
	for i := range ts.held {
		if c.cells.cells[ts.held[i].cell].role == mmapLockRole {
			return true
		}
	}
	return false
}

// dropsNodes notes that ts has given back a lock or left a read section: if it holds nothing any more that keeps nodes, a walk
// cannot go on.
func (c *Checker) dropsNodes(ts *taskState) {
	if ts.walking && !c.keepsNodes(ts) {
		ts.walking = false
	}
}
