package rules

// accountRules has the rules of the family account.
var accountRules = rows{
	UnchargeFailed: {
		Name:   "uncharge-failed",
		Does:   "an mmap that fails after it was charged gives the pages back",
		Since:  `always; missing from one path until 7.2.8, "mm/vma: correctly unaccount on mmap_prepare() failure"`,
		Breaks: "what is charged grows by memory that was never mapped, until nothing may be mapped any more",
		Shows:  "failed-mmap",
		Seen:   SeenVerdict,
	},
	KeepCharge: {
		Name:   "keep-charge",
		Does:   "mremap takes the charge of the old place over to the new one",
		Since:  "always",
		Breaks: "the charge is given back though the memory is still mapped",
		Shows:  "move-charge",
		Seen:   SeenVerdict,
	},
	UncountKept: {
		Name:   "uncount-kept",
		Does:   "locked_vm is told that MREMAP_DONTUNMAP leaves its source unlocked",
		Since:  `7.2.8 and 6.12.114, "mm/mremap: account locked_vm correctly for MREMAP_DONTUNMAP"; 6.18 has it not`,
		Effect: "what was locked and is so no more does not count against RLIMIT_MEMLOCK",
		Shows:  "b57-dontunmap-locked",
		Seen:   SeenVerdict,
		Also:   []string{"mlock", "setrlimit"},
	},
}
