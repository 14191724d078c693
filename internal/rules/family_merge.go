package rules

// mergeRules has the rules of the family merge.
var mergeRules = rows{
	UndoMerge: {
		Name:   "undo-merge",
		Does:   "a merge that runs out of memory takes back the anon_vma that it has given the VMA that was to grow",
		Since:  `6.6, "mmap: fix error paths with dup_anon_vma()"`,
		Breaks: "the VMA stays linked to the anon_vma of a neighbour that it was not joined with",
		Shows:  "merge-undo",
		Seen:   SeenVerdict,
	},
}
