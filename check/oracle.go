package check

import (
	"errors"
	"strings"

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
	ByDriver                      // the scheduler, the scenario, the teardown

	// Discipline is no source but a class: the oracle is about how locks and counts are used, not about what comes of it.
	Discipline

	// ByWay is another: what the oracle says of a step depends on how the execution came there, which a state does not tell.
	ByWay
)

var sourceNames = [...]string{"watching each step", "the protocol's own code", "validating the address space", "the end of an execution"}

// String says where an oracle's report comes from.
func (s Source) String() string {
	var words []string
	for i, name := range sourceNames {
		if s&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, ", ")
}

// Info describes an oracle.
type Info struct {
	Name       string // stable: scenarios refer to it
	Means      string // what has happened when it speaks, one line
	Invariants string // of docs/kernel.md, with blanks between; "" for none
	Source     Source // and class
	Since      string // the kernel that has the rule; always: before VMAs had locks; vmasim: no rule of the kernel
	Shows      string // the arguments of vmasim explore with which a litmus test shows it, "" if none does
}

// Litmus returns the litmus test that shows the oracle, "" if none does.
func (i Info) Litmus() string {
	name, _, _ := strings.Cut(i.Shows, " ")
	return name
}

// Discipline reports whether the oracle is one of the lock discipline.
func (i Info) Discipline() bool { return i.Source&Discipline != 0 }

// ByWay reports whether the oracle judges by how an execution came to a step, and not only by the state that it came to.
func (i Info) ByWay() bool { return i.Source&ByWay != 0 }

