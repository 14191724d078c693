package seqmodel

import (
	"fmt"
	"slices"

	"vmasim/internal/linux"
)

const (
	// mapTypeMask is MAP_TYPE.
	mapTypeMask = 0xf

	// legacyMapMask is the kernel's LEGACY_MAP_MASK: the flags that
	// MAP_SHARED_VALIDATE accepts. MAP_FIXED_NOREPLACE is not among them.
	legacyMapMask = linux.MAP_SHARED | linux.MAP_PRIVATE | linux.MAP_FIXED | linux.MAP_ANONYMOUS |
		linux.MAP_DENYWRITE | linux.MAP_EXECUTABLE | linux.MAP_GROWSDOWN | linux.MAP_LOCKED |
		linux.MAP_NORESERVE | linux.MAP_POPULATE | linux.MAP_NONBLOCK | linux.MAP_STACK |
		linux.MAP_HUGETLB | linux.MAP_32BIT | mapAbove4G | mapHugeSizes

	mapAbove4G   = 0x80
	mapHugeSizes = 21<<26 | 30<<26 // MAP_HUGE_2MB | MAP_HUGE_1GB
	mapDroppable = 0x8

	// unmodelledMapFlags mean something to the kernel that this model does not
	// know; unknown bits the kernel ignores, and so does the model.
	unmodelledMapFlags = linux.MAP_GROWSDOWN | linux.MAP_LOCKED | linux.MAP_POPULATE |
		linux.MAP_HUGETLB | linux.MAP_32BIT | mapAbove4G | linux.MAP_SYNC
)

// KnowsMapping reports whether the model knows what flags of mmap mean.
func KnowsMapping(flags int) bool {
	return flags&unmodelledMapFlags == 0 && flags&mapTypeMask != mapDroppable
}

// Mmap maps length bytes and returns the address chosen. file is the open file
// behind the descriptor, nil for a bad descriptor, ignored with MAP_ANONYMOUS.
// The checks are in the kernel's order: the first that fails gives the errno.
// Flags the model does not know but the kernel does are a bug of the caller.
func (m *Model) Mmap(addr, length uint64, prot, flags int, file *File, off uint64) (uint64, error) {
	if !KnowsMapping(flags) {
		panic(fmt.Sprintf("seqmodel: mmap flags %#x not modelled", flags))
	}
	if off&linux.PageMask != 0 {
		return 0, linux.EINVAL
	}
	if flags&linux.MAP_ANONYMOUS != 0 {
		file = nil
	} else if file == nil {
		return 0, linux.EBADF
	}
	if length == 0 {
		return 0, linux.EINVAL
	}
	noreplace := flags&linux.MAP_FIXED_NOREPLACE != 0
	if noreplace {
		flags |= linux.MAP_FIXED
	}
	if length = pageAlign(length); length == 0 {
		return 0, linux.ENOMEM
	}
	if m.MapCount() > m.cfg.MaxMapCount {
		return 0, linux.ENOMEM
	}
	addr, err := m.place(addr, length, flags, file, off)
	if err != nil {
		return 0, err
	}
	if noreplace && m.overlaps(addr, addr+length) {
		return 0, linux.EEXIST
	}
	n := area{start: addr, end: addr + length}
	n.prot = prot & protBits
	if file != nil {
		n.pgoff, n.file = off>>linux.PageShift, file
		err = n.setFileFlags(flags, length)
	} else {
		n.pgoff = addr >> linux.PageShift
		err = n.setAnonymousFlags(flags, length)
	}
	if err != nil {
		return 0, err
	}
	n.noReserve = flags&linux.MAP_NORESERVE != 0 && !m.cfg.ReserveAll
	n.noHugePage = flags&linux.MAP_STACK != 0 && !m.cfg.NoTHP
	n.account = n.writable() && !n.shared && !n.noReserve
	if err := m.unmap(n.start, n.end); err != nil {
		return 0, err
	}
	m.insert(n)
	return addr, nil
}

// setFileFlags checks a file mapping's type, limits and rights.
func (a *area) setFileFlags(flags int, length uint64) error {
	if a.pgoff > (maxFileBytes-length)>>linux.PageShift {
		return linux.EOVERFLOW
	}
	switch kind := flags & mapTypeMask; kind {
	case linux.MAP_SHARED, linux.MAP_SHARED_VALIDATE:
		if kind == linux.MAP_SHARED_VALIDATE && flags&^legacyMapMask != 0 {
			return linux.EOPNOTSUPP
		}
		if a.writable() && !a.file.writable {
			return linux.EACCES
		}
		a.shared, a.mayWrite = true, a.file.writable
	case linux.MAP_PRIVATE:
		a.mayWrite = true
	default:
		return linux.EINVAL
	}
	if !a.file.readable {
		return linux.EACCES
	}
	return nil
}

// setAnonymousFlags checks an anonymous mapping's type; shared memory gets an
// object of its own.
func (a *area) setAnonymousFlags(flags int, length uint64) error {
	a.mayWrite = true
	switch flags & mapTypeMask {
	case linux.MAP_SHARED:
		a.shared, a.pgoff = true, 0
		a.file = newInode(make([]byte, length), false).Open(linux.O_RDWR)
	case linux.MAP_PRIVATE:
	default:
		return linux.EINVAL
	}
	return nil
}

// insert puts n into free space, merged with its neighbours where the rules
// allow (vma_merge_new_range).
func (m *Model) insert(n area) {
	i := m.find(n.start)
	lo, hi := i, i
	left := i > 0 && m.areas[i-1].joins(n)
	right := i < len(m.areas) && n.joins(m.areas[i]) && (!left || anonAgree(m.areas[i-1], m.areas[i]))
	if right {
		n = n.join(m.areas[i])
		hi++
	}
	if left {
		n = m.areas[i-1].join(n)
		lo--
	}
	m.areas = slices.Replace(m.areas, lo, hi, n)
}

// Munmap unmaps a range. Holes are fine.
func (m *Model) Munmap(addr, length uint64) error {
	if addr&linux.PageMask != 0 || addr > m.cfg.TaskSize || length > m.cfg.TaskSize-addr {
		return linux.EINVAL
	}
	if length = pageAlign(length); length == 0 {
		return linux.EINVAL
	}
	return m.unmap(addr, addr+length)
}

// unmap clears [start, end). Only punching a hole into one area can fail, for
// it leaves one more (vms_gather_munmap_vmas).
func (m *Model) unmap(start, end uint64) error {
	var kept []area
	lo := m.find(start)
	hi := lo
	for ; hi < len(m.areas) && m.areas[hi].start < end; hi++ {
		a := m.areas[hi]
		if a.start < start && end < a.end && m.MapCount() >= m.cfg.MaxMapCount {
			return linux.ENOMEM
		}
		if a.start < start {
			kept = append(kept, a.part(a.start, start))
		}
		if end < a.end {
			kept = append(kept, a.part(end, a.end))
		}
	}
	m.areas = slices.Replace(m.areas, lo, hi, kept...)
	m.dropPages(start, end)
	return nil
}
