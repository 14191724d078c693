package explore

import (
	"fmt"
	"testing"
	"time"

	"vmasim/vma"
)

// The twin is the lock protocol a second time, as a small transition system that is searched breadth first: it shares no line
// with the code that is explored, so that both have the same number of states says that the explorer reaches every state of
// the protocol and tells apart no two that are one.
//
// A step of the twin is an announced operation on a cell that the tasks share. Other events (read sections, vm_mm,
// mm_count, mmap_lock with a single writer, the writer's reads of what it alone writes) the explorer takes at once.

// twinPlace is where a task of the twin stands: the operation that it performs next.
type twinPlace uint8

const (
	twinEnd twinPlace = iota

	// A reader: vma_start_read and vma_end_read.
	hintVMASeq  // READ_ONCE(vma->vm_lock_seq)
	hintMMSeq   // compared with mm_lock_seq
	takeRef     // __refcount_inc_not_zero_limited_acquire
	checkVMASeq // once more, under the reference
	checkMMSeq
	giveUp // vma_refcount_put by vma_start_read
	wakeAfterGivingUp
	wakingAfterGivingUp
	endRead // vma_refcount_put by vma_end_read
	wakeAfterEndRead
	wakingAfterEndRead

	// The writer: mmap_write_lock, vma_start_write, vma_mark_detached, vma_mark_attached, mmap_write_unlock.
	beginWrite
	enterToWrite // __vma_enter_locked: refcount_add_not_zero
	readersToWrite
	announceToWrite
	lookToWrite
	sleepToWrite
	forgetToWrite
	storeVMASeq
	exitToWrite
	checkAttached
	dropAttached
	enterToDetach
	readersToDetach
	announceToDetach
	lookToDetach
	sleepToDetach
	forgetToDetach
	exitToDetach
	checkDetached
	attach
	endWrite
)

const twinReaders = 3

// twinState is a state of the twin: the shared words, and of each task where it stands and what it remembers.
type twinState struct {
	refcnt        int32
	vmaSeq, mmSeq uint8
	waiting       bool // the writer has announced itself in vma_writer_wait
	woken         bool // the writer has a wake-up to look at

	reader [twinReaders]twinReader
	writer twinPlace
	round  uint8 // of the writer, how many are left
}

type twinReader struct {
	at    twinPlace
	round uint8 // how many are left
	seq   uint8 // the vm_lock_seq that it saw, while it is going to compare it
}

// twin is a search of all states.
type twin struct {
	readers     int
	seen        map[twinState]struct{}
	queue       []twinState
	transitions int
	wrong       []string
}

// newTwin returns the twin of a [detachRace] that is bare.
func newTwin(readers, rounds, detaches int) *twin {
	w := &twin{readers: readers, seen: map[twinState]struct{}{}}
	first := twinState{refcnt: 1, vmaSeq: 1, mmSeq: 2, writer: beginWrite, round: uint8(detaches)}
	for i := range readers {
		first.reader[i] = twinReader{at: hintVMASeq, round: uint8(rounds)}
	}
	w.add(first)
	return w
}

func (w *twin) add(s twinState) {
	if _, known := w.seen[s]; !known {
		w.seen[s] = struct{}{}
		w.queue = append(w.queue, s)
	}
}

func (w *twin) search() {
	for len(w.queue) > 0 && w.wrong == nil {
		s := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		moved := false
		for i := range w.readers {
			if next := s; next.stepReader(&next.reader[i]) {
				moved = true
				w.transitions++
				w.add(next)
			}
		}
		if next := s; w.stepWriter(&next) {
			moved = true
			w.transitions++
			w.add(next)
		}
		if !moved && !s.ended() {
			w.wrong = append(w.wrong, fmt.Sprintf("stuck in %+v", s))
		}
	}
}

func (s *twinState) ended() bool {
	for i := range s.reader {
		if s.reader[i].at != twinEnd {
			return false
		}
	}
	return s.writer == twinEnd && s.refcnt == 1
}

// stepReader takes a step of a reader, and reports whether there is one.
func (s *twinState) stepReader(r *twinReader) bool {
	switch r.at {
	case twinEnd:
		return false
	case hintVMASeq, checkVMASeq:
		r.seq = s.vmaSeq
		r.at++
	case hintMMSeq:
		r.compare(s.mmSeq, takeRef, twinEnd)
	case takeRef:
		if s.refcnt == 0 || s.refcnt >= vma.VMARefLimit {
			r.again()
			break
		}
		s.refcnt++
		r.at = checkVMASeq
	case checkMMSeq:
		r.compare(s.mmSeq, endRead, giveUp)
	case giveUp, endRead:
		s.refcnt--
		if s.refcnt < vma.VMALockOffset || s.refcnt > vma.VMALockOffset+1 {
			r.again()
			break
		}
		r.at++
	case wakeAfterGivingUp, wakeAfterEndRead:
		if !s.waiting {
			r.again()
			break
		}
		r.at++
	case wakingAfterGivingUp, wakingAfterEndRead:
		switch s.writer {
		case announceToWrite, lookToWrite, sleepToWrite, announceToDetach, lookToDetach, sleepToDetach: // otherwise nothing comes of it
			s.woken = true
		}
		r.again()
	}
	return true
}

