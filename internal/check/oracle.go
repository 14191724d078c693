package check

import (
	"errors"

	"vmasim/internal/suggest"
)

// Oracle is one thing that must never happen.
type Oracle uint8

// The oracles that a [Checker] decides by watching. oracleTable names them, and those that others report.
const (
	UseAfterFree Oracle = iota
	UseAfterUnlock
	WrongVMA
	ReaderAndWriter
	TwoWriters
	StrayFlag
	ReaderLeft
	SeqParity
	AttachState
	UnlockNotHeld
	LockLeftHeld
	LockRule
	LockOrder
	BlockingUnderVMALock
	DataRace
	StaleNode
	RmapUninitialised
	numWatched
)

// Source says who reports an oracle.
type Source uint8

// The sources. An oracle may have several.
const (
	ByWatcher  Source = 1 << iota // a Checker, from the stream of events
	ByCell                        // the protocol's own code and its cells, as they run
	ByValidate                    // mm.Validate, in a quiescent state or at the end of a write section
	ByDriver                      // whoever runs the tasks: the scheduler, the scenario, the teardown
)

// Info describes an oracle.
type Info struct {
	Name       string // stable: scenarios refer to it
	Means      string // what has happened when it speaks, one line
	Invariants string // of docs/kernel.md, with blanks between; "" for none
	Source     Source
}

