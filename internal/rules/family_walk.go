package rules

// walkRules has the rules of the family walk.
var walkRules = rows{
	WalkHolesAlone: {
		Name:   "walk-holes-alone",
		Does:   "a walk of page tables over a range without a VMA holds mmap_lock for writing",
		Since:  `6.0, 5.19.8, "mm: pagewalk: Fix race between unmap and page walker"`,
		Breaks: "the walk reads page tables that a munmap, whose VMAs are gone from the tree, frees under the downgraded lock",
		Shows:  "b32-hole-walk",
		Seen:   SeenVerdict,
	},
	RecheckAnonVMA: {
		Name:   "recheck-anon-vma",
		Does:   "who retracts a page table of a file looks under the table's lock again whether the VMA has no anon_vma",
		Since:  `6.1.11, "mm/khugepaged: fix ->anon_vma race"; under the table's lock since 6.6`,
		Breaks: "the table goes with a private page that a fault has mapped meanwhile, and what was stored is lost",
		Shows:  "b34-anon-vma-race",
		Seen:   SeenVerdict,
	},
	ExpectNoVMA: {
		Name:   "expect-no-vma",
		Does:   "who looks at all VMAs of an address space looks first whether there is one",
		Since:  `6.12.5, "mm/mempolicy: fix migrate_to_node() assuming there is at least one VMA in a MM"; "smaps_rollup: fix no vma's null-deref" before`,
		Breaks: "the first VMA of an empty address space is a null pointer",
		Shows:  "b50-empty-mm",
		Seen:   SeenVerdict,
	},
	LookUpMapping: {
		Name:   "look-up-mapping",
		Does:   "a driver looks its VMA up under mmap_lock each time, and keeps no pointer to it",
		Since:  `6.1.31, "binder: fix UAF of alloc->vma in race with munmap()"`,
		Breaks: "the driver reads a VMA that munmap frees meanwhile",
		Shows:  "b65-cached-vma",
		Seen:   SeenVerdict,
	},
	EndUnderLock: {
		Name:   "end-under-lock",
		Does:   "an iterator that locks one VMA after the other reads where the next one begins before it unlocks",
		Since:  "6.12.91, when bpf's task_vma iterator began to take snapshots under the VMA lock",
		Breaks: "the end of a VMA that has become another sends the iterator anywhere: it leaves VMAs out, or meets them again",
		Shows:  "b68-iterator-end",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	WalkUnderRCU: {
		Name:   "walk-under-rcu",
		Does:   "a monitor that goes through the VMAs does so inside an RCU section",
		Since:  `6.1.113, "mm/damon/vaddr: protect vma traversal in __damon_va_thre_regions() with rcu read lock"`,
		Breaks: "the tree's nodes, and the VMAs in them, are read though they are freed",
		Shows:  "b67-walk-without-rcu",
		Seen:   SeenVerdict,
	},
	HoldMM: {
		Name:   "hold-mm",
		Does:   "a task that looks for a VMA of another process holds a reference on its address space",
		Since:  `6.12.110, "bpf: Fix use-after-free on mm_struct in bpf_find_vma()"`,
		Breaks: "the address space is gone by the time its mmap_lock is taken",
		Shows:  "b69-find-vma-mm",
		Seen:   SeenVerdict,
	},
}