// compare goes on as the sequence numbers say; twinEnd ends the round.
func (r *twinReader) compare(mmSeq uint8, differ, same twinPlace) {
	seq := r.seq
	r.seq = 0
	switch {
	case seq != mmSeq:
		r.at = differ
	case same == twinEnd:
		r.again()
	default:
		r.at = same
	}
}

// again ends a round.
func (r *twinReader) again() {
	r.at = hintVMASeq
	if r.round--; r.round == 0 {
		r.at = twinEnd
	}
}

// stepWriter takes a step of the writer, and reports whether there is one.
func (w *twin) stepWriter(s *twinState) bool {
	switch s.writer {
	case twinEnd:
		return false
	case beginWrite:
		s.mmSeq++
		s.writer = enterToWrite
	case enterToWrite:
		s.refcnt += vma.VMALockOffset
		s.writer = readersToWrite
	case readersToWrite:
		s.unlessReaders(vma.VMALockOffset+1, storeVMASeq)
	case lookToWrite:
		s.look(vma.VMALockOffset + 1)
	case announceToWrite, announceToDetach:
		s.waiting = true
		s.writer++
	case sleepToWrite, sleepToDetach:
		if !s.woken {
			return false
		}
		s.woken = false
		s.writer--
	case forgetToWrite, forgetToDetach:
		s.waiting = false
		s.writer++
	case storeVMASeq:
		s.vmaSeq = s.mmSeq
		s.writer = exitToWrite
	case exitToWrite:
		s.refcnt -= vma.VMALockOffset
		s.writer = checkAttached
	case checkAttached:
		w.check(s, s.refcnt != 0)
		s.writer = dropAttached
	case dropAttached:
		s.refcnt--
		s.writer = enterToDetach
		if s.refcnt == 0 {
			s.writer = checkDetached
		}
	case enterToDetach:
		s.writer = checkDetached
		if s.refcnt != 0 {
			s.refcnt += vma.VMALockOffset
			s.writer = readersToDetach
		}
	case readersToDetach:
		s.unlessReaders(vma.VMALockOffset, exitToDetach)
	case lookToDetach:
		s.look(vma.VMALockOffset)
	case exitToDetach:
		s.refcnt -= vma.VMALockOffset
		s.writer = checkDetached
	case checkDetached:
		w.check(s, s.refcnt == 0)
		s.writer = attach
	case attach:
		s.refcnt = 1
		s.writer = endWrite
	case endWrite:
		s.mmSeq++
		s.writer = beginWrite
		if s.round--; s.round == 0 {
			s.writer = twinEnd
		}
	}
	return true
}

// unlessReaders goes on if the count is target, and otherwise makes ready to wait.
func (s *twinState) unlessReaders(target int32, then twinPlace) {
	if s.refcnt == target {
		s.writer = then
		return
	}
	s.woken = false // wake-ups of earlier waits
	s.writer++
}

// look looks whether the count is target, and otherwise goes to sleep.
func (s *twinState) look(target int32) {
	if s.refcnt == target {
		s.woken = false
		s.writer += forgetToWrite - lookToWrite
		return
	}
	s.writer += sleepToWrite - lookToWrite
}

func (w *twin) check(s *twinState, ok bool) {
	if !ok {
		w.wrong = append(w.wrong, fmt.Sprintf("a rule is broken in %+v", *s))
	}
}

// TestLockProtocolHasATwin goes through every state of readers that lock a VMA beside a writer that detaches it and attaches it
// again: as many as the twin has. Two rounds of two readers and of the writer take half a second. A prototype, which had other
// steps, found 17 549 states there.
func TestLockProtocolHasATwin(t *testing.T) {
	for _, size := range []struct{ readers, rounds, detaches int }{{1, 1, 1}, {2, 1, 1}, {2, 2, 1}, {2, 2, 2}, {3, 1, 1}} {
		if testing.Short() && size.detaches > 1 {
			continue // the largest
		}
		w := newTwin(size.readers, size.rounds, size.detaches)
		begun := time.Now()
		w.search()
		took := time.Since(begun)
		p := newDetachRace(t, size.readers, size.rounds, size.detaches, "")
		p.bare = true
		rep := explored(t, p, Options{Strategy: States})
		if w.wrong != nil {
			t.Errorf("%+v: the twin: %v", size, w.wrong)
		}
		if !rep.Complete || len(rep.Violations) > 0 || rep.States != len(w.seen) {
			t.Errorf("%+v: complete %v, %v, %d states, the twin has %d", size, rep.Complete, rep.Violations, rep.States, len(w.seen))
		}
		t.Logf("%+v: %d states, %d executions, %v; the twin: %d states, %d transitions, %v",
			size, rep.States, rep.Executions, rep.Elapsed, len(w.seen), w.transitions, took)
	}
}
