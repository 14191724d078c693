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
		Locks:  withRefcount,
	},
	RetryDetached: {
		Name:   "retry-detached",
		Does:   "a lookup that finds a detached VMA counts a miss and starts again",
		Since:  `6.4, "mm: introduce vma detached flag"; the patch of December 2024 could not tell, and gave up`,
		Effect: "the fault goes on under mmap_lock, and vma_lock_miss stays zero",
		Shows:  "overlap-fault",
		Seen:   SeenReached,
		Locks:  withVMALock,
	},
	Reattach: {
		Name:   "reattach",
		Does:   "a removal that fails attaches again what it has detached",
		Since:  "6.4, with the detached flag",
		Breaks: "VMAs stay in the tree that are detached, and no fault can lock them any more",
		Shows:  "reattach",
		Seen:   SeenVerdict,
	},
}
