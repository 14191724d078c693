package explore

import (
	"unsafe"

	"vmasim/internal/task"
)

// sharing learns which cells tasks share, that is, which ones two tasks access and one of them writes. A step on any other
// cell can be taken at once, before the steps of the others: that changes nothing for them. So can a read of a cell that no
// other task writes. The knowledge comes from the executions so far, and when one of them finds a cell to be shared that was
// not known to be, the search has to begin anew. Once it ends without that, nothing was left out: the first step of another task that conflicts with one taken at
// once would also come after it, and would have been found there.
type sharing struct {
	cells map[unsafe.Pointer]use
	lives []life
	sizes map[unsafe.Pointer]uintptr // of what was born while the world was made
	news  bool                       // a cell was found to be shared
}

// use is who accesses a cell.
type use struct{ by, writers taskSet }

// conflicts reports whether an access of task i can matter to another task.
func (u use) conflicts(i int, writes bool) bool {
	others := ^(taskSet(1) << i)
	return u.writers&others != 0 || writes && u.by&others != 0
}

// settled reports whether nothing more can be learned: several tasks write.
func (u use) settled() bool { return u.writers.len() > 1 }

// life is memory that a task took or gave back in a slab.
type life struct {
	base unsafe.Pointer
	size uintptr
	task int
}

// graceCell stands for all that sections and grace periods do to each other.
var graceCell = unsafe.Pointer(new(byte))

// touched returns the cell of an operation and whether it writes it; nil if it concerns more than a cell.
func touched(e *task.Event) (addr unsafe.Pointer, writes bool) {
	switch e.Op {
	case task.OpSectionBegin, task.OpSectionEnd:
		return graceCell, false
	case task.OpSynchronize, task.OpGracePeriodWait, task.OpCall, task.OpBarrier, task.OpStartPoll, task.OpPoll:
		return graceCell, true
	case task.OpWakeUp, task.OpSchedule, task.OpSendSig:
		return nil, true
	}
	if e.Size > 0 {
		return nil, true
	}
	kind := e.Op.Info().Kind
	return e.Addr, kind != task.Read && (kind != task.Wait || e.Enabled != nil)
}

// local reports whether, for all that is known, the operation of task i matters to it alone.
func (s *sharing) local(i int, e *task.Event) bool {
	addr, writes := touched(e)
	return addr != nil && !s.cells[addr].conflicts(i, writes)
}

// note takes an operation of task i into account.
func (s *sharing) note(i int, e *task.Event) {
	addr, writes := touched(e)
	if e.Size > 0 { // as if all of it were new
		s.lived(i, e.Addr, e.Size)
	}
	if addr == nil {
		return
	}
	u := s.cells[addr]
	if u.settled() {
		return
	}
	was := u
	u.by |= 1 << i
	if writes {
		u.writers |= 1 << i
	}
	if was.by == 0 {
		for _, l := range s.lives {
			if uintptr(addr)-uintptr(l.base) < l.size {
				u.by |= 1 << l.task
				u.writers |= 1 << l.task
			}
		}
	}
	s.put(addr, was, u)
}

// put notes a use, and whether an access that was local with what was known before is not so any more.
func (s *sharing) put(addr unsafe.Pointer, was, u use) {
	if u == was {
		return
	}
	s.cells[addr] = u
	several := u.by.len() > 1 && u.writers != 0
	s.news = s.news || several && (u.writers != was.writers || was.by.len() <= 1)
}

// share makes a cell one that counts as shared whatever is known.
func (s *sharing) share(addr unsafe.Pointer) {
	s.put(addr, s.cells[addr], use{by: ^taskSet(0), writers: ^taskSet(0)})
}

// existed notes how large an object is that was born before the first step.
func (s *sharing) existed(base unsafe.Pointer, size uintptr) {
	if s.sizes == nil {
		s.sizes = map[unsafe.Pointer]uintptr{}
	}
	s.sizes[base] = max(size, s.sizes[base])
}

// lived notes that task i took memory, or, with size 0, gave it back: both write all of it.
func (s *sharing) lived(i int, base unsafe.Pointer, size uintptr) {
	for _, l := range s.lives {
		if l.base == base && l.task == i {
			return
		}
		if l.base == base {
			size = max(size, l.size)
		}
	}
	size = max(size, s.sizes[base])
	s.lives = append(s.lives, life{base, size, i})
	for addr, u := range s.cells {
		if uintptr(addr)-uintptr(base) < size {
			w := u
			w.by |= 1 << i
			w.writers |= 1 << i
			s.put(addr, u, w)
		}
	}
}
