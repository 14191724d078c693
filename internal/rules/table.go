package rules

// The rules by family. The row of each, in the file of its family, says what it is.
const (
	// lock
	ReaderLimit Rule = iota
	OneStepWriteLock
	EndWriteOnDowngrade
	SeqCounter

	// detach
	DetachWaits
	RetryDetached

	// reuse
	CheckVMMM
	PinForeignMM
	CallersMM
	AddressAfterRef
	SettleBeforePut
	DupByField
	TypesafeSlab

	// tree
	WalkAnew

	// order
	AttachBeforeStore
	LockNewVMA

	// fault
	RetryUnderTrylock
	ReadUnlocked

	// unmap
	MunmapDowngrade
	HoleFirst

	// merge
	UndoMerge

	// fork
	ForkLocksParent
	LinkWhenMade

	// account
	UnchargeFailed

	numRules
)

var familyTable = [...]Family{
	{"lock", "taking and ending VMA locks, by readers and by the writer", lockRules},
	{"detach", "taking a VMA out, and what readers see that come upon it", detachRules},
	{"reuse", "memory of a VMA that has become another: who may still look at it, and at what", reuseRules},
	{"tree", "walks of the VMA tree and stores to it", treeRules},
	{"order", "what comes before what while a VMA becomes visible, and the memory ordering of both sides", orderRules},
	{"fault", "page faults: what they may wait for under which lock", faultRules},
	{"unmap", "munmap and mmap over a mapping: the tree, the page tables, the downgrade", unmapRules},
	{"merge", "merging VMAs: who is locked, who survives, whose anon_vma is taken", mergeRules},
	{"split", "splitting VMAs, and what a split that fails leaves", splitRules},
	{"move", "mremap: copying and moving VMAs, page tables and page offsets", moveRules},
	{"fork", "fork and exit: copying an address space and giving it up", forkRules},
	{"account", "charges, limits and sums", accountRules},
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
