package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// probe finds out in the first agent which settings the kernel has that no file
// tells, or not without privileges.
func (p *Process) probe() error {
	for _, f := range []func() error{p.probeZeroPage, p.probeLowestAddr, p.probeMmapBase, p.probeFiveLevel, p.probeWildFetch, p.probeFaultAround, p.probeMaybeGuard, p.probeDroppable} {
		if err := f(); err != nil {
			return err
		}
	}
	p.lab.kernel.Probed = true
	return nil
}

// probeZeroPage reads two untouched pages and looks what they are. A page of
// one's own is mapped once, which the kernel says of no zero page;
// frame numbers, where we may see them, agree for the zero page alone.
func (p *Process) probeZeroPage() error {
	at := uint64(DefaultBase)
	err := p.require("the zero page",
		callOp(unix.SYS_MMAP, uintptr(at), 2*linux.PageSize, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0),
		touchOp(at, linux.Read), touchOp(at+linux.PageSize, linux.Read))
	if err != nil {
		return err
	}
	pages, err := p.Pages(at, 2)
	if err != nil {
		return err
	}
	p.lab.kernel.ZeroPage = sharesZeroPage(pages[0], pages[1])
	if p.lab.kernel.ZeroPage {
		p.lab.zero = pages[0].Frame()
	}
	return p.require("munmap", callOp(unix.SYS_MUNMAP, uintptr(at), 2*linux.PageSize))
}

// sharesZeroPage reports whether two pages that were only read are one.
func sharesZeroPage(a, b Page) bool {
	return a.Present() && b.Present() && !a.Exclusive() && !b.Exclusive() && a.Frame() == b.Frame()
}

// tryMap maps a page, and unmaps it again. It returns where it was.
func (p *Process) tryMap(addr uint64, flags uintptr) (uint64, unix.Errno, error) {
	op, err := p.runOne(callOp(unix.SYS_MMAP, uintptr(addr), linux.PageSize, unix.PROT_NONE, flags|unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0))
	if err != nil {
		return 0, 0, err
	}
	got, errno := op.Result()
	if errno != 0 {
		return 0, errno, nil
	}
	return uint64(got), 0, p.require("munmap", callOp(unix.SYS_MUNMAP, got, linux.PageSize))
}

// probeLowestAddr asks for the lowest page: the kernel raises the hint.
func (p *Process) probeLowestAddr() error {
	at, errno, err := p.tryMap(linux.PageSize, 0)
	if err == nil && errno != 0 {
		err = fmt.Errorf("mapping a page: %w", errno)
	}
	p.lab.kernel.LowestAddr = at
	return err
}

// probeFiveLevel asks for an address that four levels of page tables do not
// reach.
func (p *Process) probeFiveLevel() error {
	_, errno, err := p.tryMap(1<<48, unix.MAP_FIXED_NOREPLACE)
	p.lab.kernel.FiveLevel = err == nil && errno == 0
	return err
}

// probeWildFetch fetches an instruction from an address that is not canonical.
// Processors raise a general protection exception; QEMU's TCG does not.
func (p *Process) probeWildFetch() error {
	f, err := p.Touch(1<<63, linux.Exec)
	p.lab.kernel.WildFetch = f.End() != linux.SegvKernel
	return err
}

// probeFaultAround reads one page of a file that is all in memory, and counts
// what is mapped then. A kernel that does not let us find out is left at 0.
func (p *Process) probeFaultAround() error {
	const size = 2 << 20
	copy(p.Scratch(), "vmasim-probe\x00")
	op, err := p.runOne(callOp(unix.SYS_MEMFD_CREATE, uintptr(p.ScratchAddr()), 0))
	if err != nil {
		return err
	}
	fd, errno := op.Result()
	if errno != 0 {
		return fmt.Errorf("memfd_create: %w", errno)
	}
	at := uintptr(DefaultBase)
	mapping := callOp(unix.SYS_MMAP, at, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED, fd, 0)
	err = p.require("a file", callOp(unix.SYS_FTRUNCATE, fd, size), mapping)
	if err != nil {
		return err
	}
	if op, err = p.runOne(callOp(unix.SYS_MADVISE, at, size, unix.MADV_POPULATE_WRITE)); err != nil {
		return err
	}
	_, unknown := op.Result() // before 5.14
	if unknown == 0 {
		if err := p.require("a page of a file", callOp(unix.SYS_MUNMAP, at, size), mapping, touchOp(uint64(at), linux.Read)); err != nil {
			return err
		}
		pages, err := p.Pages(uint64(at), size/linux.PageSize)
		if err != nil {
			return err
		}
		for _, e := range pages {
			if e.Present() {
				p.lab.kernel.FaultAround += linux.PageSize
			}
		}
	}
	return p.require("munmap", callOp(unix.SYS_MUNMAP, at, size), callOp(unix.SYS_CLOSE, fd))
}

// probeMaybeGuard guards a page, and looks for the flag. A kernel that has no
// guards has no flag.
func (p *Process) probeMaybeGuard() error {
	at := uintptr(DefaultBase)
	err := p.require("a page to guard",
		callOp(unix.SYS_MMAP, at, linux.PageSize, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0))
	if err != nil {
		return err
	}
	if _, err := p.runOne(callOp(unix.SYS_MADVISE, at, linux.PageSize, unix.MADV_GUARD_INSTALL)); err != nil {
		return err
	}
	areas, err := p.areas(procSmaps, uint64(at), uint64(at)+linux.PageSize)
	if err != nil {
		return err
	}
	p.lab.kernel.MaybeGuard = len(areas) == 1 && areas[0].Flags.Has("gu")
	return p.require("munmap", callOp(unix.SYS_MUNMAP, at, linux.PageSize))
}

// probeDroppable maps a page of droppable memory while all that is mapped is
// locked. Kernels that do not know it, or do not let us lock, lock none.
func (p *Process) probeDroppable() error {
	at := uintptr(DefaultBase)
	lock, err := p.runOne(callOp(unix.SYS_MLOCKALL, unix.MCL_FUTURE))
	if err != nil {
		return err
	}
	if _, errno := lock.Result(); errno != 0 {
		return nil
	}
	flags := uintptr(unix.MAP_DROPPABLE | unix.MAP_ANONYMOUS | unix.MAP_FIXED_NOREPLACE)
	if _, err := p.runOne(callOp(unix.SYS_MMAP, at, linux.PageSize, unix.PROT_READ, flags, ^uintptr(0), 0)); err != nil {
		return err
	}
	areas, err := p.areas(procSmaps, uint64(at), uint64(at)+linux.PageSize)
	if err != nil {
		return err
	}
	p.lab.kernel.LockDroppable = len(areas) == 1 && areas[0].Flags.Has("lo")
	return p.require("munlockall", callOp(unix.SYS_MUNLOCKALL), callOp(unix.SYS_MUNMAP, at, linux.PageSize))
}
