package rules

// treeRules has the rules of the family tree.
var treeRules = rows{
	WalkAnew: {
		Name:   "walk-anew",
		Does:   "lock_vma_under_rcu begins at the root again when it looks a second time",
		Since:  `6.18, "mm/mmap_lock: reset maple state on lock_vma_under_rcu() retry"; forgotten for a while before`,
		Breaks: "the second look goes on from a node that may have been freed since the RCU section of the first one ended",
		Shows:  "kept-node",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
}
