package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/tree"
)

// placement decides the address of a mapping: the arguments of get_unmapped_area.
type placement struct {
	op     string     // the system call
	hint   uint64     // the address itself with MAP_FIXED or MAP_FIXED_NOREPLACE; 0: none
	length uint64     // whole pages
	flags  int        // linux.MAP_*
	file   *phys.File // nil: anonymous memory, private or yet to be made
	offset uint64     // in file, in bytes
}

func (p *placement) has(flag int) bool { return p.flags&flag != 0 }

// The end of what is searched downwards for MAP_ABOVE4G, and what is searched upwards for MAP_32BIT, and for anything that does
// not fit below mmap_base (mmap_legacy_base; find_start_end). Nothing is random here.
const (
	above4G    = 4 << 30
	low32BIT   = 0x40000000
	high32BIT  = 0x80000000
	legacyBase = (linux.TaskSize/3 + linux.PageSize - 1) &^ (linux.PageSize - 1)
)

// unmappedArea chooses the address of a mapping: __get_unmapped_area. A fixed address is taken as it is; a hint if it is free;
// else the highest hole. The caller holds mmap_lock for writing.
func (mm *MM) unmappedArea(t *task.Task, p *placement) (uint64, error) {
	if p.length > linux.TaskSize {
		return 0, errno(p.op, linux.ENOMEM, "length %#x exceeds the address space", p.length)
	}
	if err := p.alignHuge(); err != nil {
		return 0, err
	}
	addr := p.hint
	if !p.has(linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE) {
		var ok bool
		if addr, ok = mm.chooseHole(t, p); !ok {
			return 0, errno(p.op, linux.ENOMEM, "no hole of %#x bytes", p.length)
		}
	}
	switch {
	case addr > linux.TaskSize-p.length:
		return 0, errno(p.op, linux.ENOMEM, "the range ends above %#x", uint64(linux.TaskSize))
	case offsetInPage(addr) != 0:
		return 0, errno(p.op, linux.EINVAL, "address %#x is not page aligned", addr)
	case addr < mm.Machine.LowestFixed(): // security_mmap_addr
		return 0, errno(p.op, linux.EPERM, "address %#x is below %#x", addr, mm.Machine.MmapMinAddr)
	}
	return addr, nil
}

// chooseHole finds a free range, on a huge page's boundary if Linux tries that for the kind of memory: private anonymous
// memory of whole huge pages without a hint, and files of some file systems. Shared anonymous memory is a file of tmpfs.
func (mm *MM) chooseHole(t *task.Task, p *placement) (uint64, bool) {
	huge := false
	switch {
	case p.file != nil && p.file.HugePage() != 0:
		return mm.hugeTLBHole(t, p)
	case p.file != nil && p.file.Zero() && p.has(linux.MAP_SHARED): // shmem_get_unmapped_area
	case p.file != nil:
		huge = mm.Machine.hugeAligned(p.file)
	case !p.has(linux.MAP_SHARED):
		huge, p.offset = p.hint == 0 && p.length%phys.HugeSize == 0 && !mm.Machine.NoTHP, 0
	}
	if huge {
		if addr, ok := mm.hugeHole(t, p); ok {
			return addr, true
		}
	}
	return mm.hole(t, p)
}

// hugeHole searches a hole one huge page longer and returns the highest address in it at which the file's huge pages fall
// on huge pages: __thp_get_unmapped_area. It refuses if the range holds no whole huge page of the file; the comparison is
// signed, as the kernel's.
func (mm *MM) hugeHole(t *task.Task, p *placement) (uint64, bool) {
	end, first := p.offset+p.length, (p.offset+phys.HugeSize-1)&^(phys.HugeSize-1)
	if int64(end) <= int64(first) || end-first < phys.HugeSize || end+phys.HugeSize < p.offset {
		return 0, false
	}
	longer := *p
	longer.length += phys.HugeSize
	addr, ok := mm.hole(t, &longer)
	if !ok || addr == p.hint {
		return addr, ok
	}
	if skip := (p.offset - addr) % phys.HugeSize; skip != 0 {
		return addr + skip, true
	}
	return addr + phys.HugeSize, true
}

// hole returns the hint if that is free, else the highest hole below mmap_base: arch_get_unmapped_area_topdown. When
// there is none, and for MAP_32BIT, it goes upwards.
func (mm *MM) hole(t *task.Task, p *placement) (uint64, bool) {
	if p.has(linux.MAP_32BIT) {
		return mm.holeUpwards(t, p, low32BIT, high32BIT)
	}
	if mm.hintFits(t, p, linux.TaskSize) {
		return p.hint, true
	}
	low := mm.Machine.LowestAddr()
	if p.has(linux.MAP_ABOVE4G) {
		low = above4G
	}
	if addr, ok := mm.highestHole(t, p.length, low, mm.Machine.MmapBase); ok {
		return addr, true
	}
	return mm.holeUpwards(t, p, legacyBase, linux.TaskSize)
}

// holeUpwards returns the hint if that is free and ends by high, else the lowest hole within [low, high): arch_get_unmapped_area.
func (mm *MM) holeUpwards(t *task.Task, p *placement, low, high uint64) (uint64, bool) {
	if mm.hintFits(t, p, high) {
		return p.hint, true
	}
	return mm.lowestHole(t, p.length, low, high)
}

// hintFits reports whether there is a hint and it is free up to the gap below the next VMA, and ends by high.
func (mm *MM) hintFits(t *task.Task, p *placement, high uint64) bool {
	if p.hint == 0 || p.length > high || p.hint > high-p.length {
		return false
	}
	next := mm.vmi.Find(t, p.hint)
	return next == nil || p.hint+p.length <= mm.startGap(t, next)
}

// highestHole returns the start of the highest free range of length within [low, high) that leaves the gap below the next VMA
// alone: unmapped_area_topdown.
func (mm *MM) highestHole(t *task.Task, length, low, high uint64) (uint64, bool) {
	stacks := mm.stat.Read(t).Stack != 0
	for {
		addr, ok := mm.Tree.HighestGap(length, low, high)
		if !ok || !stacks { // only they have a gap
			return addr, ok
		}
		next := mm.vmi.Find(t, addr+length)
		if next == nil || addr+length <= mm.startGap(t, next) {
			return addr, true
		}
		high = mm.startGap(t, next)
	}
}

// lowestHole returns the start of the lowest such range: unmapped_area.
func (mm *MM) lowestHole(t *task.Task, length, low, high uint64) (uint64, bool) {
	mm.Tree.Ascend(t, low, func(e tree.Entry) bool {
		if gap := mm.startGap(t, e.VMA); gap > low && gap-low >= length {
			return false
		}
		low = e.End
		return low < high
	})
	return low, low <= high && high-low >= length
}

// free reports whether nothing is mapped in [start, end).
func (mm *MM) free(t *task.Task, start, end uint64) bool {
	v := mm.vmi.Find(t, start)
	return v == nil || v.Start(t) >= end
}

// roundHint rounds a hint down to a page and raises it to the lowest address allowed: round_hint_to_min.
func (mm *MM) roundHint(hint uint64) uint64 {
	if hint &^= linux.PageSize - 1; hint != 0 {
		return max(hint, mm.Machine.LowestAddr())
	}
	return 0
}
