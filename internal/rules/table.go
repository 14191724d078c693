package rules

import "strings"

// The rules by family. The row of each, in the file of its family, says what it is.
const (
	// lock
	ReaderLimit Rule = iota
	OneStepWriteLock
	EndWriteOnDowngrade
	SeqCounter
	SkipLocked
	WriteWaits
	UndoKilledLock
	LetGoFirst
	RWSemFIFO
	PolicyUnderLock

	// detach
	DetachWaits
	RetryDetached
	CheckDetached
	Reattach
	DetachLocks

	// reuse
	CheckVMMM
	CheckMMInside
	DropRCU
	PinForeignMM
	CallersMM
	AddressAfterRef
	SettleBeforePut
	DupByField
	TypesafeSlab
	BornDetached

	// tree
	WalkAnew
	MapleNodes
	MapleRCU
	AppendAlone
	SpanEdge
	PublishNode
	GrowUnderWrite

	// order
	AttachBeforeStore
	LockNewVMA
	AttachRelease
	RefAcquire
	SeqRelease
	SeqAcquire
	PutRelease
	WaitAcquire
	DropBeforeLook
	AnnounceBeforeLook
	OneStepReadLock
	SeqBeforeFlag
	UnlessZero
	HintFirst

	// fault
	RetryUnderTrylock
	ReadUnlocked
	AnonVMAUnderLock
	LateAnonCheck
	FileFaults
	RecheckEntry
	PrepareOnce
	StackGap

	// speculate
	OddAborts
	CopyUnderRCU
	CheckCopy
	ErrorsFallBack
	WalkInSection
	CheckBeforeTable
	TryPTELock
	CheckUnderLock

	// unmap
	MunmapDowngrade
	HoleFirst

	// merge
	UndoMerge
	LockGrown
	LockShrunk
	LockRemoved
	AdoptAnonVMA
	OneAnonVMA
	MergeIntoUnfaulted
	SpareInherited
	OffsetsContinue
	IgnoreSticky
	KeepSticky
	LockRmap
	ResetIterator
	SpareClosed
	GiveUpOnOOM
	LeftSurvives
	AnonOffsets
	SameFlags
	SameFile
	EarlyMergeable

	// split
	SplitLocksOld
	SplitClonesAnonVMA
	SplitLocksFirst
	UndoSplit

	// move
	MoveLocksSource
	MoveFlushes
	MoveLocksRmap
	RecheckTable
	MoveKeepsProbes
	MoveBack
	ResetUnfaulted
	ResetKept
	SpareSource
	SplitKept
	EarlyMapCount

	// fork
	ForkLocksParent
	KillableForkLock
	ForkLocksChild
	LinkWhenMade
	ForkBarsUprobes

	// walk
	WalkHolesAlone
	WalkLocksVMA
	RecheckAnonVMA
	RetractWaits
	UnuseStable
	KSMTestsExit
	ExpectNoVMA
	WalkUnderRCU
	EndUnderLock
	LookUpMapping
	HoldMM
	BuildIDUnlocked
	IteratorCopies
	MapsVMALocks
	UnlockBeforeNext
	NextAnew
	NextNotBehind
	RecheckGap
	FallBackFromLast

	// account
	UnchargeFailed
	KeepCharge
	UncountKept

	// call
	SealByValue
	ResumeBehind
	PrevFollows
	HookLast
	SealLooksFirst
	SharedZero
	AdviceVMALock
	AdviceOneVMA
	GuardVMALock
	GuardAnonVMA

	numRules
)

