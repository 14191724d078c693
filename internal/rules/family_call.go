package rules

// callRules has the rules of the family call.
var callRules = rows{
	SealByValue: {
		Name:   "seal-by-value",
		Does:   "a sealed mapping refuses those kinds of advice that lose its contents: each is compared as a whole",
		Since:  `6.10.7, "mseal: fix is_madv_discard()"; taken for bits of a mask in 6.10 before`,
		Breaks: "advice that loses nothing is refused for sealed memory that may not be written to",
		Shows:  "b70-seal-advice",
		Seen:   SeenVerdict,
		Also:   []string{"mseal"},
	},
	ResumeBehind: {
		Name:   "resume-behind",
		Does:   "mlock goes on behind the VMA that the last one has become",
		Since:  `6.4.7, "mm/mlock: fix vma iterator conversion of apply_vma_lock_flags()"`,
		Breaks: "where a VMA was joined with the next one mlock takes what it has just joined for a hole",
		Shows:  "b62-mlock-resume",
		Seen:   SeenVerdict,
		Also:   []string{"mlock"},
	},
	PrevFollows: {
		Name:   "prev-follows",
		Does:   "mprotect takes a VMA that it leaves as it is for the one before the next, too",
		Since:  `always; forgotten in set_mempolicy_home_node until 6.5.10, "mm/mempolicy: fix set_mempolicy_home_node() previous VMA pointer"`,
		Breaks: "the next VMA is not joined with it though the two have become alike",
		Shows:  "b62-previous-vma",
		Seen:   SeenVerdict,
	},
	HookLast: {
		Name:   "hook-last",
		Does:   "mmap calls the driver's mmap hook when nothing else can fail any more",
		Since:  `6.12 and 6.1.119, "mm: resolve faulty mmap_region() error path behaviour"`,
		Breaks: "a mapping that fails after the hook is gone without the driver's close hook: it counts a VMA that does not exist",
		Shows:  "b60-late-failure",
		Seen:   SeenVerdict,
	},
	SealLooksFirst: {
		Name:   "seal-looks-first",
		Does:   "mseal looks for holes before it seals anything",
		Since:  "6.10, with mseal",
		Breaks: "a call that fails has sealed what lies before the hole, and nothing unseals it",
		Shows:  "seal-hole",
		Seen:   SeenVerdict,
		Also:   []string{"mseal"},
	},
	SharedZero: {
		Name:   "shared-zero",
		Does:   "/dev/zero, mapped shared by a descriptor that cannot write, is an object of its own, as by one that can",
		Since:  "7.3 has it so; 6.18 maps anonymous memory",
		Effect: "the object is as long as the mapping, and the offset counts: what lies beyond is SIGBUS",
		Shows:  "shared-zero",
		Seen:   SeenVerdict,
	},
}
