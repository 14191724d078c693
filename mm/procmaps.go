package mm

import (
	"errors"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// mapsReader reads the layout of an address space as /proc/PID/maps does: proc_maps_private. It is inside an RCU section, which it leaves to
// wait, and keeps the VMA that it has told last locked until it goes on, unless it holds mmap_lock.
type mapsReader struct {
	mm         *MM
	last       uint64   // where the last VMA that was told ended: last_pos
	held       *vma.VMA // read-locked; nil: none
	mmapLocked bool
	stood      uint64   // where the entry ends that was found last: where an iterator that is not set goes on
	reading    *reading // what has to be told; nil: that is not judged
}

// ReadMaps reads the layout as /proc/PID/maps does and returns how many of the VMAs that it has told lie in [start, end). Since 6.17 it locks
// one VMA after the other, and what is told was not there all at one time; before, mmap_lock was held. It fails with EINTR.
func (mm *MM) ReadMaps(t *task.Task, start, end uint64) (lines uint64, err error) {
	t.Enter("m_start")
	defer t.Leave()
	r := mapsReader{mm: mm}
	if mm.Rules.Has(rules.MapsVMALocks) {
		mm.RCU.ReadLock(t)
	} else if err := r.holdMmapLock(t); err != nil {
		return 0, err
	}
	for {
		v, err := r.next(t)
		if err != nil || v == nil {
			r.stop(t)
			return lines, err
		}
		if s := r.show(t, v); s.start < end && s.end > start {
			lines++
		}
	}
}

// holdMmapLock takes mmap_lock for all that is left to be told. It fails with EINTR.
func (r *mapsReader) holdMmapLock(t *task.Task) error {
	if err := r.mm.MmapReadLockKillable(t); err != nil {
		return err
	}
	r.mmapLocked = true
	return nil
}

// stop gives back what the reader holds: unlock_vma_range.
func (r *mapsReader) stop(t *task.Task) {
	r.reading.stop()
	if r.mmapLocked {
		r.mm.MmapReadUnlock(t)
		return
	}
	r.unlock(t)
	r.mm.RCU.ReadUnlock(t)
}

// unlock gives the VMA back that was told last: unlock_ctx_vma.
func (r *mapsReader) unlock(t *task.Task) {
	if r.held != nil {
		r.mm.EndRead(t, vma.ReadLock{VMA: r.held})
		r.held = nil
	}
}

// show tells a VMA, which stays as it is, and where the next one is to be looked for: show_map_vma, and what proc_get_vma makes of *ppos.
func (r *mapsReader) show(t *task.Task, v *vma.VMA) span {
	t.Enter("show_map_vma")
	defer t.Leave()
	v.Flags(t)
	v.File(t)
	start, end := v.Range(t)
	r.reading.tell(t, v, start, end)
	r.last = end
	return span{start, end}
}

// next returns the next VMA, and keeps it as it is until the one after it is asked for; nil: there is none. It fails with EINTR: get_next_vma.
func (r *mapsReader) next(t *task.Task) (*vma.VMA, error) {
	if r.mmapLocked {
		return r.findNext(t, r.last), nil
	}
	if r.mm.Rules.Has(rules.UnlockBeforeNext) {
		r.unlock(t)
	}
	v, err := r.lockNext(t)
	r.unlock(t)
	if errors.Is(err, linux.EAGAIN) { // fallback_to_mmap_lock: the count is at its limit
		r.mm.RCU.ReadUnlock(t)
		if err := r.holdMmapLock(t); err != nil {
			r.mm.RCU.ReadLock(t)
			return nil, err
		}
		return r.findNext(t, r.last), nil
	}
	r.held = v
	return v, err
}

// find returns the first VMA that ends above addr: vma_next of an iterator that is set to addr.
func (r *mapsReader) find(t *task.Task, addr uint64) (v *vma.VMA) {
	r.mm.Tree.Ascend(t, addr, func(e tree.Entry) bool {
		v, r.stood = e.VMA, e.End
		return false
	})
	if r.reading == nil {
		r.reading = r.mm.startReading(t)
	}
	return v
}

// findNext is find, after which the reader has told all where nothing is found.
func (r *mapsReader) findNext(t *task.Task, addr uint64) *vma.VMA {
	v := r.find(t, addr)
	if v == nil {
		r.reading.end(t)
	}
	return v
}

// lockNext read-locks the first VMA that ends above r.last: lock_next_vma. It is inside the RCU section when it is called, and when it
// returns. That the VMA is locked says that it stays; that nothing lies between r.last and it is to be found out besides.
func (r *mapsReader) lockNext(t *task.Task) (*vma.VMA, error) {
	t.Enter("lock_next_vma")
	defer t.Leave()
	mm, rs := r.mm, &r.mm.Rules
	for from := r.last; ; {
		seq, idle := mm.SpeculateTryBegin(t)
		v := r.findNext(t, from)
		if v == nil {
			return nil, nil
		}
		switch mm.StartRead(t, v) { // leaves the RCU section unless it locks
		case vma.ReadDetached:
			t.Counters[task.NextVMARetry]++
			t.Reach(task.NextRetried)
			if mm.DropsRCU() {
				mm.RCU.ReadLock(t)
			}
			if !rs.Has(rules.NextAnew) {
				from = r.stood
			}
			continue
		case vma.ReadBusy:
			if !mm.DropsRCU() {
				mm.RCU.ReadUnlock(t)
			}
			return r.lockNextUnderMmapLock(t)
		}
		if rs.Has(rules.NextNotBehind) && r.last >= v.End(t) || r.isBeyond(t, v, seq, idle) {
			mm.RCU.ReadUnlock(t)
			mm.EndRead(t, vma.ReadLock{VMA: v})
			return r.lockNextUnderMmapLock(t)
		}
		return v, nil
	}
}

// isBeyond reports whether a VMA that was found and locked is not the next one any more: it begins behind r.last, a writer has been at work
// since the search began, and another search finds another VMA.
func (r *mapsReader) isBeyond(t *task.Task, v *vma.VMA, seq uint32, idle bool) bool {
	return r.mm.Rules.Has(rules.RecheckGap) && r.last < v.Start(t) && (!idle || r.mm.SpeculateRetry(t, seq)) && r.find(t, r.last) != v
}

// lockNextUnderMmapLock read-locks the first VMA that ends above r.last while no writer can be at work: lock_next_vma_under_mmap_lock. It is
// called outside the RCU section, and leaves inside it. It fails with EINTR, and with EAGAIN where the VMA has too many readers.
func (r *mapsReader) lockNextUnderMmapLock(t *task.Task) (v *vma.VMA, err error) {
	t.Enter("lock_next_vma_under_mmap_lock")
	defer t.Leave()
	t.Counters[task.NextVMAFallback]++
	t.Reach(task.NextUnderMmapLock)
	defer r.mm.RCU.ReadLock(t)
	if err := r.mm.MmapReadLockKillable(t); err != nil {
		return nil, err
	}
	defer r.mm.MmapReadUnlock(t)
	from := r.last
	if !r.mm.Rules.Has(rules.FallBackFromLast) {
		from = r.stood
	}
	if v = r.findNext(t, from); v != nil && !r.mm.StartReadLocked(t, v) {
		return nil, linux.EAGAIN
	}
	return v, nil
}