var familyTable = [...]Family{
	{Name: "lock", Doc: "taking and ending VMA locks, by readers and by the writer", rows: lockRules,
		Calls: strings.Fields("mmap munmap mprotect touch lock"), May: strings.Fields("signal steal")},
	{Name: "detach", Doc: "taking a VMA out, and what readers see that come upon it", rows: detachRules,
		Calls: strings.Fields("mmap munmap mprotect touch load lock store"), May: strings.Fields("alloc-fails callbacks-early")},
	{Name: "reuse", Doc: "memory of a VMA that has become another: who may still look at it, and at what", rows: reuseRules,
		Calls: strings.Fields("mmap munmap mprotect lock touch in exit load"), May: strings.Fields("callbacks-early")},
	{Name: "tree", Doc: "walks of the VMA tree and stores to it", rows: treeRules,
		Calls: strings.Fields("mmap munmap mprotect lock touch"), May: strings.Fields("callbacks-early")},
	{Name: "order", Doc: "what comes before what while a VMA becomes visible, and the memory ordering of both sides", rows: orderRules,
		Calls: strings.Fields("mmap munmap touch lock mprotect store")},
	{Name: "fault", Doc: "page faults: what they may wait for under which lock", rows: faultRules,
		Calls: strings.Fields("mmap munmap mprotect madvise touch store load")},
	{Name: "speculate", Doc: "page faults that lock no VMA: they copy it, and compare a counter of the address space", rows: speculateRules,
		Calls: strings.Fields("munmap mprotect touch store"), May: strings.Fields("callbacks-early")},
	{Name: "unmap", Doc: "munmap and mmap over a mapping: the tree, the page tables, the downgrade", rows: unmapRules,
		Calls: strings.Fields("mmap munmap touch store load walk")},
	{Name: "merge", Doc: "merging VMAs: who is locked, who survives, whose anon_vma is taken", rows: mergeRules,
		Calls: strings.Fields("mmap munmap mprotect madvise mremap fork touch store load"), May: strings.Fields("alloc-fails")},
	{Name: "split", Doc: "splitting VMAs, and what a split that fails leaves", rows: splitRules,
		Calls: strings.Fields("mmap munmap mprotect madvise mremap touch store load"), May: strings.Fields("alloc-fails")},
	{Name: "move", Doc: "mremap: copying and moving VMAs, page tables and page offsets", rows: moveRules,
		Calls: strings.Fields("mmap munmap mremap madvise touch store load"), May: strings.Fields("alloc-fails")},
	{Name: "fork", Doc: "fork and exit: copying an address space and giving it up", rows: forkRules,
		Calls: strings.Fields("mmap munmap mprotect madvise fork exit touch store load"), May: strings.Fields("alloc-fails signal")},
	{Name: "walk", Doc: "tasks that look at an address space from beside: by page tables, by a list of address spaces, by the reverse map", rows: walkRules,
		Calls: strings.Fields("mmap munmap mprotect madvise mremap fork exit touch store load walk"), May: strings.Fields("alloc-fails callbacks-early")},
	{Name: "account", Doc: "charges, limits and sums", rows: accountRules,
		Calls: strings.Fields("mmap munmap mremap mprotect"), May: strings.Fields("alloc-fails")},
	{Name: "call", Doc: "system calls: what they refuse, and how they go through a range", rows: callRules,
		Calls: strings.Fields("mmap munmap mprotect madvise mremap touch store load"), May: strings.Fields("alloc-fails hook-fails")},
}

// theDefault has the rules of Linux 6.18.
func theDefault() bits { return inAll().and(under(RefcountLock)) }

// inAll has the rules of every generation, as far as they mean something under its lock: all but the proposals, the old forms and what later
// kernels have mended.
func inAll() bits {
	return bitsOf(All()...).without(bitsOf(HoleFirst, SeqCounter, SplitLocksFirst, UndoSplit, WaitAcquire, MapleNodes, RWSemFIFO)).without(bitsOf(since618[:]...))
}

// since618 are the rules that came after Linux 6.18, in 6.19, in the stable versions of 7.2, and in 7.3.
var since618 = [...]Rule{KillableForkLock, ResetKept, SpareSource, SplitKept, UncountKept, AnonOffsets, EarlyMergeable, EarlyMapCount, SharedZero, GuardVMALock, GuardAnonVMA}

// since617 are rules about users of the VMA lock beside faults, that came with Linux 6.17.
var since617 = [...]Rule{MapsVMALocks, UnlockBeforeNext, NextAnew, NextNotBehind, RecheckGap, FallBackFromLast, AdviceVMALock, AdviceOneVMA}

