package host

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// mapsQuery is struct procmap_query.
type mapsQuery struct {
	size, queryFlags, queryAddr               uint64
	start, end, flags, granule, offset, inode uint64
	devMajor, devMinor, nameSize, buildIDSize uint32
	nameAddr, buildIDAddr                     uint64
}

// pagesScan is struct pm_scan_arg.
type pagesScan struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages       uint64
	categoryInverted, categoryMask, categoryAnyOfMask, returnMask uint64
}

// pagesRegion is struct page_region.
type pagesRegion struct{ start, end, _ uint64 } // the last: its categories

const (
	procmapQuery = 0xc0686611 // PROCMAP_QUERY, since 6.11
	pagemapScan  = 0xc0606610 // PAGEMAP_SCAN, since 6.7

	coveringOrNext = 0x10 // PROCMAP_QUERY_COVERING_OR_NEXT_VMA
	queryProt      = 0x7  // PROCMAP_QUERY_VMA_READABLE, _WRITABLE, _EXECUTABLE: PROT_READ, _WRITE, _EXEC
	queryShared    = 0x8  // PROCMAP_QUERY_VMA_SHARED

	scanFilled = 0x8 | 0x10 | 0x100 // PAGE_IS_PRESENT, _SWAPPED, _GUARD
)

// CanQuery reports whether the kernel tells of single areas, so that AreasAround can be used.
func (l *Lab) CanQuery() bool { return l.queries }

// CanScan reports whether EachPage costs what is filled, however large the range is.
func (p *Process) CanScan() bool { return p.lab.scans }

// probeQueries finds out which questions the kernel answers.
func (p *Process) probeQueries() {
	_, found, err := p.query(0)
	p.lab.queries = found && err == nil
	_, _, err = p.scan(slotsBase, slotsBase+linux.PageSize)
	p.lab.scans = err == nil
}

// ioctl asks about a file of /proc/PID.
func (p *Process) ioctl(file int, request uintptr, arg unsafe.Pointer) (int, error) {
	for {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(p.proc[file]), request, uintptr(arg))
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// query returns the first area that ends above addr.
func (p *Process) query(addr uint64) (a Area, found bool, err error) {
	q := mapsQuery{queryAddr: addr, queryFlags: coveringOrNext}
	q.size = uint64(unsafe.Sizeof(q))
	switch _, err := p.ioctl(procMaps, procmapQuery, unsafe.Pointer(&q)); err {
	case nil:
	case unix.ENOENT:
		return a, false, nil
	default:
		return a, false, fmt.Errorf("PROCMAP_QUERY of process %d: %w", p.pid, err)
	}
	return Area{Start: q.start, End: q.end, Prot: int(q.flags & queryProt), Shared: q.flags&queryShared != 0,
		Offset: q.offset, Dev: unix.Mkdev(q.devMajor, q.devMinor), Inode: q.inode}, true, nil
}

// AreasAround lists the areas of the window from the first that ends above start to the first that begins at end or above, that one
// included: what may have changed in [start, end), and what may have merged with it. They have neither names nor flags. Unlike
// Areas it costs what lies there, not what the process has.
func (p *Process) AreasAround(start, end uint64) (out []Area, err error) {
	if p.lost != nil {
		return nil, p.lost
	}
	for at := max(start, p.window.Base); at < p.window.End(); {
		a, found, err := p.query(at)
		if err != nil {
			return nil, err
		}
		if !found || a.Start >= p.window.End() {
			break
		}
		out = append(out, a)
		if a.Start >= end {
			break
		}
		at = a.End
	}
	return out, nil
}

// smallRange is how many entries of pagemap are read rather than asked for where there are any.
const smallRange = 1024

// EachPage visits the entries of the pages of [start, end) that are not empty, in order. Of a large range it reads what the kernel
// says is filled.
func (p *Process) EachPage(start, end uint64, visit func(addr uint64, e Page)) error {
	if p.lost != nil {
		return p.lost
	}
	if (end-start)>>linux.PageShift <= smallRange || !p.lab.scans {
		return p.readPages(start, end, visit)
	}
	for start < end {
		filled, next, err := p.scan(start, end)
		if err != nil {
			return err
		}
		for _, r := range filled {
			if err := p.readPages(r.start, r.end, visit); err != nil {
				return err
			}
		}
		start = next
	}
	return nil
}

// scan returns the first parts of [start, end) that are filled, and where it has not looked any more.
func (p *Process) scan(start, end uint64) (filled []pagesRegion, next uint64, err error) {
	arg := pagesScan{start: start, end: end, vec: uint64(uintptr(unsafe.Pointer(p.regions))), vecLen: uint64(len(p.regions)),
		categoryAnyOfMask: scanFilled, returnMask: scanFilled}
	arg.size = uint64(unsafe.Sizeof(arg))
	n, err := p.ioctl(procPagemap, pagemapScan, unsafe.Pointer(&arg))
	if err != nil {
		return nil, 0, fmt.Errorf("PAGEMAP_SCAN of process %d: %w", p.pid, err)
	}
	return p.regions[:n], arg.walkEnd, nil
}

// readPages is EachPage of every entry.
func (p *Process) readPages(start, end uint64, visit func(addr uint64, e Page)) error {
	for start < end {
		wanted := p.buffer[:min((end-start)>>linux.PageShift*8, uint64(len(p.buffer)))]
		got, err := unix.Pread(p.proc[procPagemap], wanted, int64(start>>linux.PageShift*8))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading /proc/%d/pagemap: %w", p.pid, err)
		}
		if got == 0 {
			return fmt.Errorf("/proc/%d/pagemap ends at %#x", p.pid, start)
		}
		for i := 0; i < got; i += 8 {
			if e := Page(binary.NativeEndian.Uint64(wanted[i:])) &^ pageSoftDirty; e != 0 {
				visit(start, e)
			}
			start += linux.PageSize
		}
	}
	return nil
}
