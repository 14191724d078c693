package rules

// splitRules has the rules of the family split.
var splitRules = rows{
	SplitLocksOld: {
		Name:   "split-locks-old",
		Does:   "a split write-locks the VMA that it shortens",
		Since:  "6.4, with the per-VMA locks",
		Breaks: "a fault goes on in the part that is another VMA now, and maps a page with the old rights",
		Shows:  "split-fault",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	SplitClonesAnonVMA: {
		Name:   "split-clones-anon-vma",
		Does:   "the VMA that is split off is linked to the anon_vmas of the old one",
		Since:  "always",
		Breaks: "its pages belong to an anon_vma that it is not linked to: no reverse lookup finds them",
		Shows:  "split-anon-vma",
		Seen:   SeenVerdict,
	},
	SplitLocksFirst: {
		Name:   "split-locks-first",
		Does:   "a split write-locks the VMA that it shortens before it copies it",
		Since:  "no version in our sources: the kernel locks it when the copy is made",
		Effect: "VM_MAYBE_GUARD, which is set under the VMA's read lock meanwhile, is in both parts",
		Shows:  "guard-split",
		Seen:   SeenVerdict,
		Home:   "linux-7",
		Locks:  withVMALock,
	},
	UndoSplit: {
		Name:   "undo-split",
		Does:   "a call that fails at its second split joins what its first split has cut",
		Since:  "no version: the kernel leaves the first cut",
		Effect: "a call that fails at its second split leaves the layout as it was",
		Shows:  "split-undo",
		Seen:   SeenVerdict,
	},
}
