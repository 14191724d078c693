// Package gvisor is gVisor's own memory manager as a peer of vmasim: pkg/sentry/mm from the Go module proxy, driven
// without a gVisor kernel.
package gvisor

import (
	"fmt"
	"time"

	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/memmap"
	"gvisor.dev/gvisor/pkg/sentry/mm"
	"gvisor.dev/gvisor/pkg/sentry/pgalloc"

	"vmasim/bench"
)

const pageSize = hostarch.PageSize

// Space is a MemoryManager with VMAs of one page each, alternately read-write and read-only so that none can merge. It
// offers [bench.Faulter], [bench.Refaulter], [bench.Mapper] and [bench.Splitter].
//
// One-page VMAs are what makes its first fault comparable with a fault of 4 KiB: gVisor backs the 2 MiB around a fault
// as far as the VMA reaches, so that in a larger VMA 511 of 512 faults would find their page there. It does not zero
// the page, and no page table is written; both are in its favour.
//
// All methods block in gVisor's own locks: more than one thread of it must run floating.
type Space struct {
	manager *mm.MemoryManager
	file    *pgalloc.MemoryFile
	task    *noTask

	base    hostarch.Addr
	vmas    int
	workers []worker
}

type worker struct {
	pages []hostarch.Addr // its own writable ones, in the order in which it faults
	next  int             // of Refault
	split hostarch.Addr   // the middle one of three pages
	_     [64]byte
}