// sinceDelayedCheck says when faults have gone on under mmap_lock since 6.10, "mm: delay the check for a NULL anon_vma".
const sinceDelayedCheck = "if there is no VMA, or it is write-locked, or has moved; if it needs an anon_vma and `mmap_lock` is not free; " +
	"if a page of a file is to be read"

var generationTable = [...]Generation{
	{
		Name: "mmap-lock",
		Doc:  "Linux up to 6.3: every fault takes mmap_lock for reading, and VMAs have no lock of their own",
		Lock: MmapLock,
		Facts: Facts{
			Kernels:  "up to 6.3",
			Readers:  "`mmap_lock` for reading",
			Writers:  "`mmap_lock` for writing",
			Unlock:   "with `mmap_lock`",
			Detached: "not told",
			Memory:   "at once; no VMA is looked at without `mmap_lock`",
			Falls:    "always; nothing is tried, and the counters `vma_lock_*` stay 0",
			Bytes:    "not in our sources",
		},
		set: inAll().and(under(MmapLock)),
	},
	{
		Name: "vma-rwsem",
		Doc: "Linux 6.12, for 6.4 to 6.13: a rwsem and a detached flag for each VMA, a plain counter as mm_lock_seq, and VMAs that are " +
			"freed after a grace period; of the cases in which a fault falls back, those since 6.10",
		Lock: RWSemLock,
		Facts: Facts{
			Kernels:  "6.4 to 6.13; here as in 6.12",
			Readers:  "a read-trylock of the VMA's rwsem, `vm_lock_seq` compared before and after",
			Writers:  "the rwsem for a moment, and `vm_lock_seq` = `mm_lock_seq`",
			Unlock:   "`mm_lock_seq` + 1, a release",
			Detached: "a flag, read under the lock",
			Memory:   "after a grace period (`call_rcu`), and the rwsem with it",
			Falls:    sinceDelayedCheck,
			Bytes:    "160, and 40 for the rwsem, an object of its own",
		},
		set: bitsOf(append(inAll().rules(), SeqCounter)...).and(under(RWSemLock)),
	},
	{
		Name: "vma-rwsem-seqcount",
		Doc:  "Linux 6.14: vma-rwsem with a sequence counter as mm_lock_seq, odd while a writer is inside",
		Lock: RWSemLock,
		Facts: Facts{
			Kernels:  "6.14",
			Readers:  "as `vma-rwsem`",
			Writers:  "as `vma-rwsem`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a flag, read under the lock",
			Memory:   "after a grace period (`call_rcu`), and the rwsem with it",
			Falls:    sinceDelayedCheck,
			Bytes:    "160, and 40 for the rwsem, an object of its own",
		},
		set: inAll().and(under(RWSemLock)),
	},
	{
		Name: "spf-seq",
		Doc: "Michel Lespinasse's speculative page faults, as posted in January 2022 (v2): a fault copies its VMA under RCU, and goes by the copy if a " +
			"counter of the mm, odd while there is a writer, says so under the PTE lock; VMAs have no lock, and are freed after a grace period",
		Lock: SpeculativeLock,
		Facts: Facts{
			Kernels:  "none; posted in April 2021 and January 2022",
			Readers:  "nothing: a copy of the VMA, and `mmap_seq` as it was before, compared under the PTE lock",
			Writers:  "`mmap_lock` for writing, and `mmap_seq` odd",
			Unlock:   "`mmap_seq` from odd to even",
			Detached: "not told",
			Memory:   "after a grace period (`call_rcu`)",
			Falls: "if there is no VMA, or one that is not anonymous, or has a policy; if the access is an error; if there is no page table, or no anon_vma; if the PTE lock is not free; " +
				"if any writer is in the mm, or has been since the fault began",
			Bytes: "not in our sources; none for a lock",
		},
		set: inAll().and(under(SpeculativeLock)).without(bitsOf(TypesafeSlab)),
	},
	{
		Name: "refcount-v6",
		Doc: "the reference count as posted on 16 December 2024 (v6, patch 10), with its detach race; what it lacks of memory " +
			"ordering is not left out here: that are attach-release and ref-acquire",
		Facts: Facts{
			Kernels:  "none",
			Readers:  "a count that is raised unless it is 0 or at its limit, `vm_lock_seq` compared before and after",
			Writers:  "the count + 1, then + 0x40000000, a wait, and `vm_lock_seq` = `mm_lock_seq`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 0, which detaching does not wait for",
			Memory:   "after a grace period (`call_rcu`)",
			Falls:    sinceDelayedCheck + "; if it finds the VMA detached",
			Bytes:    "not in our sources",
		},
		Lacks: []Rule{DetachWaits, SettleBeforePut},
		set: theDefault().without(bitsOf(DetachWaits, CheckVMMM, PinForeignMM, CallersMM, RetryDetached, SettleBeforePut,
			OneStepWriteLock, DupByField, TypesafeSlab, AttachBeforeStore, CheckMMInside, DropRCU, WalkAnew)).without(bitsOf(since617[:]...)),
	},
	{
		Name: "free-at-zero",
		Doc: "what Peter Zijlstra proposed on 17 December 2024: detaching waits for no reader, and whoever drops the count to zero frees " +
			"the VMA; but munmap still uses what it has detached, and may attach it again. All else is as in linux-6.18",
		Lock: FreeAtZeroLock,
		Facts: Facts{
			Kernels:  "none",
			Readers:  "as `linux-6.18`",
			Writers:  "as `linux-6.18`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 0, or of the readers that are left; their last put frees the VMA",
			Memory:   "at once, as another VMA, from the last put on",
			Falls:    sinceDelayedCheck,
			Bytes:    "none was built",
		},
		Lacks: []Rule{DetachWaits},
		set:   theDefault().and(under(FreeAtZeroLock)).without(bitsOf(DetachWaits)),
	},
	{
		Name: "three-state",
		Doc: "what Suren Baghdasaryan answered that day: a count of 0 is unused, 1 detached, 2 attached, and readers raise what is more than one; " +
			"the last put frees the VMA, and detaching waits for no reader. All else is as in linux-6.18",
		Lock: ThreeStateLock,
		Facts: Facts{
			Kernels:  "none",
			Readers:  "a count that is raised if it is more than 1 and below its limit, then as `linux-6.18`",
			Writers:  "as `linux-6.18`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 1, and of one more for each reader that is left",
			Memory:   "at once, as another VMA, from the last put on",
			Falls:    sinceDelayedCheck,
			Bytes:    "none was built",
		},
		Lacks: []Rule{DetachWaits},
		set:   theDefault().and(under(ThreeStateLock)).without(bitsOf(DetachWaits)),
	},
	{
		Name: "refcount",
		Doc: "Linux 6.15 as merged: vm_mm is compared by lock_vma_under_rcu, which gives a foreign VMA back without pinning its mm, and one " +
			"RCU section lasts until the look-up has ended",
		Facts: Facts{
			Kernels:  "6.15.0 to 6.15.9, 6.16.0",
			Readers:  "as `refcount-v6`; `vm_mm` is compared by the caller",
			Writers:  "the count + 0x40000000, a wait, and `vm_lock_seq` = `mm_lock_seq`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 0, which detaching waits for",
			Memory:   "at once, as another VMA (`SLAB_TYPESAFE_BY_RCU`)",
			Falls:    sinceDelayedCheck,
			Bytes:    "192",
		},
		set: theDefault().without(bitsOf(PinForeignMM, CheckMMInside, DropRCU, WalkAnew)).without(bitsOf(since617[:]...)),
	},
	{
		Name: "linux-6.18",
		Doc:  "what Linux 6.18 does: one reference count per VMA, type-safe reuse, foreign mm pinned",
		Facts: Facts{
			Kernels:  "6.18",
			Readers:  "as `refcount-v6`, then `vm_mm` compared",
			Writers:  "the count + 0x40000000, a wait, and `vm_lock_seq` = `mm_lock_seq`",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 0, which detaching waits for",
			Memory:   "at once, as another VMA (`SLAB_TYPESAFE_BY_RCU`)",
			Falls:    sinceDelayedCheck,
			Bytes:    "192",
		},
		Judge: "6.18",
		set:   theDefault(),
	},
	{
		Name: "linux-7",
		Doc: "Linux 7.3: linux-6.18 with a fork that gives up when it is killed while it waits for a VMA, an MREMAP_DONTUNMAP that leaves its source " +
			"with the page offset of its address, apart from the copy, and counted as unlocked, page offsets of their own for the copies in private " +
			"mappings of files, and an early look at map_count in mremap",
		Facts: Facts{
			Kernels:  "6.19 to 7.3; here as in 7.3",
			Readers:  "as `linux-6.18`",
			Writers:  "as `linux-6.18`; in fork a fatal signal ends the wait",
			Unlock:   "a sequence counter from odd to even",
			Detached: "a count of 0, which detaching waits for",
			Memory:   "at once, as another VMA (`SLAB_TYPESAFE_BY_RCU`)",
			Falls:    sinceDelayedCheck,
			Bytes:    "192, with the two offsets",
		},
		Judge: "7.3",
		set:   bitsOf(append(theDefault().rules(), since618[:]...)...),
	},
}

