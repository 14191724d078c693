package program

import (
	"slices"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/workloads"
)

// This file says how an access can end at one moment, also behind a munmap that has taken the VMA away and has not come to the
// entry of the page yet.

// leaf is the entry of a page that a munmap has still to clear. Nothing changes it any more, as a fault finds no VMA, so that
// accesses of one kind all end alike. Whether it allows writing the model does not know: a page that others have, too, is mapped
// without, and a fault is to copy it.
type leaf struct {
	page          uint64
	reads, writes verdict
}

// verdict is what is known of whether an entry allows an access that its VMA allowed.
type verdict uint8

const (
	untried verdict = iota
	allowed
	denied
)

// leaf returns the entry of an address that a munmap has still to clear; nil: there is none.
func (s *modelSpace) leaf(addr uint64) *leaf {
	if i := slices.IndexFunc(s.left, func(l leaf) bool { return l.page == pageOf(addr) }); i >= 0 {
		return &s.left[i]
	}
	return nil
}

// verdict returns what is known of an access by the entry.
func (l *leaf) verdict(a linux.Access) verdict {
	if a == linux.Write {
		return l.writes
	}
	return l.reads
}

// settle notes how an access by the entry ended.
func (l *leaf) settle(a linux.Access, v verdict) {
	if a == linux.Write {
		l.writes = v
	} else {
		l.reads = v
	}
	switch {
	case l.writes == allowed:
		l.reads = allowed
	case l.reads == denied: // there is no entry
		l.writes = denied
	}
}

// access returns the kind of an event's access.
func (e *event) access() linux.Access {
	switch {
	case e.Kind == workloads.KindStore:
		return linux.Write
	case e.Kind == workloads.KindTouch:
		return e.Access
	}
	return linux.Read
}

// target returns the address that an event is to access next.
func (w *sequential) target(e *event) uint64 {
	if e.Kind == workloads.KindTouch && e.Size != nil {
		return pageOf(e.addr) + w.at[e.index]
	}
	return e.addr
}

// access performs an access, of a touch with a size the one to the next page.
func (w *sequential) access(s *modelSpace, e *event) progress {
	addr := w.target(e)
	if e.Size == nil {
		return when(s.ends(e, addr, e.outcome))
	}
	end, failed := e.addr+e.size, e.outcome.Kind != workloads.ResultOK
	if addr >= end {
		return when(!failed)
	}
	last := addr+pageSize >= end
	switch asStated := s.ends(e, addr, e.outcome); {
	case asStated && (failed || last):
		return done
	case !asStated && (!failed || last || !s.ends(e, addr, workloads.Outcome{})):
		return refused
	}
	w.at[e.index] += pageSize
	return more
}

// fault performs the first half of an access that ends for want of a VMA: no entry allows it now. It reports whether that can be.
func (w *sequential) fault(e *event) bool {
	if e == nil || !e.accesses() || e.outcome.Kind != workloads.ResultSegvMaperr || w.faults[e.index] || w.spaces[e.space] == nil {
		return false
	}
	s, addr, access := w.spaces[e.space], w.target(e), e.access()
	if e.Size != nil && addr >= e.addr+e.size {
		return false
	}
	if l := s.leaf(addr); l != nil {
		w.faults[e.index] = s.denies(l, e, addr)
	} else {
		w.faults[e.index] = !s.Present(addr) || access == linux.Write || slices.Contains(e.unsteady, pageOf(addr)) || !permits(s.Model, addr, access)
	}
	return w.faults[e.index]
}

// unsteady reports whether another task may clear, at the time of an event, the entry of a page for a moment, to set another: to copy the page, or
// to change rights, or, in every VMA, for khugepaged and ksm.
func (h *history) unsteady(i int, page uint64) bool {
	for j := range h.world.log {
		other, e := &h.world.log[j], h.events[j]
		if other.runner == h.world.log[i].runner || h.before[i].has(j) || h.before[j].has(i) {
			continue
		}
		if hasNoLock(other.stmt) || e != nil && e.resets() && page < e.addr+max(roundUp(e.size), 1) && e.addr < page+pageSize {
			return true
		}
	}
	return false
}

// resets reports whether an event may clear an entry for a moment.
func (e *event) resets() bool {
	return e.Kind == workloads.KindMprotect || e.accesses() && e.access() == linux.Write
}

// hasNoLock reports whether a statement changes entries of VMAs in which it holds no lock.
func hasNoLock(s *workloads.Stmt) bool {
	return s.Kind == workloads.KindCollapse || s.Kind == workloads.KindKSM
}

// accesses reports whether the event is an access that may fault.
func (e *event) accesses() bool {
	return e.Kind == workloads.KindTouch || e.Kind == workloads.KindLoad || e.Kind == workloads.KindStore
}

// permits reports whether the VMA at an address allows an access.
func permits(m *seqmodel.Model, addr uint64, a linux.Access) bool {
	return m.Fork().Touch(addr, a) == linux.OK
}

// ends performs one memory access of an event and reports whether it can end so.
func (s *modelSpace) ends(e *event, addr uint64, out workloads.Outcome) bool {
	l, access := s.leaf(addr), e.access()
	if l == nil {
		return perform(s.Model, e, addr) == out
	}
	switch out.Kind {
	case workloads.ResultSegvAccerr: // it takes a VMA to tell
		return false
	case workloads.ResultSegvMaperr:
		return s.denies(l, e, addr)
	}
	if l.verdict(access) == denied || perform(s.old, e, addr) != out {
		return false
	}
	l.settle(access, allowed)
	return true
}

// denies reports whether an event's access can be one that the entry does not allow.
func (s *modelSpace) denies(l *leaf, e *event, addr uint64) bool {
	access := e.access()
	switch {
	case !permits(s.old, addr, access):
		return true
	case l.verdict(access) == allowed:
		return false
	}
	if e.Size == nil { // else a later page may be the one that was denied
		l.settle(access, denied)
	}
	return true
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

// walk reads without a fault.
func (s *modelSpace) walk(e *event) bool {
	return s.ends(e, e.addr, e.outcome)
}
