// Package hostmm is the peer that says what is real: the running kernel's own address space, driven by raw system calls
// and by touching pages.
package hostmm

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/bench"
	"vmasim/internal/linux"
)

const (
	pageSize = linux.PageSize
	// seqPages are touched in order, far more than any cache of free pages holds: the kernel pays for cold pages as a
	// real process does.
	seqPages = 16384
	// randPages are touched at random between two calls of Forget; of few fillers, each is made large enough.
	randPages = 4096
	// spare is how many VMAs are left for the Go runtime and for the mappings measured.
	spare = 2000

	readWrite = unix.PROT_READ | unix.PROT_WRITE
	anonymous = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
)

// Fit returns the largest number of filler VMAs, at most n, that vm.max_map_count lets this process have.
func Fit(n int) (int, error) {
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return 0, fmt.Errorf("limit of mappings: %w", err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("limit of mappings: %w", err)
	}
	used, err := countVMAs()
	if err != nil {
		return 0, err
	}
	return min(n, limit-used-spare), nil
}

// countVMAs is the number of this process's VMAs.
func countVMAs() (int, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, fmt.Errorf("own mappings: %w", err)
	}
	return bytes.Count(maps, []byte("\n")), nil
}

// Space is a number of filler VMAs in this process and, for each worker, VMAs of its own. It offers [bench.Mapper] and
// [bench.Splitter]; Sequential and Random offer [bench.Faulter]. Only one Space should exist at a time: they share the
// one address space.
type Space struct {
	fillers []byte
	workers []worker
	spacers [][]byte
	order   []int // offsets of the writable pages of the fillers, shuffled
	window  int   // where in order the current pages of Random begin
}

type worker struct {
	own   []byte // faulted in order
	split []byte // three pages whose middle one changes protection
}

// New maps n filler VMAs, alternately read-write and read-only so that none can merge, and the workers' own. Close
// unmaps everything. The error says if the kernel refused; [Fit] tells what it accepts.
func New(n, workers int, seed uint64) (s *Space, err error) {
	s = &Space{workers: make([]worker, workers)}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.mapFillers(n, seed); err != nil {
		return nil, err
	}
	for i := range s.workers {
		if s.workers[i].own, err = s.mapSmallPages(seqPages); err != nil {
			return nil, err
		}
		if s.workers[i].split, err = s.mapSmallPages(3); err != nil {
			return nil, err
		}
	}
	return s, s.isolateNextMapping()
}

func (s *Space) mapFillers(n int, seed uint64) (err error) {
	pages := max(1, 2*randPages*len(s.workers)/n+1)
	if s.fillers, err = s.mapSmallPages(n * pages); err != nil {
		return err
	}
	for i := range n {
		at := i * pages * pageSize
		if i%2 == 1 {
			if err := unix.Mprotect(s.fillers[at:at+pages*pageSize], unix.PROT_READ); err != nil {
				return fmt.Errorf("mprotect of filler %d of %d: %w", i, n, err)
			}
			continue
		}
		for page := range pages {
			s.order = append(s.order, at+page*pageSize)
		}
	}
	bench.Shuffle(seed, s.order)
	return nil
}

// mapSmallPages maps anonymous memory that the kernel must not back with huge pages, and that cannot merge with what
// was mapped before it.
func (s *Space) mapSmallPages(pages int) ([]byte, error) {
	if err := s.addSpacer(); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(-1, 0, pages*pageSize, readWrite, anonymous)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d pages: %w", pages, err)
	}
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && err != unix.EINVAL { // EINVAL: a kernel without them
		return nil, fmt.Errorf("madvise of %d pages: %w", pages, err)
	}
	return mem, nil
}

// addSpacer maps an inaccessible page where the kernel would put the next one.
func (s *Space) addSpacer() error {
	spacer, err := unix.Mmap(-1, 0, pageSize, unix.PROT_NONE, anonymous)
	if err != nil {
		return fmt.Errorf("mmap of a spacer: %w", err)
	}
	s.spacers = append(s.spacers, spacer)
	return nil
}

// isolateNextMapping adds spacers until a new mapping of one page is a VMA of its own: one that merged with a
// neighbour would not be what MapUnmap is about.
func (s *Space) isolateNextMapping() error {
	for range 10 {
		addr := mmapPage()
		alone, err := isVMA(addr)
		munmapPage(addr)
		if alone || err != nil {
			return err
		}
		if err := s.addSpacer(); err != nil {
			return err
		}
	}
	return fmt.Errorf("no place where a new mapping stays alone: %w", unix.ENOMEM)
}

// isVMA reports whether a VMA is exactly the page at addr.
func isVMA(addr uintptr) (bool, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return false, fmt.Errorf("own mappings: %w", err)
	}
	return bytes.Contains(maps, fmt.Appendf(nil, "%08x-%08x ", addr, addr+pageSize)), nil
}

// Close unmaps everything that New mapped.
func (s *Space) Close() error {
	regions := append(s.spacers, s.fillers)
	for _, w := range s.workers {
		regions = append(regions, w.own, w.split)
	}
	for _, region := range regions {
		if region == nil {
			continue // New failed before it was mapped
		}
		if err := unix.Munmap(region); err != nil {
			return fmt.Errorf("munmap: %w", err)
		}
	}
	*s = Space{}
	return nil
}

// MapUnmap maps and unmaps one page, untouched, wherever the kernel puts it, n times.
func (s *Space) MapUnmap(_, n int) {
	for range n {
		munmapPage(mmapPage())
	}
}

func mmapPage() uintptr {
	const noFile = ^uintptr(0)
	addr, _, errno := unix.RawSyscall6(unix.SYS_MMAP, 0, pageSize, readWrite, anonymous, noFile, 0)
	if errno != 0 {
		panic(fmt.Sprintf("hostmm: mmap: %v", errno))
	}
	return addr
}

func munmapPage(addr uintptr) {
	if _, _, errno := unix.RawSyscall6(unix.SYS_MUNMAP, addr, pageSize, 0, 0, 0, 0); errno != 0 {
		panic(fmt.Sprintf("hostmm: munmap: %v", errno))
	}
}

// SplitMerge makes the middle page of the worker's three read-only and writable again, n times.
func (s *Space) SplitMerge(worker, n int) {
	middle := uintptr(unsafe.Pointer(&s.workers[worker].split[pageSize]))
	for range n {
		mprotectPage(middle, unix.PROT_READ)
		mprotectPage(middle, readWrite)
	}
}

func mprotectPage(addr, prot uintptr) {
	if _, _, errno := unix.RawSyscall6(unix.SYS_MPROTECT, addr, pageSize, prot, 0, 0, 0); errno != 0 {
		panic(fmt.Sprintf("hostmm: mprotect: %v", errno))
	}
}