// noNext says why there is no lock_next_vma.
const noNext = "who reads the layout holds mmap_lock from the first VMA to the last"
const inNodes = "only a tree with nodes can do without"

var contradictionTable = [...]contradiction{
	{setting{CheckVMMM, false}, setting{PinForeignMM, true}, "without the comparison no VMA is found to be foreign"},
	{setting{CheckVMMM, false}, setting{CheckMMInside, true}, "there is nothing to compare where"},
	{setting{CheckMMInside, false}, setting{PinForeignMM, true}, "lock_vma_under_rcu gives a foreign VMA back as it would its own"},
	{setting{DropRCU, false}, setting{WalkAnew, true}, "in one RCU section a walk may go on from where it stands, and where it does makes no difference"},
	{setting{AdviceVMALock, false}, setting{AdviceOneVMA, true}, "mmap_lock keeps all VMAs of the range"},
	{setting{GuardVMALock, false}, setting{GuardAnonVMA, true}, "mmap_lock is held, as making an anon_vma demands"},
	{setting{MapsVMALocks, false}, setting{UnlockBeforeNext, true}, noNext},
	{setting{MapsVMALocks, false}, setting{NextAnew, true}, noNext},
	{setting{MapsVMALocks, false}, setting{NextNotBehind, true}, noNext},
	{setting{MapsVMALocks, false}, setting{RecheckGap, true}, noNext},
	{setting{MapsVMALocks, false}, setting{FallBackFromLast, true}, noNext},
	{setting{MapleNodes, false}, setting{MapleRCU, false}, inNodes},
	{setting{MapleNodes, false}, setting{AppendAlone, false}, inNodes},
	{setting{MapleNodes, false}, setting{SpanEdge, false}, inNodes},
	{setting{MapleNodes, false}, setting{PublishNode, false}, inNodes},
	{setting{MapleRCU, false}, setting{AppendAlone, false}, "without RCU mode every store to a leaf is made in place"},
	{setting{MunmapDowngrade, false}, setting{EndWriteOnDowngrade, false}, "nothing downgrades, so nothing can forget to end the write locks"},
}

// LateMask has the rules by which a look-up leaves to the fault what it may find wrong with a VMA.
const LateMask Mask = 1<<LateAnonCheck | 1<<FileFaults

// RefcountMask has the rules by which Linux 6.15 to 6.18 look VMAs up, lock and detach them.
const RefcountMask Mask = 1<<DetachWaits | 1<<CheckVMMM | 1<<PinForeignMM | 1<<CallersMM | 1<<AddressAfterRef | 1<<RetryDetached |
	1<<SettleBeforePut | 1<<ReaderLimit | 1<<OneStepWriteLock | 1<<WalkAnew | 1<<UndoKilledLock | 1<<BornDetached | 1<<SeqAcquire |
	1<<AnonVMAUnderLock | 1<<SeqBeforeFlag | 1<<DropBeforeLook | 1<<AttachRelease | 1<<RefAcquire | 1<<SeqRelease | 1<<PutRelease |
	1<<AnnounceBeforeLook | 1<<OneStepReadLock | 1<<UnlessZero | 1<<HintFirst | 1<<SkipLocked | 1<<WriteWaits |
	1<<CheckMMInside | 1<<DropRCU
