package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// splitVMA splits v at addr unless map_count is at its limit: split_vma. v keeps the upper part if newBelow, else the
// lower. The caller holds mmap_lock for writing. On an error nothing has changed.
func (mm *MM) splitVMA(t *task.Task, v *vma.VMA, addr uint64, newBelow bool) error {
	if mm.MapCount(t) >= mm.Machine.MaxMapCount {
		return errno("split", linux.ENOMEM, "map_count is at its limit of %d", mm.Machine.MaxMapCount)
	}
	return mm.doSplit(t, v, addr, newBelow)
}

// doSplit is splitVMA without the limit: __split_vma.
func (mm *MM) doSplit(t *task.Task, v *vma.VMA, addr uint64, newBelow bool) error {
	t.Enter("__split_vma")
	defer t.Leave()
	if err := maySplit(t, v, addr); err != nil {
		return err
	}
	m := mm.Machine
	if mm.Rules.Has(rules.SplitLocksFirst) {
		mm.StartWrite(t, v)
	}
	n, err := m.VMAs.Dup(t, v, &mm.MMLock)
	if err != nil {
		return err
	}
	start, end := v.Range(t)
	pgoff, at := v.Pgoff(t), v.PgoffAt(t, addr)
	if newBelow {
		n.SetRange(t, start, addr, pgoff)
	} else {
		n.SetRange(t, addr, end, at)
	}
	if err := mm.Tree.Preallocate(t); err != nil {
		mm.freeVMA(t, n)
		return err
	}
	if mm.Rules.Has(rules.SplitClonesAnonVMA) {
		n.SetAnonVMA(t, v.AnonVMA(t))
		if err := m.cloneAnonVMA(t, n, v); err != nil {
			mm.freeVMA(t, n)
			return err
		}
	}
	if ops := n.Ops(t); ops != nil && ops.Open != nil {
		ops.Open(t, n)
	}
	if mm.Rules.Has(rules.SplitLocksOld) {
		mm.StartWrite(t, v)
	}
	mm.StartWrite(t, n)
	rmap := mm.lockRmap(t, v)
	if newBelow {
		v.SetRange(t, addr, end, at)
	} else {
		v.SetRange(t, start, addr, pgoff)
	}
	if newBelow {
		t.Reach(task.SplitBelow)
	} else {
		t.Reach(task.SplitAbove)
	}
	mm.storeNew(t, n) // the store shortens v's entry
	rmap.link(t, n)
	rmap.unlock(t)
	return nil
}

// maySplit asks the owner of a mapping whether v may be split at addr.
func maySplit(t *task.Task, v *vma.VMA, addr uint64) error {
	if ops := v.OpsPeek(); ops != nil && ops.MaySplit != nil {
		return ops.MaySplit(t, v, addr)
	}
	return nil
}

// rmapLocks are the locks under which the range of a linked VMA may change.
type rmapLocks struct {
	v    *vma.VMA
	anon *vma.AnonVMA
}

// lockRmap locks v against reverse lookups before its range changes: vma_prepare. v is write-locked. Without the rule it locks nothing.
func (mm *MM) lockRmap(t *task.Task, v *vma.VMA) rmapLocks {
	if !mm.Rules.Has(rules.LockRmap) {
		return rmapLocks{}
	}
	return takeRmapLocks(t, v)
}

// takeRmapLocks locks v against reverse lookups: take_rmap_locks.
func takeRmapLocks(t *task.Task, v *vma.VMA) rmapLocks {
	l := rmapLocks{v: v, anon: v.AnonVMA(t)}
	if f := v.File(t); f != nil {
		f.IMmap.DownWrite(t)
	}
	if l.anon != nil {
		l.anon.Lock(t)
	}
	return l
}

// link enters n, which was split off, in the reverse map of the file: vma_complete.
func (l rmapLocks) link(t *task.Task, n *vma.VMA) {
	if f := n.File(t); f != nil {
		f.Link(n.Mapping())
	}
}

func (l rmapLocks) unlock(t *task.Task) {
	if l.anon != nil {
		l.anon.Unlock(t)
	}
	if l.v == nil {
		return
	}
	if f := l.v.File(t); f != nil {
		f.IMmap.UpWrite(t)
	}
}
