package seqmodel

import (
	"fmt"
	"slices"

	"vmasim/internal/linux"
)

// protKnown are the bits mprotect accepts besides the two growth flags.
const protKnown = protBits | protSem

const (
	protSem   = 0x8
	protGrows = linux.PROT_GROWSDOWN | linux.PROT_GROWSUP
)

// Mprotect changes access rights. On failure the areas before the one that
// refused keep their new rights, and a first split may stay behind.
func (m *Model) Mprotect(addr, length uint64, prot int) error {
	grows := prot & protGrows
	prot &^= protGrows
	if grows == protGrows || addr&linux.PageMask != 0 {
		return linux.EINVAL
	}
	if length == 0 {
		return nil
	}
	end := addr + pageAlign(length)
	if end <= addr {
		return linux.ENOMEM
	}
	if prot&^protKnown != 0 {
		return linux.EINVAL
	}
	if grows != 0 {
		return m.mprotectGrows(addr, end, grows)
	}
	for cur := addr; cur < end; {
		i := m.find(cur)
		if i == len(m.areas) || m.areas[i].start > cur {
			return linux.ENOMEM
		}
		stop := min(end, m.areas[i].end)
		if err := m.protect(i, cur, stop, prot&protBits); err != nil {
			return err
		}
		cur = stop
	}
	return nil
}

// mprotectGrows is the result of PROT_GROWSDOWN or PROT_GROWSUP where no area
// grows: EINVAL if the range has the area looked for, else ENOMEM.
func (m *Model) mprotectGrows(addr, end uint64, grows int) error {
	limit := addr // the area must contain the start
	if grows == linux.PROT_GROWSDOWN {
		limit = end - 1 // or merely begin in the range
	}
	if i := m.find(addr); i == len(m.areas) || m.areas[i].start > limit {
		return linux.ENOMEM
	}
	return linux.EINVAL
}

// protect gives [start, end) of area i the rights prot (mprotect_fixup).
func (m *Model) protect(i int, start, end uint64, prot int) error {
	a := m.areas[i]
	t := a.attrs
	t.prot = prot
	if t.writable() && !t.mayWrite {
		return linux.EACCES
	}
	if prot == a.prot {
		return nil // no attempt to merge either
	}
	switch {
	case t.writable():
		if !a.writable() && !a.shared && !a.noReserve {
			t.account = true
		}
	case a.file == nil && a.anon == nil:
		t.account = false
	}
	return m.modify(i, start, end, t)
}

// modify gives [start, end) of area i new attributes: merged with a neighbour
// if it can be (vma_merge_existing_range), else split off (vma_modify). Merging
// needs no room in the map count, each split does.
func (m *Model) modify(i int, start, end uint64, t attrs) error {
	a := m.areas[i]
	n := a.part(start, end)
	n.attrs = t
	left := start == a.start && i > 0 && m.areas[i-1].joins(n)
	right := end == a.end && i+1 < len(m.areas) && n.joins(m.areas[i+1]) &&
		(!left || anonAgree(m.areas[i-1], m.areas[i+1]))
	if !left && !right {
		return m.splitOff(i, n)
	}
	lo, hi := i, i+1
	var pieces []area
	if a.start < start {
		pieces = append(pieces, a.part(a.start, start))
	}
	if left {
		n = m.areas[i-1].join(n)
		lo--
	}
	if right {
		n = n.join(m.areas[i+1])
		hi++
	}
	pieces = append(pieces, n)
	if end < a.end {
		pieces = append(pieces, a.part(end, a.end))
	}
	m.areas = slices.Replace(m.areas, lo, hi, pieces...)
	return nil
}

// splitOff replaces a part of area i by n. Running out of map count at the
// second split leaves the first one.
func (m *Model) splitOff(i int, n area) error {
	if m.areas[i].start < n.start {
		if err := m.split(i, n.start); err != nil {
			return err
		}
		i++
	}
	if n.end < m.areas[i].end {
		if err := m.split(i, n.end); err != nil {
			return err
		}
	}
	m.areas[i] = n
	return nil
}

// split cuts area i at addr (split_vma).
func (m *Model) split(i int, addr uint64) error {
	if m.MapCount() >= m.cfg.MaxMapCount {
		return linux.ENOMEM
	}
	a := m.areas[i]
	m.areas = slices.Replace(m.areas, i, i+1, a.part(a.start, addr), a.part(addr, a.end))
	return nil
}

// knownAdvice reports whether include/uapi defines the advice: 0-4, 8-25, and the two each of memory failure and of guard pages.
func knownAdvice(advice int) bool {
	return advice >= 0 && advice <= 4 || advice >= 8 && advice <= 25 || advice >= 100 && advice <= 103
}

// KnowsAdvice reports whether the model knows what an advice of madvise does.
func KnowsAdvice(advice int) bool { return advice == linux.MADV_DONTNEED || !knownAdvice(advice) }

// Madvise knows MADV_DONTNEED; values that the kernel does not know are
// EINVAL, other known ones a bug of the caller. Holes are skipped and make the
// result ENOMEM.
func (m *Model) Madvise(addr, length uint64, advice int) error {
	if !KnowsAdvice(advice) {
		panic(fmt.Sprintf("seqmodel: madvise advice %d not modelled", advice))
	}
	if advice != linux.MADV_DONTNEED {
		return linux.EINVAL
	}
	if addr&linux.PageMask != 0 {
		return linux.EINVAL
	}
	aligned := pageAlign(length)
	if length != 0 && aligned == 0 || addr+aligned < addr {
		return linux.EINVAL
	}
	var err error
	end := addr + aligned
	for cur := addr; cur < end; {
		i := m.find(cur)
		if i == len(m.areas) {
			return linux.ENOMEM
		}
		if a := m.areas[i]; a.start > cur {
			err = linux.ENOMEM
			cur = a.start
			continue
		}
		stop := min(end, m.areas[i].end)
		m.dropPages(cur, stop)
		cur = stop
	}
	return err
}
