package seqmodel

import "vmasim/internal/linux"

// attrs is everything that must be equal for two areas to merge, apart from
// offsets and anon_vmas: the kernel's vm_flags and vm_file. Comparable with ==.
type attrs struct {
	prot       int
	shared     bool // VM_MAYSHARE
	mayWrite   bool // VM_MAYWRITE: false for shared mappings of a file opened read-only
	account    bool // VM_ACCOUNT: history, not a function of the other flags
	noReserve  bool // VM_NORESERVE
	noHugePage bool // VM_NOHUGEPAGE
	file       *File
}

func (t attrs) writable() bool { return t.prot&linux.PROT_WRITE != 0 }

// anonVMA is an identity and nothing more.
type anonVMA struct{ _ byte }

func newAnonVMA() *anonVMA { return new(anonVMA) }

// area is one vm_area_struct.
type area struct {
	start, end uint64
	pgoff      uint64
	attrs
	anon      *anonVMA
	inherited bool // anon's chain is longer than one: a fork child's area
}

// part returns the piece [start, end) of a.
func (a area) part(start, end uint64) area {
	a.pgoff += (start - a.start) >> linux.PageShift
	a.start, a.end = start, end
	return a
}

// adjoins reports whether b continues a in address, file and page offset.
func (a area) adjoins(b area) bool {
	return a.end == b.start && a.file == b.file && a.pgoff+(a.end-a.start)>>linux.PageShift == b.pgoff
}

// joins reports whether a and b, neighbours in this order, may become one
// (can_vma_merge_after and _before).
func (a area) joins(b area) bool {
	return a.adjoins(b) && a.attrs == b.attrs && anonMayJoin(a, b)
}

// anonMayJoin is the anon_vma part of the merge rule (is_mergeable_anon_vma):
// equal, or one side empty and the other not inherited over fork.
func anonMayJoin(a, b area) bool {
	switch {
	case a.anon == b.anon:
		return true
	case a.anon == nil:
		return !b.inherited
	case b.anon == nil:
		return !a.inherited
	}
	return false
}

// anonAgree is what prev and next must satisfy beyond joining the middle when
// all three become one: they may not have different anon_vmas.
func anonAgree(prev, next area) bool {
	return prev.anon == next.anon || prev.anon == nil || next.anon == nil
}

// join returns a and b as one area; whichever anon_vma there is stays.
func (a area) join(b area) area {
	a.end = b.end
	if a.anon == nil {
		a.anon, a.inherited = b.anon, b.inherited
	}
	return a
}

// lendsAnonTo reports whether b, about to be faulted, may take over the
// anon_vma of its neighbour a. The order of the two in memory is (lo, hi).
// Access rights may differ, no other flag (anon_vma_compatible).
func lendsAnonTo(a, lo, hi area) bool {
	l, h := lo.attrs, hi.attrs
	l.prot, h.prot = 0, 0
	return a.anon != nil && !a.inherited && lo.adjoins(hi) && l == h
}

// prepareAnon gives area i an anon_vma at its first write fault
// (find_mergeable_anon_vma): the next neighbour's, else the previous one's,
// else a new one.
func (m *Model) prepareAnon(i int) {
	a := &m.areas[i]
	if a.anon != nil {
		return
	}
	if i+1 < len(m.areas) {
		if next := m.areas[i+1]; lendsAnonTo(next, *a, next) {
			a.anon = next.anon
			return
		}
	}
	if i > 0 {
		if prev := m.areas[i-1]; lendsAnonTo(prev, prev, *a) {
			a.anon = prev.anon
			return
		}
	}
	a.anon = newAnonVMA()
}
