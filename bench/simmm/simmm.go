// Package simmm is vmasim as a contender: its address space, driven as the other implementations are.
package simmm

import (
	"fmt"
	"slices"

	"vmasim/bench"
	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

const (
	// hotPages are faulted between two calls of Forget: so few that their frames come from the task's cache and stay in
	// the processor's.
	hotPages = 64
	// walkPages are all that a worker faults, turn by turn: enough that no branch predictor and no cache knows them.
	walkPages = 1 << 18
	// residentPages are what Populate backs for each worker.
	residentPages = 1 << 16

	memory    = 1 << 30 // bytes; only what is used is taken
	readWrite = linux.PROT_READ | linux.PROT_WRITE
	anonymous = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS
	fixed     = anonymous | linux.MAP_FIXED
)

// Base is where a layout may begin.
const Base = 1 << 32

// stack lies above what mmap chooses, as in every process.
const stack = linux.MmapBase + 16<<20

// Space is an address space with the VMAs of a layout, a stack, and for each worker a task and a VMA to split. It offers every
// operation of package bench. A Space is used for Fault or for Refault, not for both.
type Space struct {
	machine *mm.Machine
	mm      *mm.MM
	workers []worker

	noVMALock  bool // what is found is kept as it is by mmap_lock
	speculates bool // it is copied, and the counter of the mm says whether the copy is good
}

type worker struct {
	task  *task.Task
	pages []uint64 // to fault: pages[window:] come next
	addrs []uint64 // to look up in turn

	window, nextPage, nextAddr int

	faulted bool   // since the last Forget
	split   uint64 // the middle one of three pages
	_       [64]byte
}

// New returns a space with the VMAs of the layout, mapped in random order, for the given number of workers. Each worker
// keeps to its own part of the VMAs: it faults their pages and looks up their addresses at random if random is set, else
// in order. The layout leaves gaps, so that no VMAs merge. Close releases it.
func New(layout bench.Layout, workers int, random bool, seed uint64) (*Space, error) {
	return Under(rules.Default, layout, workers, random, seed)
}

// Under is New under the given rules.
func Under(spec string, layout bench.Layout, workers int, random bool, seed uint64) (s *Space, err error) {
	set, err := rules.Parse(spec)
	if err != nil {
		return nil, err
	}
	s = &Space{workers: make([]worker, workers), noVMALock: set.Lock() == rules.MmapLock, speculates: set.Lock() == rules.SpeculativeLock}
	s.machine, err = fault.NewMachine(mm.Config{Rules: set, Memory: memory, MaxMapCount: layout.VMAs + 4*workers + 10})
	if err != nil {
		return nil, err
	}
	for i := range s.workers {
		s.workers[i].task = s.machine.NewTask(fmt.Sprintf("worker %d", i))
	}
	t := s.workers[0].task
	if s.mm, err = s.machine.NewMM(t, "bench"); err != nil {
		return nil, err
	}
	for _, i := range layout.Order(seed) {
		if err := s.mapFixed(t, layout.Start(i), layout.Pages); err != nil {
			return nil, err
		}
	}
	if err := s.mapFixed(t, stack, 32); err != nil {
		return nil, err
	}
	end := layout.End(layout.VMAs - 1)
	for i := range s.workers {
		w := &s.workers[i]
		part := layout.Part(i, workers)
		w.pages = walk(part, random, seed+uint64(i))
		w.addrs = part.Walk(seed+uint64(i), random)
		w.split = end + uint64(i*8+2)*linux.PageSize
		if err := s.mapFixed(t, w.split-linux.PageSize, 3); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// walk returns the pages that a worker faults: different ones, in whole passes; none if its part has too few for one.
func walk(part bench.Layout, random bool, seed uint64) []uint64 {
	pages := part.Sequential(part.VMAs * part.Pages)
	if random {
		bench.Shuffle(seed, pages)
	}
	pages = pages[:min(len(pages), walkPages)]
	return slices.Clone(pages[:len(pages)/hotPages*hotPages]) // of a million VMAs a part is walked
}

func (s *Space) mapFixed(t *task.Task, addr uint64, pages int) error {
	args := mm.MmapArgs{Addr: addr, Len: uint64(pages) * linux.PageSize, Prot: readWrite, Flags: fixed}
	if _, err := s.mm.Mmap(t, args); err != nil {
		return fmt.Errorf("map a VMA at %#x: %w", addr, err)
	}
	return nil
}

// Close unmaps everything and reports what it finds left over.
func (s *Space) Close() error {
	t := s.workers[0].task
	s.mm.Put(t)
	s.machine.Settle(t)
	leaks := s.machine.Leaks()
	for _, w := range s.workers {
		s.machine.EndTask(w.task)
	}
	if err := s.machine.Close(); err != nil {
		return err
	}
	if leaks != "" {
		return fmt.Errorf("simmm: left over: %s", leaks)
	}
	return nil
}

// FaultPages is the number of pages that each worker can fault between two calls of Forget.
func (s *Space) FaultPages() int { return hotPages }

// Fault takes the first write fault on the worker's next n pages.
func (s *Space) Fault(worker, n int) {
	w := &s.workers[worker]
	w.faulted = true
	for _, page := range w.pages[w.window:][:n] {
		s.fault(w.task, page)
	}
	s.idle(w)
}

// idle says that the worker goes away: an RCU grace period must not wait for its next operation.
func (s *Space) idle(w *worker) { s.machine.RCU.Quiescent(w.task) }

// Forget takes all workers' pages away.
func (s *Space) Forget() {
	for worker := range s.workers {
		s.ForgetOwn(worker)
	}
}

// ForgetOwn takes the pages away that the worker has faulted, with its own task, whose cache gets their frames.
func (s *Space) ForgetOwn(worker int) {
	if w := &s.workers[worker]; w.faulted {
		s.forgetPass(w)
	}
}

// forgetPass goes backwards, so that the frames come out again in the order in which they lie in memory, and moves on to
// the next pages.
func (s *Space) forgetPass(w *worker) {
	w.faulted = false
	for page := hotPages - 1; page >= 0; page-- {
		s.forget(w.task, w.pages[w.window+page])
	}
	if w.window += hotPages; w.window == len(w.pages) {
		w.window = 0
	}
	s.idle(w)
}

// Touch faults and forgets every page that Fault will take, so that the VMAs have their anon_vmas and the page tables
// exist: the faults measured are the second and later ones of their VMAs.
func (s *Space) Touch() {
	for i := range s.workers {
		w := &s.workers[i]
		for _, page := range w.pages {
			s.fault(w.task, page)
			s.forget(w.task, page)
		}
		s.idle(w)
	}
}

func (s *Space) forget(t *task.Task, page uint64) {
	if err := s.mm.Madvise(t, page, linux.PageSize, linux.MADV_DONTNEED); err != nil {
		panic(fmt.Sprintf("simmm: madvise: %v", err))
	}
}

// Refault takes n write faults on the worker's pages, which Populate has backed.
func (s *Space) Refault(worker, n int) {
	w := &s.workers[worker]
	resident := w.resident()
	for range n {
		s.fault(w.task, resident[w.nextPage])
		if w.nextPage++; w.nextPage == len(resident) {
			w.nextPage = 0
		}
	}
	s.idle(w)
}

// Populate backs the pages that Refault uses.
func (s *Space) Populate() {
	for i := range s.workers {
		w := &s.workers[i]
		for _, page := range w.resident() {
			s.fault(w.task, page)
		}
		s.idle(w)
	}
}

func (w *worker) resident() []uint64 { return w.pages[:min(len(w.pages), residentPages)] }

func (s *Space) fault(t *task.Task, addr uint64) {
	if res := fault.Handle(t, s.mm, addr, linux.Write, false); res != linux.OK {
		panic(fmt.Sprintf("simmm: fault at %#x: %v", addr, res))
	}
}

// MapUnmap maps one page where the address space chooses, and unmaps it again, untouched, n times.
func (s *Space) MapUnmap(worker, n int) {
	t := s.workers[worker].task
	for range n {
		addr, err := s.mm.Mmap(t, mm.MmapArgs{Len: linux.PageSize, Prot: readWrite, Flags: anonymous})
		if err == nil {
			err = s.mm.Munmap(t, addr, linux.PageSize)
		}
		if err != nil {
			panic(fmt.Sprintf("simmm: map and unmap: %v", err))
		}
	}
}

// MapMergeUnmap is MapUnmap beside a page of the same kind, of which the mapping becomes a part and is split off again, as it is where several
// writers map and unmap.
func (s *Space) MapMergeUnmap(worker, n int) {
	t := s.workers[worker].task
	addr, err := s.mm.Mmap(t, mm.MmapArgs{Len: linux.PageSize, Prot: readWrite, Flags: anonymous})
	must(err)
	s.MapUnmap(worker, n)
	must(s.mm.Munmap(t, addr, linux.PageSize))
}

// SplitMerge makes the middle of the worker's three pages read-only and writable again, n times.
func (s *Space) SplitMerge(worker, n int) {
	w := &s.workers[worker]
	for range n {
		s.protect(w.task, w.split, linux.PROT_READ)
		s.protect(w.task, w.split, readWrite)
	}
}

func (s *Space) protect(t *task.Task, page uint64, prot int) {
	if err := s.mm.Mprotect(t, page, linux.PageSize, prot); err != nil {
		panic(fmt.Sprintf("simmm: mprotect: %v", err))
	}
}

// Counters returns what the worker's task has counted. The worker must be idle.
func (s *Space) Counters(worker int) task.Counters { return s.workers[worker].task.Counters }

// MapCount returns the number of VMAs. The workers must be idle.
func (s *Space) MapCount() int { return s.mm.MapCount(s.workers[0].task) }

// Find read-locks the VMAs of n addresses, as a fault does.
func (s *Space) Find(worker, n int) {
	w := &s.workers[worker]
	for range n {
		s.find(w.task, w.advance())
	}
	s.idle(w)
}

func (s *Space) find(t *task.Task, addr uint64) {
	if s.speculates {
		if c, ok := s.mm.Speculate(t, addr); !ok || !s.mm.Stable(t, vma.ReadLock{Seq: c.Seq}) {
			panic(missing(addr))
		}
		return
	}
	r := s.mm.LockVMAUnderRCU(t, addr)
	if s.noVMALock {
		r, _ = s.mm.LockAndFindVMA(t, addr)
	}
	if r.VMA == nil {
		panic(missing(addr))
	}
	s.mm.EndRead(t, r)
}

func (w *worker) advance() uint64 {
	addr := w.addrs[w.nextAddr]
	if w.nextAddr++; w.nextAddr == len(w.addrs) {
		w.nextAddr = 0
	}
	return addr
}

func (w *worker) advancePage() uint64 {
	page := w.pages[w.nextPage]
	if w.nextPage++; w.nextPage == len(w.pages) {
		w.nextPage = 0
	}
	return page
}

func missing(addr uint64) string { return fmt.Sprintf("simmm: no VMA at %#x", addr) }

func check(t *task.Task, v *vma.VMA, addr uint64) {
	if v == nil || !v.Contains(t, addr) {
		panic(missing(addr))
	}
}
