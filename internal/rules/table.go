package rules

// The rules. ruleTable says what each one is.
const (
	DetachWaits Rule = iota
	CheckVMMM
	PinForeignMM
	CallersMM
	AddressAfterRef
	RetryDetached
	SettleBeforePut
	ReaderLimit
	OneStepWriteLock
	DupByField
	TypesafeSlab
	AttachBeforeStore
	LockNewVMA
	MunmapDowngrade
	EndWriteOnDowngrade
	ForkLocksParent
	RetryUnderTrylock
	HoleFirst
	SeqCounter
	UndoMerge
	UnchargeFailed
	LinkWhenMade
	ReadUnlocked
	WalkAnew
	numRules
)

var ruleTable = [numRules]Info{
	DetachWaits: {
		Name:   "detach-waits",
		Does:   "vma_mark_detached waits for readers that still hold a reference",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count"`,
		Breaks: "a reader's put drops the count to zero after the writer freed or re-attached the VMA",
		Shows:  "put-to-zero",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	CheckVMMM: {
		Name:   "check-vm-mm",
		Does:   "vma_start_read compares vma->vm_mm with the caller's mm after taking the reference",
		Since:  `6.15, "mm: make vma cache SLAB_TYPESAFE_BY_RCU"`,
		Breaks: "a VMA reused by another mm at the same address is taken for one's own",
		Shows:  "reuse-before-lock",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	PinForeignMM: {
		Name:   "pin-foreign-mm",
		Does:   "a reader that took a foreign VMA pins its mm before it drops the reference",
		Since:  `6.16.1, "mm: fix a UAF when vma->mm is freed after vma->vm_refcnt got dropped"`,
		Breaks: "the reader wakes the writer of an mm that is already freed",
		Shows:  "foreign-put",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	CallersMM: {
		Name:   "callers-mm",
		Does:   "vma_start_read compares vm_lock_seq with the mm_lock_seq of the caller's mm, not with that of vma->vm_mm",
		Since:  `6.15, "mm: prepare lock_vma_under_rcu() for vma reuse possibility"`,
		Breaks: "the mm_lock_seq of an mm that is already freed is read, through the vm_mm of a reused VMA",
		Shows:  "reuse-while-locking",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	AddressAfterRef: {
		Name:   "address-after-ref",
		Does:   "lock_vma_under_rcu looks at vm_start and vm_end after it has the reference",
		Since:  `6.4, "mm: introduce lock_vma_under_rcu to be used from arch-specific code"; vital since 6.15`,
		Breaks: "a VMA reused at another address between the check and the reference is taken for the one looked up",
		Shows:  "reuse-then-attach",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	RetryDetached: {
		Name:   "retry-detached",
		Does:   "a lookup that finds a detached VMA counts a miss and starts again",
		Since:  `6.4, "mm: introduce vma detached flag"; the patch of December 2024 could not tell, and gave up`,
		Effect: "the fault goes on under mmap_lock, and vma_lock_miss stays zero",
		Shows:  "overlap-fault",
		Seen:   SeenReached,
		Locks:  withVMALock,
	},
	SettleBeforePut: {
		Name:   "settle-before-put",
		Does:   "vma_refcount_put tells lockdep and reads vm_mm before it drops the count",
		Since:  `6.15, "mm: replace vm_lock and detached flag with a reference count", from version 9 on`,
		Breaks: "a put that drops to zero leaves lockdep's map held; vm_mm is read from memory that has become another VMA",
		Shows:  "detach-race",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
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
	DupByField: {
		Name:   "dup-by-field",
		Does:   "vm_area_dup copies a VMA field by field, never its vm_refcnt",
		Since:  `6.15, "mm: make vma cache SLAB_TYPESAFE_BY_RCU"`,
		Breaks: "a reader that stands on the copy's memory takes a reference on a count that is then set to zero",
		Shows:  "struct-copy",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	TypesafeSlab: {
		Name:   "typesafe-slab",
		Does:   "the memory of a freed VMA is reused at once (SLAB_TYPESAFE_BY_RCU)",
		Since:  `6.15, "mm: make vma cache SLAB_TYPESAFE_BY_RCU"`,
		Effect: "freed VMAs stay unused until a grace period has ended, so a lookup cannot find one that was reused",
		Shows:  "reuse-before-lock",
		Beside: "-check-vm-mm",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
	AttachBeforeStore: {
		Name:   "attach-before-store",
		Does:   "mmap, split and link attach a new VMA before the tree store makes it visible",
		Since:  `6.15, "mm: mark vma as detached until it's added into vma tree"`,
		Effect: "the VMA can be found before it is attached, but it is write-locked by then, and the lookup gives up before it looks at the count",
		Shows:  "attach-order",
		Seen:   SeenNothing,
		Locks:  withVMALock,
	},
	LockNewVMA: {
		Name:   "lock-new-vma",
		Does:   "mmap write-locks a new VMA before the tree store makes it visible",
		Since:  `6.5, "mm: lock newly mapped VMA which can be modified after it becomes visible"`,
		Breaks: "vma_mark_attached finds the VMA without the write lock that it asserts, and a fault may go ahead of the end of mmap",
		Shows:  "attach-order",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	MunmapDowngrade: {
		Name:   "munmap-downgrade",
		Does:   "munmap downgrades mmap_lock before it clears and frees page tables",
		Since:  `4.20, "mm: mmap: zap pages with read mmap_sem in munmap"`,
		Effect: "readers of the mm wait until munmap has ended",
		Shows:  "downgrade-matrix",
		Seen:   SeenReached,
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
	ForkLocksParent: {
		Name:   "fork-locks-parent",
		Does:   "fork write-locks each VMA of the parent before it copies it",
		Since:  `6.5, "fork: lock VMAs of the parent process when forking"`,
		Breaks: "a fault copies a page before fork has flushed the TLB, and the parent loses what it stores through the old translation",
		Shows:  "fork-parent",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	RetryUnderTrylock: {
		Name:   "retry-under-trylock",
		Does:   "a fault that needs mmap_lock under a VMA read lock tries it, and starts again if that fails",
		Since:  `6.10, "mm: delay the check for a NULL anon_vma"`,
		Breaks: "the fault waits for a writer that waits for the fault's VMA lock: deadlock",
		Shows:  "lock-order",
		Seen:   SeenVerdict,
		Locks:  withVMALock,
	},
	HoleFirst: {
		Name:   "hole-first",
		Does:   "mmap over an old mapping punches a hole into the tree before it clears the old pages",
		Since:  "suggested by Peter Zijlstra, 19 December 2024; not adopted",
		Effect: "a lookup finds the hole instead of the old VMAs, which are detached and write-locked; both send it to mmap_lock",
		Shows:  "overlap-fault",
		Seen:   SeenReached,
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
	UndoMerge: {
		Name:   "undo-merge",
		Does:   "a merge that runs out of memory takes back the anon_vma that it has given the VMA that was to grow",
		Since:  `6.6, "mmap: fix error paths with dup_anon_vma()"`,
		Breaks: "the VMA stays linked to the anon_vma of a neighbour that it was not joined with",
		Shows:  "merge-undo",
		Seen:   SeenVerdict,
	},
	UnchargeFailed: {
		Name:   "uncharge-failed",
		Does:   "an mmap that fails after it was charged gives the pages back",
		Since:  `always; missing from one path until 7.2.8, "mm/vma: correctly unaccount on mmap_prepare() failure"`,
		Breaks: "what is charged grows by memory that was never mapped, until nothing may be mapped any more",
		Shows:  "failed-mmap",
		Seen:   SeenVerdict,
	},
	LinkWhenMade: {
		Name:   "link-when-made",
		Does:   "fork enters the child's VMA in the reverse map of its file when it is complete",
		Since:  `6.9, "fork: defer linking file vma until vma is fully initialized"`,
		Breaks: "a task that comes by the reverse map finds a VMA that is still being made",
		Shows:  "fork-link",
		Seen:   SeenVerdict,
	},
	ReadUnlocked: {
		Name:   "read-unlocked",
		Does:   "a fault that has to read a page of a file gives its lock back before, and is tried again",
		Since:  `5.1, "filemap: drop the mmap_sem for all blocking operations"; 6.12.70 for a reader of /proc, "procfs: avoid fetching build ID while holding VMA lock"`,
		Breaks: "a file is waited for under a VMA read lock, while a reader of the file may wait for a writer that waits for that VMA",
		Shows:  "read-under-lock",
		Seen:   SeenVerdict,
	},
	WalkAnew: {
		Name:   "walk-anew",
		Does:   "lock_vma_under_rcu begins at the root again when it looks a second time",
		Since:  `6.18, "mm/mmap_lock: reset maple state on lock_vma_under_rcu() retry"; forgotten for a while before`,
		Breaks: "the second look goes on from a node that may have been freed since the RCU section of the first one ended",
		Shows:  "kept-node",
		Seen:   SeenVerdict,
		Locks:  withRefcount,
	},
}

// theDefault has the rules of Linux 6.18: all but the proposals and the old forms.
func theDefault() bits { return bitsOf(All()...).without(bitsOf(HoleFirst, SeqCounter)) }

var generationTable = [...]Generation{
	{
		Name: "mmap-lock",
		Doc:  "Linux up to 6.3: every fault takes mmap_lock for reading, and VMAs have no lock of their own",
		Lock: MmapLock,
		set:  theDefault().and(under(MmapLock)),
	},
	{
		Name: "vma-rwsem",
		Doc: "Linux 6.12, for 6.4 to 6.13: a rwsem and a detached flag for each VMA, a plain counter as mm_lock_seq, and VMAs that are " +
			"freed after a grace period; of the cases in which a fault falls back, those since 6.10",
		Lock: RWSemLock,
		set:  bitsOf(append(theDefault().rules(), SeqCounter)...).and(under(RWSemLock)),
	},
	{
		Name: "vma-rwsem-seqcount",
		Doc:  "Linux 6.14: vma-rwsem with a sequence counter as mm_lock_seq, odd while a writer is inside",
		Lock: RWSemLock,
		set:  theDefault().and(under(RWSemLock)),
	},
	{
		Name: "refcount-v6",
		Doc: "the reference count as posted on 16 December 2024 (v6, patch 10), with its detach race; what it lacks of memory " +
			"ordering does not show here, where every step is sequentially consistent",
		set: theDefault().without(bitsOf(DetachWaits, CheckVMMM, PinForeignMM, CallersMM, RetryDetached, SettleBeforePut,
			OneStepWriteLock, DupByField, TypesafeSlab, AttachBeforeStore)),
	},
	{
		Name: "linux-6.18",
		Doc:  "what Linux 6.18 does: one reference count per VMA, type-safe reuse, foreign mm pinned",
		set:  theDefault(),
	},
}

var contradictionTable = [...]contradiction{
	{setting{CheckVMMM, false}, setting{PinForeignMM, true}, "without the comparison no VMA is found to be foreign"},
	{setting{MunmapDowngrade, false}, setting{EndWriteOnDowngrade, false}, "nothing downgrades, so nothing can forget to end the write locks"},
}

// RefcountMask has the rules by which Linux 6.15 to 6.18 look VMAs up, lock and detach them.
const RefcountMask Mask = 1<<DetachWaits | 1<<CheckVMMM | 1<<PinForeignMM | 1<<CallersMM | 1<<AddressAfterRef | 1<<RetryDetached |
	1<<SettleBeforePut | 1<<ReaderLimit | 1<<OneStepWriteLock | 1<<WalkAnew