// New returns a space of n VMAs, half of them writable, for the given number of workers, which fault their own part of
// the pages in a random order if random is set, else upwards. Close releases it.
func New(n, workers int, random bool, seed uint64) (s *Space, err error) {
	s = &Space{vmas: n, workers: make([]worker, workers)}
	if s.file, err = newMemoryFile(); err != nil {
		return nil, err
	}
	s.task = newTask(s.file)
	if s.manager, err = mm.NewMemoryManager(noPlatform{}, s.file); err != nil {
		return nil, fmt.Errorf("memory manager: %w", err)
	}
	if _, err = s.manager.SetMmapLayout(&arch.Context64{}, s.task.limits); err != nil {
		return nil, fmt.Errorf("mmap layout: %w", err)
	}
	if err = s.mapVMAs(seed); err != nil {
		return nil, err
	}
	writable := (n + 1) / 2
	for i := range s.workers {
		w := &s.workers[i]
		for page := writable * i / workers; page < writable*(i+1)/workers; page++ {
			w.pages = append(w.pages, s.base+hostarch.Addr(2*page*pageSize))
		}
		if random {
			bench.Shuffle(seed+uint64(i), w.pages)
		}
		if w.split, err = s.mapSplittable(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// mapVMAs maps all pages without access, because gVisor populates small accessible mappings at once, and then gives
// them their protections, in random order as the other implementations.
func (s *Space) mapVMAs(seed uint64) (err error) {
	if s.base, err = s.mmap(s.vmas, hostarch.NoAccess); err != nil {
		return err
	}
	for _, i := range (bench.Layout{VMAs: s.vmas}).Order(seed) {
		access := hostarch.ReadWrite
		if i%2 == 1 {
			access = hostarch.Read
		}
		if err := s.manager.MProtect(s.base+hostarch.Addr(i*pageSize), pageSize, access, false); err != nil {
			return fmt.Errorf("mprotect of VMA %d: %w", i, err)
		}
	}
	return nil
}

// mapSplittable maps three pages, kept apart from other mappings of their kind by one without access, and returns the
// middle one.
func (s *Space) mapSplittable() (hostarch.Addr, error) {
	start, err := s.mmap(4, hostarch.NoAccess)
	if err != nil {
		return 0, err
	}
	if err := s.manager.MProtect(start, 3*pageSize, hostarch.ReadWrite, false); err != nil {
		return 0, fmt.Errorf("mprotect: %w", err)
	}
	return start + pageSize, nil
}

func (s *Space) mmap(pages int, access hostarch.AccessType) (hostarch.Addr, error) {
	start, err := s.manager.MMap(s.task, memmap.MMapOpts{
		Length:   uint64(pages) * pageSize,
		Perms:    access,
		MaxPerms: hostarch.AnyAccess,
		Private:  true,
	})
	if err != nil {
		return 0, fmt.Errorf("mmap of %d pages: %w", pages, err)
	}
	return start, nil
}

// Close unmaps everything and gives the memory back.
func (s *Space) Close() {
	s.manager.DecUsers(s.task)
	s.file.Destroy()
}

// FaultPages is the number of pages that each worker can fault.
func (s *Space) FaultPages() int { return s.vmas / 2 / len(s.workers) }

// Fault takes the first write fault on the worker's first n pages.
func (s *Space) Fault(worker, n int) {
	for _, page := range s.workers[worker].pages[:n] {
		s.fault(page)
	}
}

// Refault takes n write faults on the worker's pages, which Populate has backed.
func (s *Space) Refault(worker, n int) {
	w := &s.workers[worker]
	for range n {
		s.fault(w.pages[w.next])
		if w.next++; w.next == len(w.pages) {
			w.next = 0
		}
	}
}

// Populate backs every writable page.
func (s *Space) Populate() {
	for _, w := range s.workers {
		for _, page := range w.pages {
			s.fault(page)
		}
	}
}

func (s *Space) fault(addr hostarch.Addr) {
	if err := s.manager.HandleUserFault(s.task, addr, hostarch.Write, 0); err != nil {
		panic(fmt.Sprintf("gvisor peer: fault at %#x: %v", addr, err))
	}
}

// settle is how long gVisor's releaser goroutine, in the background, needs to give forgotten pages back to the host.
// Measured beside it, a first fault takes up to twice as long; to wait is in gVisor's favour.
const settle = time.Millisecond

// Forget takes the pages away, as madvise(MADV_DONTNEED) does, and lets gVisor clean up after them.
func (s *Space) Forget() {
	if err := s.manager.Decommit(s.base, uint64(s.vmas)*pageSize); err != nil {
		panic(fmt.Sprintf("gvisor peer: decommit: %v", err))
	}
	time.Sleep(settle)
}

// MapUnmap maps and unmaps one page without access, n times: with access gVisor would populate it at once, which
// neither the kernel nor vmasim does.
func (s *Space) MapUnmap(_, n int) {
	for range n {
		page, err := s.mmap(1, hostarch.NoAccess)
		if err == nil {
			err = s.manager.MUnmap(s.task, page, pageSize)
		}
		if err != nil {
			panic(fmt.Sprintf("gvisor peer: map and unmap: %v", err))
		}
	}
}

// MapMergeUnmap is MapUnmap beside a page of the same kind, of which the mapping becomes a part and is split off again.
func (s *Space) MapMergeUnmap(worker, n int) {
	page, err := s.mmap(1, hostarch.NoAccess)
	if err != nil {
		panic(fmt.Sprintf("gvisor peer: map: %v", err))
	}
	s.MapUnmap(worker, n)
	if err := s.manager.MUnmap(s.task, page, pageSize); err != nil {
		panic(fmt.Sprintf("gvisor peer: unmap: %v", err))
	}
}

// SplitMerge makes the middle of the worker's three pages read-only and writable again, n times.
func (s *Space) SplitMerge(worker, n int) {
	middle := s.workers[worker].split
	for range n {
		s.protect(middle, hostarch.Read)
		s.protect(middle, hostarch.ReadWrite)
	}
}

func (s *Space) protect(page hostarch.Addr, access hostarch.AccessType) {
	if err := s.manager.MProtect(page, pageSize, access, false); err != nil {
		panic(fmt.Sprintf("gvisor peer: mprotect: %v", err))
	}
}
