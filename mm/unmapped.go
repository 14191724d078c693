package mm

import (
	"golang.org/x/sys/unix"

	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// unmappedArea chooses the address of a new mapping of length bytes: __get_unmapped_area. A fixed address is taken as it
// is; a hint if it is free; else the highest hole. The caller holds mmap_lock for writing, and length is page aligned.
func (mm *MM) unmappedArea(t *task.Task, args *MmapArgs, length uint64) (uint64, error) {
	if length > TaskSize {
		return 0, errno("mmap", unix.ENOMEM, "length %#x exceeds the address space", length)
	}
	addr := args.Addr
	if args.fixed() {
		if addr > TaskSize-length {
			return 0, errno("mmap", unix.ENOMEM, "fixed range ends above %#x", uint64(TaskSize))
		}
		if offsetInPage(addr) != 0 {
			return 0, errno("mmap", unix.EINVAL, "fixed address %#x is not page aligned", addr)
		}
		return addr, nil
	}
	if addr != 0 && addr <= TaskSize-length && mm.free(t, addr, addr+length) {
		return addr, nil
	}
	if hugeAligned(args, addr, length) {
		if addr, ok := mm.hugeHole(t, args, length); ok {
			return addr, nil
		}
	}
	if addr, ok := mm.Tree.HighestGap(length, MmapMin, MmapBase); ok {
		return addr, nil
	}
	if addr, ok := mm.Tree.HighestGap(length, pageAlign(TaskSize/3), TaskSize); ok {
		return addr, nil
	}
	return 0, errno("mmap", unix.ENOMEM, "no hole of %#x bytes", length)
}

// free reports whether nothing is mapped in [start, end).
func (mm *MM) free(t *task.Task, start, end uint64) bool {
	v := mm.Tree.Find(t, start)
	return v == nil || v.Start(t) >= end
}

// hugeAligned reports whether Linux aligns the mapping to a huge page: private anonymous memory without a hint, and files,
// of whole huge pages.
func hugeAligned(args *MmapArgs, hint, length uint64) bool {
	if length%phys.HugeSize != 0 {
		return false
	}
	if args.anonymous() {
		return !args.shared() && hint == 0
	}
	return true
}

// hugeHole searches a hole one huge page longer and places the mapping where its offset falls on a huge page:
// thp_get_unmapped_area.
func (mm *MM) hugeHole(t *task.Task, args *MmapArgs, length uint64) (uint64, bool) {
	hole, ok := mm.Tree.HighestGap(length+phys.HugeSize, MmapMin, MmapBase)
	if !ok {
		return 0, false
	}
	var offset uint64
	if !args.anonymous() {
		offset = args.Offset
	}
	if skip := (offset - hole) % phys.HugeSize; skip != 0 {
		return hole + skip, true
	}
	return hole + phys.HugeSize, true
}

// roundHint rounds a hint down to a page and raises it to the lowest address allowed: round_hint_to_min.
func roundHint(hint uint64) uint64 {
	hint &^= PageSize - 1
	if hint != 0 && hint < MmapMin {
		return MmapMin
	}
	return hint
}
