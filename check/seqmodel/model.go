// Package seqmodel is a sequential reference model of one Linux 6.18 address
// space (x86-64, 4 KiB pages, overcommit heuristic, THP "madvise"): the oracle
// against which the concurrent implementation in mm/ is tested.
//
// It is written to be obviously right, not fast: a sorted slice of areas, a map
// of pages, plain merge logic; no tree, no locks, no page tables. It shares no
// code with mm/. Its own truth is the running kernel: host_test.go drives both
// with the same random operations and compares them after each one.
//
// A Model is not safe for concurrent use; models related by Fork share the
// files they map and must be driven one operation at a time.
package seqmodel

import (
	"fmt"
	"maps"
	"slices"

	"vmasim/internal/linux"
)

// protBits are the access rights an area can have.
const protBits = linux.PROT_READ | linux.PROT_WRITE | linux.PROT_EXEC

// Config fixes the limits of an address space. Addresses are bytes and must be
// page aligned.
type Config struct {
	Base        uint64 // lowest address that may be mapped; MAP_FIXED below it is EPERM
	MmapBase    uint64 // the top-down search starts here
	TaskSize    uint64 // first address past user space; 0 means MmapBase
	MaxMapCount int    // vm.max_map_count; 0 means the kernel's default, 65530
	// ForbidZeroPage has a read of untouched anonymous memory allocate a page, as a write does (mm_forbids_zeropage).
	ForbidZeroPage bool
	NoTHP          bool   // nothing is placed for huge pages, and MAP_STACK leaves no flag
	ReserveAll     bool   // MAP_NORESERVE is ignored: vm.overcommit_memory is 2
	Below          uint64 // bytes below Base that MAP_FIXED may map
}

const defaultMaxMapCount = 65530

// Model is one address space.
type Model struct {
	cfg   Config
	areas []area           // sorted by address, disjoint
	pages map[uint64]*page // by page address
}

// New returns an empty address space. It panics on a Config that no machine
// could have.
func New(cfg Config) *Model {
	if cfg.TaskSize == 0 {
		cfg.TaskSize = cfg.MmapBase
	}
	if cfg.MaxMapCount == 0 {
		cfg.MaxMapCount = defaultMaxMapCount
	}
	if (cfg.Base|cfg.MmapBase|cfg.TaskSize)&linux.PageMask != 0 ||
		cfg.Base >= cfg.MmapBase || cfg.Below > cfg.Base || cfg.MmapBase > cfg.TaskSize || cfg.MaxMapCount < 0 {
		panic(fmt.Sprintf("seqmodel: impossible config %+v", cfg))
	}
	return &Model{cfg: cfg, pages: make(map[uint64]*page)}
}

// Config returns the limits the model was made with, defaults filled in.
func (m *Model) Config() Config { return m.cfg }

// MapCount is the number of areas, the kernel's mm->map_count.
func (m *Model) MapCount() int { return len(m.areas) }

// Fork returns the child's address space (dup_mmap): the same areas and files,
// private pages copied. Each area with an anon_vma gets a new one of its own,
// which is what keeps it from merging with anything else in the child. Pages
// are inherited only by those areas; the others fault theirs in again.
func (m *Model) Fork() *Model {
	child := New(m.cfg)
	child.areas = slices.Clone(m.areas)
	for i := range child.areas {
		a := &child.areas[i]
		if a.anon == nil {
			continue
		}
		a.anon, a.inherited = newAnonVMA(), true
		for addr := a.start; addr < a.end; addr += linux.PageSize {
			if p := m.pages[addr]; p != nil {
				child.pages[addr] = p.clone()
			}
		}
	}
	return child
}

// Exit drops every area and page (exit_mmap). The model must not be used
// afterwards.
func (m *Model) Exit() {
	m.areas, m.pages = nil, nil
}

