package rules

// faultRules has the rules of the family fault.
var faultRules = rows{
	RetryUnderTrylock: {
		Name:   "retry-under-trylock",
		Does:   "a fault that needs mmap_lock under a VMA read lock tries it, and starts again if that fails",
		Since:  `6.10, "mm: delay the check for a NULL anon_vma"`,
		Breaks: "the fault waits for a writer that waits for the fault's VMA lock: deadlock",
		Shows:  "lock-order",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	LateAnonCheck: {
		Name:   "late-anon-check",
		Does:   "a fault in anonymous memory without an anon_vma goes on under the VMA lock until it needs one",
		Since:  `6.10, "mm: delay the check for a NULL anon_vma"`,
		Effect: "the look-up gives up, and each first fault of an anonymous VMA goes on under mmap_lock, reads among them",
		Shows:  "lock-order",
		Seen:   SeenReached,
		Locks:  withRWSem,
		Home:   "vma-rwsem",
	},
	FileFaults: {
		Name:   "file-faults",
		Does:   "a fault on a file is handled under the VMA lock",
		Since:  "6.7, from memory; up to 6.5 each look-up of a VMA with a file gave up",
		Effect: "the look-up gives up, and each fault on a file goes on under mmap_lock",
		Shows:  "read-under-lock",
		Seen:   SeenReached,
		Locks:  withRWSem,
		Home:   "vma-rwsem",
	},
	ReadUnlocked: {
		Name:   "read-unlocked",
		Does:   "a fault that has to read a page of a file gives its lock back before, and is tried again",
		Since:  `5.1, "filemap: drop the mmap_sem for all blocking operations"; 6.12.70 for a reader of /proc, "procfs: avoid fetching build ID while holding VMA lock"`,
		Breaks: "a file is waited for under a VMA read lock, while a reader of the file may wait for a writer that waits for that VMA",
		Shows:  "read-under-lock",
		Seen:   SeenVerdict,
	},
	AnonVMAUnderLock: {
		Name:   "anon-vma-under-lock",
		Does:   "a fault looks whether the VMA has an anon_vma when it has the VMA's lock, and makes one under mmap_lock only",
		Since:  `6.5, "mm: lock_vma_under_rcu() must check vma->anon_vma under vma lock"`,
		Breaks: "a fault makes an anon_vma without mmap_lock, and looks at neighbours that another task frees",
		Shows:  "b06-early-anon-vma",
		Seen:   SeenVerdict,
		Also:   []string{"mremap"},
		Locks:  withLookup,
	},
}
