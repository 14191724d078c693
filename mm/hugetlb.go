package mm

import (
	"math/bits"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// hugeSizeTable are the sizes of huge pages that x86-64 has: those of hstates.
var hugeSizeTable = [...]uint64{phys.HugeSize, 1 << 30}

// hugeSizeShift is where the flags have the size of huge pages, as a power of two: MAP_HUGE_SHIFT. 0 is the default size.
const hugeSizeShift = 26

// hugeTLB reports whether findFile has made the file.
func (a *MmapArgs) hugeTLB() bool { return a.File != nil && a.File.HugePage() != 0 }

// findFile checks the descriptor, and makes the file that MAP_HUGETLB asks for, whose length is in whole pages of its own:
// ksys_mmap_pgoff.
func (mm *MM) findFile(t *task.Task, a *MmapArgs) error {
	switch {
	case !a.anonymous() && (a.File == nil || a.File.Refusal() == linux.EBADF):
		return errno("mmap", linux.EBADF, "no file")
	case !a.has(linux.MAP_HUGETLB):
		return nil
	case !a.anonymous():
		return errno("mmap", linux.EINVAL, "the file has no huge pages")
	}
	size := hugeSizeTable[0]
	if log := uint64(a.Flags) >> hugeSizeShift & 0x3f; log != 0 {
		size = 1 << log
	}
	if size != hugeSizeTable[0] && size != hugeSizeTable[1] { // hstate_sizelog
		return errno("mmap", linux.EINVAL, "there are no pages of %#x bytes", size)
	}
	a.Len = (a.Len + size - 1) &^ (size - 1)
	a.File = mm.Machine.Mem.NewHugeTLB(t, size)
	a.Flags &^= linux.MAP_ANONYMOUS
	return nil
}

// alignHuge refuses an address that is none for huge pages, and rounds a hint up: hugetlb_get_unmapped_area.
func (p *placement) alignHuge() error {
	if p.file == nil || p.file.HugePage() == 0 {
		return nil
	}
	mask := p.file.HugePage() - 1
	if p.has(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE) && p.hint&mask != 0 {
		return errno(p.op, linux.EINVAL, "address %#x is not aligned to pages of %#x bytes", p.hint, mask+1)
	}
	p.hint = (p.hint + mask) &^ mask
	return nil
}

// hugeTLBHole returns the hint if that is free, else a hole on the boundary of a huge page.
func (mm *MM) hugeTLBHole(t *task.Task, p *placement) (uint64, bool) {
	if mm.hintFits(t, p, linux.TaskSize) {
		return p.hint, true
	}
	mask := p.file.HugePage() - 1
	length, over := bits.Add64(p.length, mask+1-linux.PageSize, 0)
	longer := *p
	longer.hint, longer.length = 0, length
	addr, ok := mm.hole(t, &longer)
	return (addr + mask) &^ mask, ok && over == 0
}

// prepareHugeTLB reserves huge pages, of which there are none: hugetlbfs_file_mmap. With MAP_NORESERVE the kernel would reserve
// none; such mappings are not modelled.
func prepareHugeTLB(file *phys.File, pgoff uint64) error {
	if pgoff<<linux.PageShift&(file.HugePage()-1) != 0 {
		return errno("mmap", linux.EINVAL, "the offset is not aligned to pages of %#x bytes", file.HugePage())
	}
	return errno("mmap", linux.ENOMEM, "there are no pages of %#x bytes", file.HugePage())
}
