package rules

// orderRules has the rules of the family order.
var orderRules = rows{
	AttachBeforeStore: {
		Name:   "attach-before-store",
		Does:   "mmap, split and link attach a new VMA before the tree store makes it visible",
		Since:  `6.15, "mm: mark vma as detached until it's added into vma tree"`,
		Effect: "the VMA can be found before it is attached, but it is write-locked by then, and the lookup gives up before it looks at the count",
		Shows:  "attach-order",
		Seen:   SeenNothing,
		Locks:  withVMALock,
	},
	LockNewVMA: {
		Name:   "lock-new-vma",
		Does:   "mmap write-locks a new VMA before the tree store makes it visible",
		Since:  `6.5, "mm: lock newly mapped VMA which can be modified after it becomes visible"`,
		Breaks: "vma_mark_attached finds the VMA without the write lock that it asserts, and a fault may go ahead of the end of mmap",
		Shows:  "attach-order",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	SeqAcquire: {
		Name:   "seq-acquire",
		Does:   "vma_start_read reads mm_lock_seq with acquire, so that a reader that sees a write lock ended sees what was written under it",
		Since:  `6.5, "mm: fix memory ordering for mm_lock_seq and vm_lock_seq"`,
		Breaks: "a fault goes by rights that the VMA had before the last write lock",
		Shows:  "b09-stale-rights",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	SeqBeforeFlag: {
		Name:   "seq-before-flag",
		Does:   "vma_start_write stores vm_lock_seq before it takes the writer's flag off the count",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"`,
		Breaks: "a reader comes between the two, finds neither, and has the VMA locked together with the writer",
		Shows:  "seq-after-flag",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	DropBeforeLook: {
		Name:   "drop-before-look",
		Does:   "vma_refcount_put drops the count before it looks for a writer that waits",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"`,
		Breaks: "the writer begins to wait between the two, and is not woken: a lost wake-up",
		Shows:  "look-before-drop",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
}
