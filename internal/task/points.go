package task

// Point is a place in the kernel's code that a search may come to or never see: a way in which VMAs are joined, a way back, a wait.
type Point uint8

// The points. pointTable names them.
const (
	MergeTried Point = iota
	MergeNewLeft
	MergeNewRight
	MergeNewBoth
	MergeMovedLeft
	MergeMovedRight
	MergeMovedBoth
	MergeWholeLeft
	MergeWholeRight
	MergeWholeBoth
	MergePartLeft
	MergePartRight
	SplitBelow
	SplitAbove
	Unmapped
	Downgrade
	AllocFailed
	RollbackReattach
	RollbackMerge
	RollbackHole
	RollbackMove
	VMAWriteLocked
	WaitReaders
	WaitRead
	WaitWrite
	WaitMutex
	RetryRead
	NextRetried
	NextUnderMmapLock
	AdviceUnderVMALock
	AdviceUnderMmapLock
	numPoints
)

// PointInfo describes a point.
type PointInfo struct {
	Name  string
	Doc   string
	Group Group
}

// Group is of points that are cases of one thing.
type Group uint8

// The groups. groupTable names them.
const (
	NoGroup Group = iota // what makes the points of a group possible
	MergeGroup
	SplitGroup
	DowngradeGroup
	RollbackGroup
	ReaderGroup
	LockGroup
	RetryGroup
	UserGroup
	numGroups
)

// pointTable is the one place where points are declared. A group stands in "never reached" if none of its points was come to, though the
// point that makes them possible was.
var pointTable = [numPoints]PointInfo{
	MergeTried:       {Name: "merge-tried", Doc: "a range that touches a VMA was compared with it"},
	MergeNewLeft:     {"merge-new-left", "a new range joined the VMA before it", MergeGroup},
	MergeNewRight:    {"merge-new-right", "a new range joined the VMA behind it", MergeGroup},
	MergeNewBoth:     {"merge-new-both", "a new range joined both, and the one behind it is gone", MergeGroup},
	MergeMovedLeft:   {"merge-moved-left", "mremap: the destination joined the VMA before it", MergeGroup},
	MergeMovedRight:  {"merge-moved-right", "mremap: the destination joined the VMA behind it", MergeGroup},
	MergeMovedBoth:   {"merge-moved-both", "mremap: the destination joined both", MergeGroup},
	MergeWholeLeft:   {"merge-whole-left", "a VMA that changed as a whole became part of the one before it", MergeGroup},
	MergeWholeRight:  {"merge-whole-right", "a VMA that changed as a whole became part of the one behind it", MergeGroup},
	MergeWholeBoth:   {"merge-whole-both", "a VMA that changed as a whole and the one behind it became part of the one before it", MergeGroup},
	MergePartLeft:    {"merge-part-left", "the head of a VMA went to the one before it", MergeGroup},
	MergePartRight:   {"merge-part-right", "the tail of a VMA went to the one behind it", MergeGroup},
	SplitBelow:       {"split-below", "a VMA was cut, and the new one is the lower part", SplitGroup},
	SplitAbove:       {"split-above", "a VMA was cut, and the new one is the upper part", SplitGroup},
	Unmapped:         {Name: "unmapped", Doc: "a call of its own unmapped VMAs"},
	Downgrade:        {"downgrade", "mmap_lock was downgraded before pages and tables went", DowngradeGroup},
	AllocFailed:      {Name: "alloc-failed", Doc: "an allocation failed"},
	RollbackReattach: {"rollback-reattach", "VMAs that were detached to be unmapped were attached again", RollbackGroup},
	RollbackMerge:    {"rollback-merge", "a merge gave an anon_vma back that it had taken over", RollbackGroup},
	RollbackHole:     {"rollback-hole", "a mmap that failed left a hole where the old mapping was", RollbackGroup},
	RollbackMove:     {"rollback-move", "mremap moved pages back and unmapped the destination", RollbackGroup},
	VMAWriteLocked:   {Name: "vma-write-locked", Doc: "a VMA was write-locked"},
	WaitReaders:      {"wait-readers", "a writer waited for the readers of a VMA", ReaderGroup},
	WaitRead:         {"wait-read", "a reader waited for a rwsem, such as mmap_lock", LockGroup},
	WaitWrite:        {"wait-write", "a writer waited for a rwsem, such as mmap_lock", LockGroup},
	WaitMutex:        {"wait-mutex", "a mutex was waited for, such as the one of a page cache", LockGroup},
	RetryRead:        {"retry-read", "a fault gave its lock back to read a page of a file, and was tried again", RetryGroup},

	NextRetried:         {"next-vma-retry", "lock_next_vma found a detached VMA and searched again", UserGroup},
	NextUnderMmapLock:   {"next-vma-fallback", "lock_next_vma looked under mmap_lock", UserGroup},
	AdviceUnderVMALock:  {"madvise-vma-lock", "madvise changed pages under the read lock of one VMA", UserGroup},
	AdviceUnderMmapLock: {"madvise-mmap-lock", "madvise did under mmap_lock what it does under a VMA lock where it can", UserGroup},
}

// groupTable names the groups and the points that make theirs possible.
var groupTable = [numGroups]struct {
	name     string
	possible Point
	told     bool // where it was possible and never came about
}{
	MergeGroup:     {"merge", MergeTried, true},
	DowngradeGroup: {"downgrade", Unmapped, true},
	RollbackGroup:  {"rollback", AllocFailed, true},
	ReaderGroup:    {"wait-readers", VMAWriteLocked, true},
}

// Info returns the point's name and meaning.
func (p Point) Info() PointInfo { return pointTable[p] }

// allPoints returns the points that a report names, in their order.
func allPoints() (all []Point) {
	for p, info := range pointTable {
		if info.Group != NoGroup {
			all = append(all, Point(p))
		}
	}
	return all
}

// Points is a set of points.
type Points uint64

// AllPoints returns the set of all points.
func AllPoints() Points { return 1<<numPoints - 1 }

// Has reports whether p is in the set.
func (s Points) Has(p Point) bool { return s&(1<<p) != 0 }

// Names returns the names of the points in the set, those that only make others possible left out.
func (s Points) Names() (names []string) {
	for _, p := range allPoints() {
		if s.Has(p) {
			names = append(names, p.Info().Name)
		}
	}
	return names
}

// Missed returns the groups of which no point is in the set, though they were possible: those that take others left out where there is
// only one task.
func (s Points) Missed(others bool) (groups []string) {
	var met [numGroups]bool
	for p, info := range pointTable {
		met[info.Group] = met[info.Group] || s.Has(Point(p))
	}
	for g, info := range groupTable {
		if info.told && !met[g] && s.Has(info.possible) && (others || Group(g) != ReaderGroup) {
			groups = append(groups, info.name)
		}
	}
	return groups
}

// Reach notes that the task has come to a point.
func (t *Task) Reach(p Point) { t.Reached |= 1 << p }
