package rules

// detachRules has the rules of the family detach.
var detachRules = rows{
	DetachWaits: {
		Name:   "detach-waits",
		Does:   "vma_mark_detached waits for readers that still hold a reference",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"`,
		Breaks: "a reader's put drops the count to zero after the writer freed or re-attached the VMA",
		Shows:  "put-to-zero",
		Seen:   SeenVerdict,
		Order:  "O11",
		Locks:  withCount,
	},
	RetryDetached: {
		Name:   "retry-detached",
		Does:   "a lookup that finds a detached VMA counts a miss and starts again",
		Since:  `6.4, "mm: introduce vma detached flag"; the patch of December 2024 could not tell, and gave up`,
		Effect: "the fault goes on under mmap_lock, and vma_lock_miss stays zero",
		Shows:  "overlap-fault",
		Seen:   SeenReached,
		Locks:  withLookup,
	},
	CheckDetached: {
		Name:   "check-detached",
		Does:   "lock_vma_under_rcu asks under the lock of a VMA whether it is detached",
		Since:  `6.4, "mm: introduce vma detached flag"; since 6.15 a count of 0 says it before the VMA can be locked`,
		Breaks: "a fault locks a VMA that was unmapped after it was found, and maps a page where there is nothing any more",
		Shows:  "detached-flag",
		Seen:   SeenVerdict,
		Locks:  withRWSem,
		Home:   "vma-rwsem",
	},
	Reattach: {
		Name:   "reattach",
		Does:   "a removal that fails attaches again what it has detached",
		Since:  "6.4, with the detached flag",
		Breaks: "VMAs stay in the tree that are detached, and no fault can lock them any more",
		Shows:  "reattach",
		Seen:   SeenVerdict,
	},
	DetachLocks: {
		Name:   "detach-locks",
		Does:   "a VMA is write-locked before it is detached",
		Since:  `6.4, "mm: mark VMA as being written when changing vm_flags" and the patches around it`,
		Breaks: "a fault that has the VMA goes on beside the unmapping, and what it maps goes with the page tables",
		Shows:  "b43-map-fixed-fault",
		Home:   "vma-rwsem",
		Beside: "-retry-detached",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
}
