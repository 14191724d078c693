package mm

import "slices"

// residues are the traces that a call may leave when it fails, beside nothing.
type residues uint8

const (
	leavesCuts    residues = 1 << iota // VMAs are cut in two where the range begins or ends
	leavesEarlier                      // VMAs of the range have their new flags, and are joined where that makes them equal
	leavesHole                         // the range is not mapped any more
	leavesMoved                        // VMAs of the range, or parts of them, are at their destination, whose old VMAs are gone
	leavesFaulted                      // the VMA has an anon_vma
	leavesDropped                      // pages of the range have lost their contents
	leavesSource                       // it succeeds, and what it has moved is mapped where it was, too
)

// residueTable is what stays changed when a call fails: K7 of docs/kernel.md is made from it. A call may leave what its rows say, and
// nothing else.
var residueTable = [...]struct {
	calls  []operation
	when   string // it fails
	leaves residues
	left   string // in words
}{
	{calls: []operation{callMunmap, callMmap, callMremap, callRemapFilePages, callBrk}, leaves: leavesCuts,
		when: "a VMA of the range is sealed, its owner refuses to split it, or memory is short before the first page is cleared",
		left: "nothing is unmapped; a VMA that was cut where the range begins or ends stays cut"},
	{calls: []operation{callMmap}, when: "it is refused before it looks at the range", left: "nothing"},
	{calls: []operation{callMmap, callRemapFilePages}, leaves: leavesHole,
		when: "the old pages are cleared: no memory, or the file refuses", left: "a hole"},
	{calls: []operation{callMprotect}, leaves: leavesEarlier,
		when: "at a hole, a sealed VMA, a file without the right, or short of memory", left: "the VMAs before have the new rights"},
	{calls: []operation{callMprotect, callMadvise, callMlock, callMunlock, callMseal, callUffd}, leaves: leavesCuts | leavesEarlier,
		when: "at the second split", left: "the first split, and what was done to the VMAs before"},
	{calls: []operation{callMadvise}, leaves: leavesDropped,
		when: "over a hole, or short of memory on its way", left: "what is mapped was discarded, or is marked, as far as it came"},
	{calls: []operation{callMlock, callMunlock}, leaves: leavesEarlier, when: "over a hole", left: "the VMAs before it are locked, or not locked any more"},
	{calls: []operation{callMlock}, leaves: leavesEarlier, when: "of memory without rights, or that cannot be brought in",
		left: "all VMAs are locked, and the pages are there that could be had"},
	{calls: []operation{callMremap}, leaves: leavesMoved, when: "of several VMAs", left: "those before the one that failed have moved, and replaced what was there"},
	{calls: []operation{callMremap}, leaves: leavesMoved, when: "with `FIXED`, once the arguments, the limits and map_count allow it", left: "what was at the destination is gone"},
	{calls: []operation{callMremap}, leaves: leavesSource, when: "to unmap what it has moved", left: "it succeeds, and the source stays mapped, empty"},
	{calls: []operation{callBrk}, when: "to grow", left: "nothing; the result is the old break"},
	{calls: []operation{callFork}, when: "anywhere", left: "nothing in the parent; the child is gone"},
	{calls: []operation{callExpandStack}, leaves: leavesFaulted, when: "it may not grow so far", left: "the VMA has an anon_vma"},
	{calls: []operation{callMlockall, callPrctl, callMbind}, when: "anywhere", left: "nothing"},
}

// leavesOf returns all that a call may leave when it fails.
func leavesOf(op operation) (all residues) {
	for _, row := range residueTable {
		if slices.Contains(row.calls, op) {
			all |= row.leaves
		}
	}
	return all
}

// Residue is a row of the table of what stays changed when calls fail.
type Residue struct {
	Calls      []string // by their names
	When, Left string
	Drops      bool // pages of the range may have lost their contents
	Moves      bool // VMAs of the range may be at their destination
	Source     bool // the call may succeed, and what it has moved be mapped where it was, too
}

// Residues returns the table of what stays changed when calls fail. All else is as it was.
func Residues() (all []Residue) {
	for _, row := range residueTable {
		r := Residue{When: row.when, Left: row.left, Drops: row.leaves&leavesDropped != 0, Moves: row.leaves&leavesMoved != 0, Source: row.leaves&leavesSource != 0}
		for _, op := range row.calls {
			r.Calls = append(r.Calls, callTable[op].name)
		}
		all = append(all, r)
	}
	return all
}