// Range is the visible state of one area.
type Range struct {
	Start, End uint64
	Prot       int    // PROT_READ | PROT_WRITE | PROT_EXEC
	Shared     bool   // VM_MAYSHARE, the "s" of /proc/self/maps
	File       *File  // nil for private anonymous memory; shared anonymous memory has an object of its own
	Pgoff      uint64 // in pages; for private anonymous memory the page number of the address
	Account    bool   // VM_ACCOUNT
	NoReserve  bool   // VM_NORESERVE
	NoHugePage bool   // VM_NOHUGEPAGE, left by MAP_STACK
	Faulted    bool   // has an anon_vma
	AnonVMA    int    // which one: 1, 2, ... in order of first appearance; 0 for none
	Inherited  bool   // the anon_vma came over fork (chain longer than one)
}

// Bounds implements [operands.Area].
func (r Range) Bounds() (start, end uint64) { return r.Start, r.End }

// Maps lists the areas in address order.
func (m *Model) Maps() []Range {
	ids := map[*anonVMA]int{nil: 0}
	out := make([]Range, 0, len(m.areas))
	for _, a := range m.areas {
		id, seen := ids[a.anon]
		if !seen {
			id = len(ids)
			ids[a.anon] = id
		}
		out = append(out, Range{
			Start: a.start, End: a.end, Prot: a.prot, Shared: a.shared, File: a.file, Pgoff: a.pgoff,
			Account: a.account, NoReserve: a.noReserve, NoHugePage: a.noHugePage,
			Faulted: a.anon != nil, AnonVMA: id, Inherited: a.inherited,
		})
	}
	return out
}

// find returns the index of the first area that ends after addr, or
// len(m.areas): the kernel's find_vma.
func (m *Model) find(addr uint64) int {
	for i, a := range m.areas {
		if addr < a.end {
			return i
		}
	}
	return len(m.areas)
}

// at returns the area that contains addr, or nil.
func (m *Model) at(addr uint64) *area {
	if i := m.find(addr); i < len(m.areas) && m.areas[i].start <= addr {
		return &m.areas[i]
	}
	return nil
}

// overlaps reports whether anything is mapped in [start, end).
func (m *Model) overlaps(start, end uint64) bool {
	i := m.find(start)
	return i < len(m.areas) && m.areas[i].start < end
}

// dropPages forgets the pages of [start, end): the next touch faults again.
func (m *Model) dropPages(start, end uint64) {
	maps.DeleteFunc(m.pages, func(addr uint64, _ *page) bool { return start <= addr && addr < end })
}

// pageAlign rounds a length up to pages; near the top of the range it wraps to
// 0, as PAGE_ALIGN does.
func pageAlign(n uint64) uint64 { return (n + linux.PageMask) &^ linux.PageMask }

// Clone returns an address space that is like this one, and then goes its own way. Files are shared.
func (m *Model) Clone() *Model {
	c := New(m.cfg)
	c.areas = slices.Clone(m.areas)
	for addr, p := range m.pages {
		c.pages[addr] = p.clone()
	}
	return c
}

// Move moves the part of the area at addr that ends at end to a place where nothing is mapped, with its pages, as mremap does with each area
// before one at which it fails (move_vma). Private anonymous memory that nothing was stored to takes the page offsets of its new place. With
// leave the area stays (MREMAP_DONTUNMAP), without the pages, and without an anon_vma if all of it was moved.
func (m *Model) Move(addr, end, to uint64, leave bool) {
	a := m.at(addr).part(addr, end)
	n := a
	n.start, n.end = to, to+(end-addr)
	if n.file == nil && n.anon == nil {
		n.pgoff = to >> linux.PageShift
	}
	m.insert(n)
	for at := addr; at < end; at += linux.PageSize {
		if p := m.pages[at]; p != nil {
			m.pages[at-addr+to] = p
			delete(m.pages, at)
		}
	}
	if !leave {
		_ = m.unmap(addr, end) // at the limit of the map count the call has failed before it
	} else if left := m.at(addr); left.start == addr && left.end == end {
		left.anon, left.inherited = nil, false
	}
}

// Cut splits the area at addr, if one goes on there, as a call does that then fails (split_vma).
func (m *Model) Cut(addr uint64) {
	if a := m.at(addr); a != nil && a.start < addr {
		_ = m.split(m.find(addr), addr) // at the limit of the map count the call has failed before it
	}
}
