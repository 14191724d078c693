package rules

// lockRules has the rules of the family lock.
var lockRules = rows{
	ReaderLimit: {
		Name:   "reader-limit",
		Does:   "a reader fails when the count is at VMA_REF_LIMIT",
		Since:  `6.15, "refcount: introduce __refcount_{add|inc}_not_zero_limited_acquire"`,
		Breaks: "readers count up into the writer's flag",
		Shows:  "reader-overflow",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	OneStepWriteLock: {
		Name:   "one-step-write-lock",
		Does:   "vma_start_write adds the writer's flag in the step that finds the VMA attached",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"; two steps in version 6`,
		Effect: "readers that come between the two steps are waited for",
		Shows:  "detach-race",
		Seen:   SeenExecutions,
		Locks:  withRefcount,
	},
	EndWriteOnDowngrade: {
		Name:   "end-write-on-downgrade",
		Does:   "mmap_write_downgrade ends all VMA write locks: vma_end_write_all",
		Since:  `6.4, "mm: add per-VMA lock and helper functions to control it"`,
		Breaks: "mm_lock_seq stays odd without a writer, and the next one makes it even",
		Shows:  "downgrade-ends-locks",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	SeqCounter: {
		Name:   "seq-counter",
		Does:   "mm_lock_seq counts write sections one by one, without an odd state while one is open",
		Since:  `6.4 to 6.13; 6.14 has "mm: convert mm_lock_seq to a proper seqcount"`,
		Effect: "after 2^32 write sections a stale vm_lock_seq equals an idle mm_lock_seq: the VMA seems write-locked until the next one",
		Shows:  "seq-wrap",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	UndoKilledLock: {
		Name:   "undo-killed-lock",
		Does:   "a writer that is killed while it waits for the readers of a VMA takes its flag off vm_refcnt again",
		Since:  `6.19, with "mm: fix vma_start_write_killable() signal handling"`,
		Breaks: "the VMA keeps the flag of a writer that is gone: no fault can lock it, and the next writer waits for ever",
		Shows:  "b29-killed-writer",
		Beside: "+killable-fork-lock",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
}
