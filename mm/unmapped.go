package mm

import (
	"golang.org/x/sys/unix"

	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/tree"
)

// unmappedArea chooses the address of a new mapping of length bytes: __get_unmapped_area. A fixed address is taken as it
// is; a hint if it is free; else the highest hole. The caller holds mmap_lock for writing, and length is page aligned.
func (mm *MM) unmappedArea(t *task.Task, args *MmapArgs, length uint64) (uint64, error) {
	if length > TaskSize {
		return 0, errno("mmap", unix.ENOMEM, "length %#x exceeds the address space", length)
	}
	addr := args.Addr
	if !args.fixed() {
		var ok bool
		if addr, ok = mm.chooseHole(t, args, length); !ok {
			return 0, errno("mmap", unix.ENOMEM, "no hole of %#x bytes", length)
		}
	}
	switch {
	case addr > TaskSize-length:
		return 0, errno("mmap", unix.ENOMEM, "the range ends above %#x", uint64(TaskSize))
	case offsetInPage(addr) != 0:
		return 0, errno("mmap", unix.EINVAL, "address %#x is not page aligned", addr)
	case addr < MmapMin:
		return 0, errno("mmap", unix.EPERM, "address %#x is below %#x", addr, uint64(MmapMin))
	}
	return addr, nil
}

// chooseHole finds a free range, on a huge page's boundary if Linux tries that for the kind of memory: private anonymous
// memory of whole huge pages without a hint, and any file.
func (mm *MM) chooseHole(t *task.Task, args *MmapArgs, length uint64) (uint64, bool) {
	hint, offset := roundHint(args.Addr), args.Offset
	huge := !args.anonymous()
	if args.anonymous() && !args.shared() {
		huge, offset = hint == 0 && length%phys.HugeSize == 0, 0
	}
	if huge {
		if addr, ok := mm.hugeHole(t, hint, length, offset); ok {
			return addr, true
		}
	}
	return mm.hole(t, hint, length)
}

// hugeHole searches a hole one huge page longer and returns the highest address in it at which the file's huge pages fall
// on huge pages: __thp_get_unmapped_area. It refuses if the range holds no whole huge page of the file; the comparison is
// signed, as the kernel's.
func (mm *MM) hugeHole(t *task.Task, hint, length, offset uint64) (uint64, bool) {
	end, first := offset+length, (offset+phys.HugeSize-1)&^(phys.HugeSize-1)
	if int64(end) <= int64(first) || end-first < phys.HugeSize || end+phys.HugeSize < offset {
		return 0, false
	}
	addr, ok := mm.hole(t, hint, length+phys.HugeSize)
	if !ok || addr == hint {
		return addr, ok
	}
	if skip := (offset - addr) % phys.HugeSize; skip != 0 {
		return addr + skip, true
	}
	return addr + phys.HugeSize, true
}

// hole returns the hint if that is free, else the highest hole below mmap_base: arch_get_unmapped_area_topdown. When
// there is none it goes through the address space upwards from a third.
func (mm *MM) hole(t *task.Task, hint, length uint64) (uint64, bool) {
	if length > TaskSize {
		return 0, false
	}
	if hint != 0 && hint <= TaskSize-length && mm.free(t, hint, hint+length) {
		return hint, true
	}
	if addr, ok := mm.Tree.HighestGap(length, MmapMin, MmapBase); ok {
		return addr, true
	}
	low := pageAlign(TaskSize / 3)
	mm.Tree.Ascend(t, low, func(e tree.Entry) bool {
		if e.Start > low && e.Start-low >= length {
			return false
		}
		low = e.End
		return true
	})
	return low, low <= TaskSize-length
}

// free reports whether nothing is mapped in [start, end).
func (mm *MM) free(t *task.Task, start, end uint64) bool {
	v := mm.vmi.Find(t, start)
	return v == nil || v.Start(t) >= end
}

// roundHint rounds a hint down to a page and raises it to the lowest address allowed: round_hint_to_min.
func roundHint(hint uint64) uint64 {
	hint &^= PageSize - 1
	if hint != 0 && hint < MmapMin {
		return MmapMin
	}
	return hint
}