// oracleTable is the one place where oracles are declared. The watched ones come first, in the order of the constants.
var oracleTable = [...]Info{
	UseAfterFree:         {"use-after-free", "memory is used after it was freed, other than as RCU and a type-safe slab allow", "I13 I15", ByWatcher | ByCell | ByValidate},
	UseAfterUnlock:       {"use-after-unlock", "a task looks at a VMA after it gave its read lock back, without having found it again", "I14", ByWatcher},
	WrongVMA:             {"wrong-vma", "lock_vma_under_rcu returned a VMA of another mm, a detached one, or one without the address", "I6 I25", ByWatcher},
	ReaderAndWriter:      {"reader-and-writer", "a VMA is write-locked or changed while another task has it read-locked", "I8", ByWatcher},
	TwoWriters:           {"two-writers", "two tasks hold one lock for writing, or change one VMA", "I9", ByWatcher},
	StrayFlag:            {"stray-flag", "vm_refcnt has the writer's flag though no writer keeps readers out", "I7", ByWatcher},
	ReaderLeft:           {"reader-left", "a VMA is detached or freed, or the program has ended, while a task has a reference on it", "I4 I6", ByWatcher},
	SeqParity:            {"seq-parity", "mm_lock_seq is odd without a writer or even with one, or a VMA seems write-locked in an idle mm", "I8 I9", ByWatcher},
	AttachState:          {"attach-state", "a VMA is attached that is not detached, or detached that is not attached, or either without its write lock", "I5", ByWatcher},
	UnlockNotHeld:        {"unlock-not-held", "a task gives back a lock or reference that it does not have", "", ByWatcher | ByCell},
	LockLeftHeld:         {"lock-left-held", "a task has ended with a lock held", "", ByWatcher | ByCell},
	LockRule:             {"lock-rule", "a field is read or written without the locks that its declaration demands", "I12 I13 I19", ByWatcher},
	LockOrder:            {"lock-order", "locks are taken in an order that can deadlock, in one execution or in several together", "", ByWatcher},
	BlockingUnderVMALock: {"blocking-under-vma-lock", "mmap_lock is waited for under a VMA read lock", "I18", ByWatcher},
	DataRace:             {"data-race", "two tasks use a plain word at the same time and one writes: nothing orders them", "", ByWatcher},
	StaleNode:            {"stale-node", "a walk through the tree of VMAs goes on from a node found before rcu_read_lock or mmap_lock was dropped", "I16", ByWatcher},
	RmapUninitialised:    {"rmap-uninitialised", "a VMA is still being made though a reverse lookup can find it", "I20", ByWatcher},

	numWatched: {"refcount-underflow", "more references are dropped than were taken", "I4", ByCell},
	{"refcount-overflow", "a count reached its limit and stays there", "", ByCell},
	{"recursive-lock", "a task takes a lock that it holds", "", ByCell},
	{"sleep-in-rcu", "a task may come to wait inside an RCU read section", "I17", ByCell},
	{"section-leaked", "a task ends inside a read section", "", ByCell},
	{"seqcount-parity", "a write section begins inside another, or ends outside any", "I9", ByCell},
	{"attach-attached", "vma_mark_attached of an attached VMA", "I5", ByCell},
	{"detach-detached", "vma_mark_detached of a detached VMA", "I5", ByCell},
	{"detach-with-readers", "vma_mark_detached left references behind", "I6", ByCell},
	{"store-detached", "the tree entry of a VMA is overwritten that is detached", "I10", ByCell},
	{"detached-refcnt", "a new VMA does not begin with vm_refcnt 0", "I4", ByCell},
	{"not-write-locked", "vma_assert_write_locked fails", "I12", ByCell},
	{"not-locked", "vma_assert_locked fails", "I13", ByCell},
	{"write-lock-without-mmap-lock", "vma_start_write without mmap_lock held for writing", "I19", ByCell},
	{"double-free", "an object or a frame is freed twice", "I4", ByCell},
	{"bad-free", "an object is freed that is still in use", "I4", ByCell},
	{"no-anon-vma", "an anonymous page is made in a VMA without an anon_vma", "I24", ByCell},
	{"bad-page", "a frame is freed that is still mapped", "", ByCell},
	{"write-after-free", "a free frame was written to", "", ByCell},
	{"table-freed-in-use", "a page table is freed that has entries", "I26 I27", ByCell},
	{"tables-left", "page tables are left though the last VMA was unmapped", "I27", ByCell},

	{"tree-range", "the tree holds a VMA at another range than its own", "I1", ByValidate},
	{"overlap", "two VMAs of an mm overlap, or one is empty or unaligned", "I1", ByValidate},
	{"map-count", "map_count is not the number of VMAs", "I2", ByValidate},
	{"total-vm", "total_vm is not the sum over the VMAs", "I31", ByValidate},
	{"detached-in-tree", "the tree holds a detached VMA", "I3", ByValidate},
	{"wrong-mm", "the tree holds a VMA of another mm", "", ByValidate},
	{"flags", "a VMA has rights that it may not have", "", ByValidate},
	{"unfaulted-pgoff", "an anonymous VMA without pages has a page offset that is not its address", "I28", ByValidate},
	{"anon-vma-chain", "a VMA and its anon_vma do not know each other", "I29 I30", ByValidate},
	{"file-rmap", "a VMA is not in the reverse map of its file", "", ByValidate},
	{"guard-marker", "a VMA has a guard marker and no VM_MAYBE_GUARD", "", ByValidate},
	{"unreachable-anon-vma", "a page belongs to an anon_vma that its VMA is not linked to", "I24", ByValidate},
	{"pte-outside-vma", "a page is mapped where no VMA is", "I21", ByValidate},
	{"writable-pte", "a page is writable that must not be", "I23", ByValidate},
	{"pte-protection", "an entry's protection is not that of its VMA", "I23", ByValidate},
	{"zero-page", "the zero page is mapped wrongly", "I23", ByValidate},
	{"page-index", "a page is not at the place in its VMA that it belongs to", "I22", ByValidate},
	{"wrong-file", "a page of a file is mapped that the VMA does not map", "I22", ByValidate},
	{"wrong-page", "a frame is mapped that is no page of memory", "", ByValidate},

	{"leak", "something is left after everything was torn down", "I4", ByDriver},
	{"stuck", "tasks do not end", "", ByDriver},
	{"panic", "the protocol code panicked", "", ByDriver},
	{"deadlock", "no task can go on though some have not ended", "", ByDriver},
	{"lost-wake-up", "a task sleeps though what it waits for holds, and nobody will wake it", "", ByDriver},
	{"livelock", "tasks go on for ever and get nowhere", "", ByDriver},
	{"unexpected-result", "an operation ended otherwise than the scenario says", "", ByDriver},
	{"not-linearizable", "results and contents that no sequential order of the statements explains", "", ByDriver},
}

// Info returns the oracle's description.
func (o Oracle) Info() Info { return oracleTable[o] }

func (o Oracle) String() string { return oracleTable[o].Name }

// Oracles returns every oracle, in the order in which they are declared.
func Oracles() []Info { return append([]Info(nil), oracleTable[:]...) }

// Names returns the names of the oracles that one of the sources reports.
func Names(by Source) (names []string) {
	for _, info := range oracleTable {
		if info.Source&by != 0 {
			names = append(names, info.Name)
		}
	}
	return names
}

// Lookup returns the oracle with a name. The error names what may have been meant.
func Lookup(name string) (Info, error) {
	i, err := find(name)
	if err != nil {
		return Info{}, err
	}
	return oracleTable[i], nil
}

func find(name string) (int, error) {
	for i, info := range oracleTable {
		if info.Name == name {
			return i, nil
		}
	}
	return 0, errors.New(suggest.Unknown("oracle", name, Names(^Source(0)), "an oracle"))
}

// set is a set of watched oracles.
type set uint32

func (s set) has(o Oracle) bool { return s&(1<<o) != 0 }

// anyOf reports whether one of the oracles is in the set.
func (s set) anyOf(oracles ...Oracle) bool {
	for _, o := range oracles {
		if s.has(o) {
			return true
		}
	}
	return false
}
