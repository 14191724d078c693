package program

import (
	"encoding/binary"
	"errors"
	"slices"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
)

// sequential is the world of the sequential model, in which statements are performed one point at a time.
//
// A point is what happens at once. As far as others can tell, the kernel performs a fault with its access and most system
// calls at one point. Of these it promises less:
//
//   - touch of several pages is an access for each;
//   - munmap takes the mappings away in its write section and the pages after the downgrade, one after the other. Page
//     table entries can be used until then (linear_access.go);
//   - an access that ends for want of a VMA looked at the entry before it looked for the VMA. In between another task may
//     have made the entry, and a munmap may have left it behind for now;
//   - mprotect changes one VMA after the other; for a fault in one that it has not come to, that VMA's lock is enough;
//   - madvise drops one page after the other, beside faults.
//
// Between the points of munmap and of mprotect no other system call can change the mappings: both hold mmap_lock, and one
// that has downgraded keeps writers out. A walk of the page tables may give up for any reason, and so may the lock of a
// VMA: only their success is judged.
type sequential struct {
	spaces []*modelSpace // by world.mms; nil: not made yet
	files  []*seqmodel.File
	at     []uint64 // how far each event is: what that means is its kind's
	faults []bool   // each event's access has found no entry that allows it, and has still to look for the VMA
}

// modelSpace is an address space.
type modelSpace struct {
	*seqmodel.Model
	busy *event // what is between two points and keeps others from changing the mappings

	// Of a munmap between its points:

	old  *seqmodel.Model // the address space as it was, but for what was cleared since
	left []leaf          // the entries that it still has to clear
}

// event is a statement with its arguments.
type event struct {
	*workloads.Stmt
	index       int // of sequential.at
	space, made int
	outcome     workloads.Outcome

	addr, size, value, offset uint64
	pages                     []uint64 // that it affects and others access, ascending
	unsteady                  []uint64 // whose entries other tasks may clear for a moment
	beside                    bool     // others change entries without a lock of the VMA
}

// progress is what came of a point.
type progress uint8

const (
	refused progress = iota // its result would have been another one, or it would have had to wait
	more                    // there are more points
	done
)

// newSequential makes the world as it is before init.
func newSequential(h *history) *sequential {
	sc := h.world.p.scenario
	w := &sequential{spaces: make([]*modelSpace, len(h.world.mms)), at: make([]uint64, len(h.init)+len(h.events)), faults: make([]bool, len(h.init)+len(h.events))}
	for i, decl := range sc.Files {
		if decl.Again != nil {
			w.files = append(w.files, w.files[decl.Again.Index].Inode.Open(decl.Mode))
			continue
		}
		w.files = append(w.files, modelFile(decl, i < len(h.world.files) && h.world.files[i].HugeAligned())) // a hand-made history has none
	}
	n, machine := 0, h.world.p.plan.Config().Complete()
	for _, m := range sc.MMs {
		if !m.Forked {
			w.spaces[n] = &modelSpace{Model: seqmodel.New(modelConfig(&machine))}
			n++
		}
	}
	return w
}

// modelConfig describes the machine to the sequential model.
func modelConfig(s *mm.Settings) seqmodel.Config {
	return seqmodel.Config{
		Base: s.LowestAddr(), Below: s.LowestAddr() - s.LowestFixed(), MmapBase: s.MmapBase, TaskSize: linux.TaskSize,
		ForbidZeroPage: s.ForbidZeroPage, NoTHP: s.NoTHP, ReserveAll: s.Overcommit == linux.OvercommitNever,
	}
}

// modelFile makes a temporary file as package actor does, on a disk or in memory.
func modelFile(decl *workloads.File, disk bool) *seqmodel.File {
	contents := make([]byte, decl.Size)
	if decl.Pattern {
		for n := 0; n < len(contents); n += wordSize {
			var word [wordSize]byte
			binary.LittleEndian.PutUint64(word[:], uint64(n))
			copy(contents[n:], word[:])
		}
	}
	if disk {
		return seqmodel.NewDiskFile(contents).Open(decl.Mode)
	}
	return seqmodel.NewMemFile(contents).Open(decl.Mode)
}

