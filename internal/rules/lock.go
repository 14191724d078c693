package rules

// Lock is the kind of lock that keeps the VMAs of a generation as they are for those who read them. It decides which rules mean
// anything: those about a count of readers say nothing where there is none.
type Lock uint8

// The locks.
const (
	RefcountLock    Lock = iota // vm_refcnt counts the readers of each VMA
	MmapLock                    // mmap_lock alone
	RWSemLock                   // each VMA has a rwsem
	FreeAtZeroLock              // vm_refcnt counts readers, and the last put frees the VMA
	ThreeStateLock              // the same, with a count for unused, one for detached and one for attached
	SpeculativeLock             // no lock of a VMA: faults copy it, and compare a counter of the mm
	numLocks
)

// lockTable says what each lock is, as it ends the words "kept as they are by".
var lockTable = [numLocks]string{
	RefcountLock:    "the count vm_refcnt of each",
	MmapLock:        "mmap_lock alone",
	RWSemLock:       "a rwsem of each",
	FreeAtZeroLock:  "a count whose last put frees the VMA",
	ThreeStateLock:  "a count whose last put frees the VMA, with three states",
	SpeculativeLock: "mmap_lock alone, while faults go by copies of them",
}

func (l Lock) String() string { return lockTable[l] }

// Locks is a set of locks.
type Locks uint16

const (
	withRefcount Locks = 1 << RefcountLock
	withRWSem    Locks = 1 << RWSemLock
	withLastPut        = 1<<FreeAtZeroLock | 1<<ThreeStateLock
	withCount          = withRefcount | withLastPut
	withLookup         = withRefcount | 1<<RWSemLock // a look-up whose steps are rules
	withVMALock        = withCount | 1<<RWSemLock    // a lock of each VMA, whatever it is
	withCopies   Locks = 1 << SpeculativeLock
)

// gives reports whether a rule means something under the lock.
func (l Lock) gives(r Rule) bool {
	locks := r.Info().Locks
	return locks == 0 || locks&(1<<l) != 0
}

// under returns all rules that mean something under a lock.
func under(l Lock) (b bits) {
	for _, r := range All() {
		b.put(r, l.gives(r))
	}
	return b
}

// generationsFor returns the names of the generations under whose lock a rule means something.
func generationsFor(r Rule) (names []string) {
	for _, g := range generationTable {
		if g.Lock.gives(r) {
			names = append(names, g.Name)
		}
	}
	return names
}
