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
//     table entries can be used until then;
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
}

// modelSpace is an address space.
type modelSpace struct {
	*seqmodel.Model
	busy *event // what is between two points and keeps others from changing the mappings

	// Of a munmap between its points:

	old     *seqmodel.Model // the address space as it was, but for what was cleared since
	present []uint64        // the pages that it still has to clear
	unknown []uint64        // pages of which a fault that failed later may have left something in the page tables
}

// event is a statement with its arguments.
type event struct {
	*workloads.Stmt
	index       int // of sequential.at
	space, made int
	outcome     workloads.Outcome

	addr, size, value, offset uint64
	pages                     []uint64 // that it affects and others access, ascending
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
	w := &sequential{spaces: make([]*modelSpace, len(h.world.mms)), at: make([]uint64, len(h.init)+len(h.events))}
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
		Base: s.LowestAddr(), Below: s.LowestAddr() - s.LowestFixed(), MmapBase: mm.MmapBase, TaskSize: linux.TaskSize,
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
	switch e.Kind {
	case workloads.KindTouch:
		return w.touch(s, e)
	case workloads.KindLoad, workloads.KindStore:
		return when(s.access(e, e.addr))
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

// views returns the address spaces that an access may see: while pages are being cleared it may find the old one in the
// page tables. An access of which an entry does not allow the kind, as to write or to execute, faults, and finds no VMA any more.
func (s *modelSpace) views(e *event, addr uint64) []*seqmodel.Model {
	page := pageOf(addr)
	switch {
	case slices.Contains(s.present, page) && e.Size == nil && e.outcome.Kind == workloads.ResultSegvMaperr && !e.reads():
		return []*seqmodel.Model{s.Model}
	case slices.Contains(s.present, page):
		return []*seqmodel.Model{s.old}
	case slices.Contains(s.unknown, page):
		return []*seqmodel.Model{s.Model, s.old}
	}
	return []*seqmodel.Model{s.Model}
}

// reads reports whether the statement only reads.
func (e *event) reads() bool {
	return e.Kind == workloads.KindLoad || e.Kind == workloads.KindWalk || e.Kind == workloads.KindTouch && e.Access == linux.Read
}

// access performs one memory access of an event and reports whether it can end as the event did.
func (s *modelSpace) access(e *event, addr uint64) bool {
	return slices.ContainsFunc(s.views(e, addr), func(m *seqmodel.Model) bool { return perform(m, e, addr) == e.outcome })
}

// perform performs an access in the model.
func perform(m *seqmodel.Model, e *event, addr uint64) (out workloads.Outcome) {
	var res linux.AccessEnd
	switch e.Kind {
	case workloads.KindTouch:
		res = m.Touch(addr, e.Access)
	case workloads.KindStore:
		for i := uint64(0); i < wordSize && res == linux.OK; i++ {
			res = m.Store8(addr+i, byte(e.value>>(8*i)))
		}
	default:
		out.Value, res = loadWord(m, addr)
	}
	out.Kind = workloads.AccessOutcome(res).Kind
	return out
}

func loadWord(m *seqmodel.Model, addr uint64) (word uint64, res linux.AccessEnd) {
	for i := uint64(0); i < wordSize; i++ {
		b, res := m.Load8(addr + i)
		if res != linux.OK {
			return 0, res
		}
		word |= uint64(b) << (8 * i)
	}
	return word, linux.OK
}

// touch performs an access to the next page.
func (w *sequential) touch(s *modelSpace, e *event) progress {
	if e.Size == nil {
		return when(s.access(e, e.addr))
	}
	page, end := pageOf(e.addr)+w.at[e.index], e.addr+e.size
	failed := e.outcome.Kind != workloads.ResultOK
	if page >= end {
		return when(!failed)
	}
	last := page+pageSize >= end
	switch asStated := s.access(e, page); {
	case asStated && (failed || last):
		return done
	case !asStated && (!failed || last || !s.succeeds(e, page)):
		return refused
	}
	w.at[e.index] += pageSize
	return more
}

// succeeds performs an access of an event that failed at a later one.
func (s *modelSpace) succeeds(e *event, addr uint64) bool {
	return slices.ContainsFunc(s.views(e, addr), func(m *seqmodel.Model) bool { return perform(m, e, addr).Kind == workloads.ResultOK })
}

// mapped reports whether there is a VMA.
func (s *modelSpace) mapped(addr uint64) bool {
	return slices.ContainsFunc(s.Maps(), func(r seqmodel.Range) bool { return r.Start <= addr && addr < r.End })
}

// walk reads without a fault.
func (s *modelSpace) walk(e *event) bool {
	return slices.ContainsFunc(s.views(e, e.addr), func(m *seqmodel.Model) bool {
		value, res := loadWord(m, e.addr)
		return res == linux.OK && value == e.outcome.Value
	})
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
	if len(s.present) > 0 {
		s.present = s.present[1:]
	}
	if len(s.present) > 0 {
		return more
	}
	s.busy, s.old, s.unknown = nil, nil, nil
	return done
}

func (s *modelSpace) unmap(e *event) progress {
	old := s.Fork() // which has the same contents
	var present, unknown []uint64
	for _, page := range e.pages {
		switch {
		case s.Present(page):
			present = append(present, page)
		case s.mapped(page):
			unknown = append(unknown, page)
		}
	}
	err := s.Munmap(e.addr, e.size)
	if err != nil || len(present)+len(unknown) == 0 {
		return when(e.ended(err))
	}
	s.busy, s.old, s.present, s.unknown = e, old, present, unknown
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