// step performs the next point of an event; nil is one that does nothing.
func (w *sequential) step(e *event) progress {
	if e == nil {
		return done
	}
	s := w.spaces[e.space]
	if s == nil || s.busy != nil && s.busy != e && e.changesMappings() {
		return refused
	}
	if w.faults[e.index] {
		return when(perform(s.Model, e, w.target(e)) == e.outcome)
	}
	switch e.Kind {
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore:
		return w.access(s, e)
	case workloads.KindLock:
		return when(e.outcome.Kind != workloads.ResultOK || s.mapped(e.addr))
	case workloads.KindWalk:
		return when(e.outcome.Kind != workloads.ResultOK || s.walk(e))
	case workloads.KindMmap:
		return when(w.mmap(s, e))
	case workloads.KindMunmap:
		return w.munmap(s, e)
	case workloads.KindMprotect:
		return w.mprotect(s, e)
	case workloads.KindMadvise:
		return w.madvise(s, e)
	default: // fork
		if e.made >= 0 {
			w.spaces[e.made] = &modelSpace{Model: s.Fork()}
		}
		return done
	}
}

func when(ok bool) progress {
	if ok {
		return done
	}
	return refused
}

func (e *event) changesMappings() bool {
	switch e.Kind {
	case workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindFork:
		return true
	}
	return false
}

// ranges reports whether the statement is on a range, a whole region if it names no size.
func (e *event) ranges() bool {
	switch e.Kind {
	case workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise:
		return true
	}
	return false
}

// ended compares a system call's result with that of the statement.
func (e *event) ended(err error) bool {
	var errno linux.Errno
	errors.As(err, &errno)
	return e.outcome.Errno == errno
}

const (
	wordSize = 8
	pageSize = linux.PageSize
)

func pageOf(addr uint64) uint64 { return addr &^ (pageSize - 1) }

// mapped reports whether there is a VMA.
func (s *modelSpace) mapped(addr uint64) bool {
	return slices.ContainsFunc(s.Maps(), func(r seqmodel.Range) bool { return r.Start <= addr && addr < r.End })
}

func (w *sequential) mmap(s *modelSpace, e *event) bool {
	flags := e.Flags | int(e.Backing.Sharing)
	var file *seqmodel.File
	if f := e.Backing.File; f != nil {
		file = w.files[f.Index]
	} else {
		flags |= linux.MAP_ANONYMOUS
	}
	addr, err := s.Mmap(e.addr, e.size, int(e.Prot), flags, file, e.offset)
	return e.ended(err) && (err != nil || addr == e.outcome.Value)
}

// munmap takes the mappings away, and then page after page.
func (w *sequential) munmap(s *modelSpace, e *event) progress {
	if s.busy == nil {
		return s.unmap(e)
	}
	s.left = s.left[1:]
	if len(s.left) > 0 {
		return more
	}
	s.busy, s.old = nil, nil
	return done
}

func (s *modelSpace) unmap(e *event) progress {
	old := s.Fork() // which has the same contents
	var left []leaf
	for _, page := range e.pages {
		switch {
		case s.Present(page) && !e.beside:
			left = append(left, leaf{page: page, reads: allowed})
		case s.mapped(page): // a fault that failed later, or has not accessed it yet, may have made one
			left = append(left, leaf{page: page})
		}
	}
	err := s.Munmap(e.addr, e.size)
	if err != nil || len(left) == 0 {
		return when(e.ended(err))
	}
	s.busy, s.old, s.left = e, old, left
	if !e.ended(nil) {
		return refused
	}
	return more
}

// mprotect changes the next VMA.
func (w *sequential) mprotect(s *modelSpace, e *event) progress {
	at, end := e.addr+w.at[e.index], e.addr+roundUp(e.size)
	if end <= e.addr { // no range
		return when(e.ended(s.Mprotect(e.addr, e.size, int(e.Prot))))
	}
	stop := end
	for _, r := range s.Maps() {
		if r.Start <= at && at < r.End {
			stop = min(end, r.End)
		}
	}
	err := s.Mprotect(at, stop-at, int(e.Prot))
	if err != nil || stop == end {
		s.busy = nil
		return when(e.ended(err))
	}
	s.busy = e
	w.at[e.index] += stop - at
	return more
}

// madvise drops the next page.
func (w *sequential) madvise(s *modelSpace, e *event) progress {
	n := w.at[e.index]
	if n == 0 { // the result is known before anything is dropped, for the mappings stay
		if err := s.Fork().Madvise(e.addr, e.size, e.Advice); !e.ended(err) {
			return refused
		}
	}
	if n < uint64(len(e.pages)) {
		_ = s.Madvise(e.pages[n], pageSize, e.Advice) // a hole
		n++
	}
	if n >= uint64(len(e.pages)) {
		return done
	}
	w.at[e.index] = n
	return more
}

func roundUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }
