package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// GUPFlags say how pages are brought into memory.
type GUPFlags uint8

// The flags.
const (
	FollWrite      GUPFlags = 1 << iota // as a write would: FOLL_WRITE
	FollUnlockable                      // mmap_lock may be given back while a page is read: FOLL_UNLOCKABLE
	FollForce                           // what is private is written to though it is read-only, in a copy: FOLL_FORCE
)

// PopulateFunc brings the pages of [start, end), a part of v, into memory as accesses would that v allows: __get_user_pages. The
// caller holds mmap_lock, for reading if how has FollUnlockable. It is held afterwards, too, but if the function returns next < end
// without an error it was given back for a while, v may be gone, and the pages from next on are still to be brought in. Errors:
// EFAULT where the access would get a signal, ENOMEM, EINTR.
type PopulateFunc func(t *task.Task, mm *MM, v *vma.VMA, start, end uint64, how GUPFlags) (next uint64, err error)

// populator brings pages in, one piece after the other.
type populator struct {
	mm     *MM
	waited uint64 // the page for which mmap_lock was given back last
}

// faultIn brings in pages of [start, end), a part of v, and returns how far it got. It gives mmap_lock back once for each page, so
// that it comes to an end (FOLL_TRIED). The caller holds mmap_lock for reading.
func (p *populator) faultIn(t *task.Task, v *vma.VMA, start, end uint64, how GUPFlags) (next uint64, err error) {
	if start == p.waited {
		end = start + linux.PageSize
	} else {
		how |= FollUnlockable
	}
	next, err = p.mm.Machine.populate(t, p.mm, v, start, end, how)
	if err == nil && next < end {
		p.waited = next
	}
	return next, err
}

// populate brings the pages of what is mapped in [start, end) into memory: __mm_populate. With ignoreErrors it goes on with the
// next VMA after an error: mm_populate. The caller holds no lock.
func (mm *MM) populate(t *task.Task, start, end uint64, ignoreErrors bool) (err error) {
	t.Enter("__mm_populate")
	defer t.Leave()
	mm.MmapReadLock(t)
	defer mm.MmapReadUnlock(t)
	p := populator{mm: mm}
	for at := start; at < end; {
		v := mm.Tree.Find(t, at)
		if v == nil || v.Start(t) >= end {
			break
		}
		from, to := v.Range(t)
		from, to = max(from, at), min(to, end)
		if at, err = p.populateVMA(t, v, from, to); err != nil {
			if !ignoreErrors {
				return err
			}
			at = to
		}
	}
	return nil
}

// populateVMA is faultIn as the VMA would have it: populate_vma_page_range.
func (p *populator) populateVMA(t *task.Task, v *vma.VMA, start, end uint64) (next uint64, err error) {
	how, wanted, err := populateAs(t, v)
	if err != nil || !wanted {
		return end, err
	}
	return p.faultIn(t, v, start, end, how)
}

// populateAs says how to bring in the pages of v, if that is wanted at all. Private memory that may be written is written to, so
// that a later write does not fault; shared memory is not made dirty for nothing.
func populateAs(t *task.Task, v *vma.VMA) (how GUPFlags, wanted bool, err error) {
	flags := v.Flags(t)
	switch {
	case flags&(linux.VMIO|linux.VMPFNMap|linux.VMLockOnFlt) != 0:
		return 0, false, nil
	case !flags.Accessible():
		return 0, false, errno("populate", linux.EFAULT, "the mapping at %#x allows no access", v.Start(t))
	case flags&(linux.VMWrite|linux.VMShared) == linux.VMWrite:
		how = FollWrite
	}
	return how, true, nil
}

// populateLocked brings in the pages of [start, end), a part of v, without giving mmap_lock back; what cannot be brought in is left
// out. The caller holds it for writing.
func (mm *MM) populateLocked(t *task.Task, v *vma.VMA, start, end uint64) {
	if how, wanted, err := populateAs(t, v); wanted && err == nil {
		_, _ = mm.Machine.populate(t, mm, v, start, end, how)
	}
}

// faultInRange brings in the pages of [start, end) as reads or writes would: faultin_page_range, for MADV_POPULATE_READ and _WRITE.
// Errors are those of madvise: EINVAL where the access is forbidden, ENOMEM at a hole or where memory is short, EFAULT where the
// access would get a signal, EINTR. The caller holds mmap_lock for reading, and holds it again afterwards.
func (mm *MM) faultInRange(t *task.Task, start, end uint64, write bool) error {
	t.Enter("faultin_page_range")
	defer t.Leave()
	how, needs := GUPFlags(0), linux.VMRead
	if write {
		how, needs = FollWrite, linux.VMWrite
	}
	p := populator{mm: mm}
	for at := start; at < end; {
		v := mm.Tree.Find(t, at)
		if v == nil || v.Start(t) > at {
			return errno("madvise", linux.ENOMEM, "nothing is mapped at %#x", at)
		}
		if flags := v.Flags(t); flags&needs == 0 || flags&(linux.VMIO|linux.VMPFNMap) != 0 {
			return errno("madvise", linux.EINVAL, "the mapping at %#x does not allow the access", v.Start(t))
		}
		var err error
		if at, err = p.faultIn(t, v, at, min(v.End(t), end), how); err != nil {
			return err
		}
	}
	return nil
}
