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
}
