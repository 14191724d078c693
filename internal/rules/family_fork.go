package rules

// forkRules has the rules of the family fork.
var forkRules = rows{
	ForkLocksParent: {
		Name:   "fork-locks-parent",
		Does:   "fork write-locks each VMA of the parent before it copies it",
		Since:  `6.5, "fork: lock VMAs of the parent process when forking"`,
		Breaks: "a fault copies a page before fork has flushed the TLB, and the parent loses what it stores through the old translation",
		Shows:  "fork-parent",
		Seen:   SeenVerdict,
		Also:   []string{"fork"},
		Locks:  withVMALock,
	},
	LinkWhenMade: {
		Name:   "link-when-made",
		Does:   "fork enters the child's VMA in the reverse map of its file when it is complete",
		Since:  `6.9, "fork: defer linking file vma until vma is fully initialized"`,
		Breaks: "a task that comes by the reverse map finds a VMA that is still being made",
		Shows:  "fork-link",
		Seen:   SeenVerdict,
		Also:   []string{"fork"},
	},
	KillableForkLock: {
		Name:   "killable-fork-lock",
		Does:   "fork gives up with EINTR when a fatal signal comes while it waits for the readers of a VMA",
		Since:  "6.19: vma_start_write_killable",
		Effect: "a task that is killed in fork does not wait for faults that take long",
		Shows:  "b29-killed-writer",
		Seen:   SeenReached,
		Also:   []string{"fork"},
		Locks:  withVMALock,
	},
	ForkLocksChild: {
		Name:   "fork-locks-child",
		Does:   "fork write-locks each VMA of the child before it attaches it",
		Since:  "6.4, by the helper that changes vm_flags; 7.3 says so in dup_mmap, as its helpers do not lock",
		Breaks: "vma_mark_attached finds a VMA without the write lock that it asserts",
		Shows:  "fork-child",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	ForkBarsUprobes: {
		Name:   "fork-bars-uprobes",
		Does:   "a fork that fails keeps uprobes out until it has torn the child down",
		Since:  `6.12.8, "fork: avoid inappropriate uprobe access to invalid mm"`,
		Breaks: "a uprobe that comes by the file takes the marker that the fork has left in the child's tree for a VMA",
		Shows:  "b45-uprobe-marker",
		Seen:   SeenVerdict,
		Also:   []string{"fork", "uprobe"},
	},
}
