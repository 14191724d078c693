package tree

import (
	"math"
	"math/bits"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

const (
	fanout  = 32
	maxAddr = math.MaxUint64
)

// leaf is an immutable sorted array of disjoint entries. Go puts a header of 8 bytes before it: behind the first 56, arrays begin with a cache line.
type leaf struct {
	slots ksync.Atomic32 // stands for the entries where a look at them is announced: their number
	_     [44]byte
	entries
}

// entries are sorted. Unused starts are maxAddr and unused ends 0, so that a search needs no length. There are eight words in a cache line.
type entries struct {
	n     int
	start [fanout]uint64
	end   [fanout]uint64
	vma   [fanout]*vma.VMA
}

// floor returns the index of the last entry that starts at or below addr, -1 for none. It counts the starts that are not above, eight at a
// time: the loads do not depend on each other, and there is no branch that could be mispredicted. Go makes no conditional move of a value
// from which an address is computed, hence the borrows of notAbove.
func (l *leaf) floor(addr uint64) int {
	k := 8 * (notAbove(l.start[8], addr) + notAbove(l.start[16], addr) + notAbove(l.start[24], addr))
	return int(k+countNotAbove((*[8]uint64)(l.start[k&(fanout-8):]), addr)) - 1
}

// countNotAbove returns how many of the starts are at or below addr.
func countNotAbove(start *[8]uint64, addr uint64) uint64 {
	return notAbove(start[0], addr) + notAbove(start[1], addr) + notAbove(start[2], addr) + notAbove(start[3], addr) +
		notAbove(start[4], addr) + notAbove(start[5], addr) + notAbove(start[6], addr) + notAbove(start[7], addr)
}

// notAbove returns 1 if start is at or below addr, else 0.
func notAbove(start, addr uint64) uint64 {
	_, above := bits.Sub64(addr, start, 0)
	return 1 - above
}

// floorNear is floor for an address that is probably near entry i.
func (l *leaf) floorNear(addr uint64, i int) int {
	if i >= 0 && i < fanout-2 && l.start[i] <= addr {
		switch {
		case addr < l.start[i+1]:
			return i
		case addr < l.start[i+2]:
			return i + 1
		}
	}
	return l.floor(addr)
}

// ceiling returns the index of the first entry that ends above addr, n for none, given addr's floor.
func (l *leaf) ceiling(addr uint64, floor int) int {
	i := max(floor, 0)
	if i < l.n && l.end[i] <= addr {
		i++
	}
	return i
}

// lookup returns the VMA at addr, nil for a hole.
func (l *leaf) lookup(addr uint64) *vma.VMA {
	if i := l.floor(addr); i >= 0 && addr < l.end[i] {
		return l.vma[i]
	}
	return nil
}

// look announces that a task reads the entries.
func (l *leaf) look(t *task.Task) {
	if t.Observer != nil {
		l.slots.ReadOnce(t)
	}
}

// born announces a leaf that is complete, and the task's alone.
func (l *leaf) born(t *task.Task) {
	if t.Observer != nil {
		l.slots.Init(uint32(l.n))
		t.Born(unsafe.Pointer(l), &leafLayout)
	}
}

// store makes n a copy of l with v stored over [start, end), nil for a hole; start is probably near entry near. It returns the index in n of
// the first entry at or above end, and false if there is no room.
func (l *leaf) store(n *leaf, start, end uint64, v *vma.VMA, near int) (next int, ok bool) {
	// Entries [0, i) lie below the range, [j, n) above it.
	i := l.floorNear(start, near)
	if i < 0 || l.end[i] <= start {
		i++
	}
	j := i
	for j < l.n && l.start[j] < end {
		j++
	}

	var middle [3]Entry // what is left of the first entry, v, what is left of the last
	count := 0
	if i < j && l.start[i] < start {
		middle[count] = Entry{l.start[i], start, l.vma[i]}
		count++
	}
	if v != nil {
		middle[count] = Entry{start, end, v}
		count++
	}
	next = i + count
	if i < j && l.end[j-1] > end {
		middle[count] = Entry{end, l.end[j-1], l.vma[j-1]}
		count++
	}
	size := i + count + l.n - j
	if size > fanout {
		return 0, false
	}
	n.entries = l.entries // at once is faster than part by part
	n.n = size
	if k := i + count; k != j {
		copy(n.start[k:], l.start[j:l.n])
		copy(n.end[k:], l.end[j:l.n])
		copy(n.vma[k:], l.vma[j:l.n])
	}
	for k, e := range middle[:count] {
		n.start[i+k], n.end[i+k], n.vma[i+k] = e.Start, e.End, e.VMA
	}
	for k := size; k < l.n; k++ {
		n.start[k], n.end[k], n.vma[k] = maxAddr, 0, nil
	}
	return next, true
}

// startAt returns the start of entry i, which may be the one behind the last: maxAddr.
func (l *leaf) startAt(i int) uint64 {
	if i == fanout {
		return maxAddr
	}
	return l.start[i]
}

// appendTo appends the leaf's entries.
func (l *leaf) appendTo(entries []Entry) []Entry {
	for i := range l.n {
		entries = append(entries, Entry{l.start[i], l.end[i], l.vma[i]})
	}
	return entries
}

// storeEntry is leaf.store for a slice; it appends to out.
func storeEntry(out, entries []Entry, start, end uint64, v *vma.VMA) []Entry {
	for _, e := range entries {
		if e.Start < start {
			out = append(out, Entry{e.Start, min(e.End, start), e.VMA})
		}
	}
	if v != nil {
		out = append(out, Entry{start, end, v})
	}
	for _, e := range entries {
		if e.End > end {
			out = append(out, Entry{max(e.Start, end), e.End, e.VMA})
		}
	}
	return out
}

// newHolders appends holders that cover [lo, hi), which with their leaves come from another, and distributes entries over them. Where the change was at an end, the leaf at that end
// is left emptier, because more is likely to come there; never so empty that undoing the change empties it again.
func newHolders(holders []*holder, another func() (*holder, *leaf), lo, hi uint64, entries []Entry, hot uint64) []*holder {
	add := func(lo, hi uint64, entries []Entry) {
		h, l := another()
		h.init(l, lo, hi, entries)
		holders = append(holders, h)
	}
	if len(entries) <= fanout {
		add(lo, hi, entries)
		return holders
	}
	const room = fanout / 4
	full := fanout - room
	switch {
	case len(entries) > 2*fanout || hot >= entries[len(entries)-1].Start: // ascending: the last gets the remainder
	case hot <= entries[0].Start: // descending: the first does
		full = min(len(entries)-full, full)
	default:
		full = len(entries) / 2
	}
	for len(entries) > 0 {
		n := min(full, len(entries))
		if rest := len(entries) - n; rest > 0 && rest < room/2 {
			n = len(entries) - room/2
		}
		end := hi
		if n < len(entries) {
			end = entries[n].Start
		}
		add(lo, end, entries[:n])
		entries, lo = entries[n:], end
		full = fanout - room
	}
	return holders
}

// clear makes the leaf one without entries.
func (l *leaf) clear() {
	l.n, l.end, l.vma = 0, [fanout]uint64{}, [fanout]*vma.VMA{}
	for i := range l.start {
		l.start[i] = maxAddr
	}
}

// init makes h a holder whose leaf is l, with the given entries.
func (h *holder) init(l *leaf, lo, hi uint64, entries []Entry) {
	l.clear()
	l.n = len(entries)
	for i, e := range entries {
		l.start[i], l.end[i], l.vma[i] = e.Start, e.End, e.VMA
	}
	h.lo, h.hi, h.gap = lo, hi, nil
	h.leaf.Init(l)
}
