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
}
