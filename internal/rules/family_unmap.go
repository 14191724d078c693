package rules

// unmapRules has the rules of the family unmap.
var unmapRules = rows{
	MunmapDowngrade: {
		Name:   "munmap-downgrade",
		Does:   "munmap downgrades mmap_lock before it clears and frees page tables",
		Since:  `4.20, "mm: mmap: zap pages with read mmap_sem in munmap"`,
		Effect: "readers of the mm wait until munmap has ended",
		Shows:  "downgrade-matrix",
		Seen:   SeenReached,
	},
	HoleFirst: {
		Name:   "hole-first",
		Does:   "mmap over an old mapping punches a hole into the tree before it clears the old pages",
		Since:  "suggested by Peter Zijlstra, 19 December 2024; not adopted",
		Effect: "a lookup finds the hole instead of the old VMAs, which are detached and write-locked; both send it to mmap_lock",
		Shows:  "overlap-fault",
		Seen:   SeenReached,
		Locks:  withVMALock,
	},
}