// oracleTable is the one place where oracles are declared. The watched ones come first, in the order of the constants.
var oracleTable = [...]Info{
	UseAfterFree:         {"use-after-free", "memory is used after it was freed, other than as RCU and a type-safe slab allow", "I13 I15", ByWatcher | ByCell | ByValidate, "always; RCU readers of VMAs since 6.4, reuse at once since 6.15", "foreign-put --rules linux-6.18,-pin-foreign-mm"},
	UseAfterUnlock:       {"use-after-unlock", "a task looks at a VMA after it gave its read lock back, without having found it again", "I14", ByWatcher | Discipline, "6.4", "detach-race --rules linux-6.18,-settle-before-put --until use-after-unlock"},
	WrongVMA:             {"wrong-vma", "lock_vma_under_rcu returned a VMA of another mm, a detached one, or one without the address", "I6 I25", ByWatcher, "6.4; another mm since 6.15", "reuse-then-attach --rules linux-6.18,-address-after-ref"},
	ReaderAndWriter:      {"reader-and-writer", "a VMA is write-locked or changed while another task has it read-locked", "I8", ByWatcher | Discipline | ByWay, "6.4", "struct-copy --rules linux-6.18,-dup-by-field"},
	TwoWriters:           {"two-writers", "two tasks hold one lock for writing, or change one VMA", "I9", ByWatcher | Discipline | ByWay, "always", ""},
	StrayFlag:            {"stray-flag", "vm_refcnt has the writer's flag though no writer keeps readers out", "I7", ByWatcher | Discipline, "6.15", ""},
	ReaderLeft:           {"reader-left", "a VMA is detached or freed, or the program has ended, while a task has a reference on it", "I4 I6", ByWatcher | Discipline, "6.15", "put-to-zero --rules linux-6.18,-detach-waits --until any"},
	SeqParity:            {"seq-parity", "mm_lock_seq is odd without a writer or even with one, or a VMA seems write-locked in an idle mm", "I8 I9", ByWatcher | Discipline, "6.14", "downgrade-ends-locks --rules linux-6.18,-end-write-on-downgrade --until any"},
	AttachState:          {"attach-state", "a VMA is attached that is not detached, or detached that is not attached, or either without its write lock", "I5", ByWatcher | Discipline, "6.15", "attach-order --rules linux-6.18,-lock-new-vma"},
	UnlockNotHeld:        {"unlock-not-held", "a task gives back a lock or reference that it does not have", "", ByWatcher | ByCell | Discipline, "always", ""},
	LockLeftHeld:         {"lock-left-held", "a task has ended with a lock held", "", ByWatcher | ByCell | Discipline, "always", "detach-race --rules refcount-v6"},
	LockRule:             {"lock-rule", "a field is read or written without the locks that its declaration demands", "I12 I13 I19", ByWatcher | Discipline | ByWay, "6.4", "put-to-zero --rules linux-6.18,-detach-waits --until lock-rule"},
	LockOrder:            {"lock-order", "a lock is waited for under another that the declared lock order does not put before it", "", ByWatcher | Discipline | ByWay, "always", "lock-order --rules linux-6.18,-retry-under-trylock --until lock-order"},
	BlockingUnderVMALock: {"blocking-under-vma-lock", "mmap_lock, or a file that is read, is waited for under a VMA read lock", "I18", ByWatcher | Discipline, "6.4", "lock-order --rules linux-6.18,-retry-under-trylock --until any"},
	DataRace:             {"data-race", "two tasks use a plain word at the same time and one writes: nothing orders them", "", ByWatcher | ByWay, "always", ""},
	StaleNode:            {"stale-node", "a walk through the tree of VMAs goes on from a node found before rcu_read_lock or mmap_lock was dropped", "I16", ByWatcher | ByWay, "6.1; forgotten for a while before 6.18", "kept-node --rules linux-6.18,-walk-anew"},
	RmapUninitialised:    {"rmap-uninitialised", "a VMA is still being made though a reverse lookup can find it", "I20", ByWatcher, "6.9", "fork-link --rules linux-6.18,-link-when-made"},

	numWatched: {"refcount-underflow", "more references are dropped than were taken", "I4", ByCell, "4.11", "struct-copy --rules linux-6.18,-dup-by-field"},
	{"refcount-overflow", "a count reached its limit and stays there", "", ByCell, "6.15", "reader-overflow --rules linux-6.18,-reader-limit"},
	{"recursive-lock", "a task takes a lock that it holds", "", ByCell | Discipline, "always", ""},
	{"sleep-in-rcu", "a task may come to wait inside an RCU read section", "I17", ByCell | Discipline, "always", ""},
	{"section-leaked", "a task ends inside a read section", "", ByCell | Discipline, "always", ""},
	{"seqcount-parity", "a write section begins inside another, or ends outside any", "I9", ByCell | Discipline, "6.14", "downgrade-ends-locks --rules linux-6.18,-end-write-on-downgrade"},
	{"attach-attached", "vma_mark_attached of an attached VMA", "I5", ByCell | Discipline, "6.15", "reattach --rules linux-6.18,-detach-waits --until attach-attached"},
	{"detach-detached", "vma_mark_detached of a detached VMA", "I5", ByCell | Discipline, "6.15", ""},
	{"detach-with-readers", "vma_mark_detached left references behind", "I6", ByCell | Discipline, "6.15", ""},
	{"store-detached", "the tree entry of a VMA is overwritten that is detached", "I10", ByCell | Discipline, "6.15", ""},
	{"call-residue", "a call has failed, and has changed more of the address space than it may leave changed", "I29", ByCell, "always; anon_vma links since 6.6", "merge-undo --rules linux-6.18,-undo-merge"},
	{"missed-merge", "a call that joins neighbours has left two VMAs apart that could be one", "I11", ByCell, "always; fork's children since 6.16", ""},
	{"wrong-merge", "a call has joined VMAs that differ, or changed pages that it was not about", "I11", ByCell, "always; fork's children since 6.16", ""},
	{"torn-maps", "what a reader of the layout tells goes back, was never so, or leaves out what was mapped all the time", "", ByCell | ByWay, "always; with VMA locks since 6.17", "maps-gap --rules linux-6.18,-recheck-gap"},
	{"half-store", "a walk through a tree with nodes finds a VMA at a range where it was never stored", "I1", ByCell | ByWay, "6.1", ""},
	{"detached-refcnt", "a new VMA does not begin with vm_refcnt 0", "I4", ByCell, "6.15", "put-to-zero --rules linux-6.18,-detach-waits --until detached-refcnt"},
	{"not-write-locked", "vma_assert_write_locked fails", "I12", ByCell | Discipline, "6.4", ""},
	{"not-locked", "vma_assert_locked fails, or vma_assert_stabilised", "I13", ByCell | Discipline, "6.4; the second 7.x", ""},
	{"write-lock-without-mmap-lock", "vma_start_write without mmap_lock held for writing", "I19", ByCell | Discipline, "6.4", ""},
	{"double-free", "an object or a frame is freed twice", "I4", ByCell, "always", ""},
	{"bad-free", "an object is freed that is still in use", "I4", ByCell, "always; a VMA with references since 6.15", "put-to-zero --rules linux-6.18,-detach-waits --until bad-free"},
	{"no-anon-vma", "an anonymous page is made in a VMA without an anon_vma", "I24", ByCell, "always", ""},
	{"bad-page", "a frame is freed that is still mapped", "", ByCell, "always", ""},
	{"write-after-free", "a free frame was written to", "", ByCell, "always", ""},
	{"table-freed-in-use", "a page table is freed that has entries", "I26 I27", ByCell, "always", ""},
	{"tables-left", "page tables are left though the last VMA was unmapped", "I27", ByCell, "always", ""},

	{"tree-range", "the tree holds a VMA at another range than its own", "I1", ByValidate, "always", ""},
	{"overlap", "two VMAs of an mm overlap, or one is empty or unaligned", "I1", ByValidate, "always", ""},
	{"map-count", "map_count is not the number of VMAs", "I2", ByValidate, "always", ""},
	{"total-vm", "total_vm is not the sum over the VMAs", "I31", ByValidate, "always", ""},
	{"commit-charge", "what is charged for an address space is not what its VMAs account for", "I31", ByValidate, "always", "failed-mmap --rules linux-6.18,-uncharge-failed"},
	{"detached-in-tree", "the tree holds a detached VMA", "I3", ByValidate, "6.4", "put-to-zero --rules linux-6.18,-detach-waits"},
	{"wrong-mm", "the tree holds a VMA of another mm", "", ByValidate, "always", ""},
	{"flags", "a VMA has rights that it may not have", "", ByValidate, "always", ""},
	{"unfaulted-pgoff", "an anonymous VMA without pages has a page offset that is not its address", "I28", ByValidate, "always; asserted since 7.3", ""},
	{"anon-vma-chain", "a VMA and its anon_vma do not know each other", "I29 I30", ByValidate, "always", ""},
	{"file-rmap", "a VMA is not in the reverse map of its file", "", ByValidate, "always", ""},
	{"guard-marker", "a VMA has a guard marker and no VM_MAYBE_GUARD (no anon_vma, with maybe-guard off)", "", ByValidate, "6.18.44, 6.19", ""},
	{"unreachable-anon-vma", "a page belongs to an anon_vma that its VMA is not linked to", "I24", ByValidate, "always", ""},
	{"pte-outside-vma", "a page is mapped where no VMA is", "I21", ByValidate, "always", ""},
	{"writable-pte", "a page is writable that must not be", "I23", ByValidate, "always", ""},
	{"pte-protection", "an entry's protection is not that of its VMA", "I23", ByValidate, "always", ""},
	{"zero-page", "the zero page is mapped wrongly", "I23", ByValidate, "always", ""},
	{"page-index", "a page is not at the place in its VMA that it belongs to", "I22", ByValidate, "always", ""},
	{"wrong-file", "a page of a file is mapped that the VMA does not map", "I22", ByValidate, "always", ""},
	{"wrong-page", "a frame is mapped that is no page of memory", "", ByValidate, "always", ""},

	{"leak", "something is left after everything was torn down", "I4", ByDriver, "vmasim", ""},
	{"stuck", "tasks do not end", "", ByDriver, "vmasim", ""},
	{"panic", "the protocol code panicked", "", ByDriver, "vmasim", ""},
	{"deadlock", "no task can go on though some have not ended", "", ByDriver, "vmasim", "lock-order --rules linux-6.18,-retry-under-trylock"},
	{"lost-wake-up", "a task sleeps though what it waits for holds, and no wake-up is to come", "", ByDriver, "vmasim", ""},
	{"livelock", "tasks go on for ever and get nowhere", "", ByDriver, "vmasim", ""},
	{"unexpected-result", "an operation ended otherwise than the scenario says", "", ByDriver, "vmasim", "fork-parent --rules linux-6.18,-fork-locks-parent"},
	{"not-linearizable", "results and contents that no sequential order of the statements explains", "", ByDriver, "vmasim", "fork-snapshot --rules linux-6.18,-fork-locks-parent"},
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
	return 0, errors.New(suggest.Unknown("oracle", name, Names(^Source(0)), "one that vmasim oracles lists"))
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
