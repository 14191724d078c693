package rules

// moveRules has the rules of the family move.
var moveRules = rows{
	MoveLocksSource: {
		Name:   "move-locks-source",
		Does:   "mremap write-locks the VMA that it moves before it copies it",
		Since:  "6.4, with the per-VMA locks",
		Breaks: "a fault maps a page where pages have already been moved away, and what is stored there is lost",
		Shows:  "move-fault",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	MoveFlushes: {
		Name:   "move-flushes",
		Does:   "mremap flushes the translations of what it moves before it unlocks the page tables",
		Since:  "always",
		Breaks: "a store through the old translation arrives after the page was moved",
		Shows:  "move-flush",
		Seen:   SeenVerdict,
	},
	MoveLocksRmap: {
		Name:   "move-locks-rmap",
		Does:   "mremap moves entries under the rmap locks where the copy comes before its source in the reverse map",
		Since:  "always",
		Breaks: "a reverse lookup has passed the copy when the page arrives there, and misses it",
		Shows:  "move-rmap",
		Seen:   SeenVerdict,
	},
	MoveBack: {
		Name:   "move-back",
		Does:   "mremap that runs out of memory moves back what it has moved",
		Since:  "always",
		Breaks: "the pages that were moved go with the copy, and their contents are lost",
		Shows:  "move-back",
		Seen:   SeenVerdict,
	},
	ResetUnfaulted: {
		Name:   "reset-unfaulted",
		Does:   "a VMA without pages gets the page offset of its new address when it is moved",
		Since:  "always",
		Breaks: "it has the page offset of another place, and merges with the wrong neighbours",
		Shows:  "move-offset",
		Seen:   SeenVerdict,
	},
	ResetKept: {
		Name:   "reset-kept",
		Does:   "a VMA that MREMAP_DONTUNMAP leaves behind without pages gets the page offset of its address",
		Since:  `7.2.x and 6.12.112, "mm/mremap: reset unfaulted VMA page offset for MREMAP_DONTUNMAP"; 6.18 has it not`,
		Effect: "what is mapped beside it can be one VMA with it",
		Shows:  "b56-dontunmap-offset",
		Seen:   SeenVerdict,
	},
	SpareSource: {
		Name:   "spare-source",
		Does:   "the copy that MREMAP_DONTUNMAP makes is not joined with its source",
		Since:  `7.2.11 and 6.12.114, a fix of locked_vm for MREMAP_DONTUNMAP; 6.18 has it not`,
		Effect: "the copy stays locked in memory though the source is so no more",
		Shows:  "b57-dontunmap-self-merge",
		Seen:   SeenVerdict,
	},
}
