package check

import (
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// TestStaleNode: who has left the read section in which it found a node must begin at the root again.
func TestStaleNode(t *testing.T) {
	l := newLockLab(t, "", "stale-node", "lock-rule")
	m := l.mm()
	v := l.attached(m)
	tr := tree.New(l.boot, l.rcu)
	tr.Store(l.boot, testStart, testEnd, v)
	var last *ksync.Pointer[byte] // the newest node
	for n := range l.c.objects {
		if o := &l.c.objects[n]; o.shape.layout == tree.NodeLayout() {
			last = (*ksync.Pointer[byte])(unsafe.Add(o.base, tree.NodeLayout().Fields[0].Offset))
		}
	}
	stale := func(tk *task.Task) {
		l.rcu.ReadLock(tk)
		tr.Lookup(tk, testStart)
		l.rcu.ReadUnlock(tk)
		l.rcu.ReadLock(tk)
		last.LoadAcquire(tk) // found in the section before
		l.rcu.ReadUnlock(tk)
	}
	l.run(nil, func(tk *task.Task) {
		l.rcu.ReadLock(tk)
		tr.Lookup(tk, testStart)
		tr.Find(tk, testStart)
		l.rcu.ReadUnlock(tk)
		m.MmapReadLock(tk)
		tr.Lookup(tk, testStart)
		l.rcu.ReadLock(tk)
		l.rcu.ReadUnlock(tk)
		last.LoadAcquire(tk) // mmap_lock has kept it
		m.MmapReadUnlock(tk)
		l.want("")
		stale(tk)
	})
	l.want("stale-node")
	l.run(nil, func(tk *task.Task) { tr.Lookup(tk, testStart) })
	l.want("lock-rule")
}

// TestKeptLeaf: to look again at what a walk has found is in order as long as it was kept from being freed.
func TestKeptLeaf(t *testing.T) {
	l := newLockLab(t, "", "stale-node", "lock-rule")
	m := l.mm()
	tr := tree.New(l.boot, l.rcu)
	v := l.attached(m)
	m.MmapWriteLock(l.boot)
	tr.Store(l.boot, testStart, testEnd, v)
	m.MmapWriteUnlock(l.boot)
	l.run(nil, func(tk *task.Task) {
		l.rcu.ReadLock(tk)
		_, at := tr.Walk(tk, testStart)
		if at.Again(tk, testStart) != v || at.Again(tk, testEnd) != nil {
			t.Error("it is not where it was")
		}
		l.want("")
		l.rcu.ReadUnlock(tk)
		l.rcu.ReadLock(tk)
		at.Again(tk, testStart)
		l.rcu.ReadUnlock(tk)
	})
	l.want("stale-node")
}

// TestRmapUninitialised: a VMA that a reverse lookup can find is complete.
func TestRmapUninitialised(t *testing.T) {
	l := newLockLab(t, "", "rmap-uninitialised", "lock-rule")
	m := l.mm()
	v := l.attached(m)
	anon := &vma.AnonVMA{}
	anon.Init(l.boot)
	l.run(nil, func(tk *task.Task) {
		m.MmapWriteLock(tk)
		n, err := l.cache.Dup(tk, v, m)
		if err != nil {
			t.Error(err)
			return
		}
		n.SetRange(tk, testStart, testStart+page, testStart>>12)
		anon.Lock(tk)
		anon.Link(tk, &vma.AnonVMAChain{}, n)
		anon.Unlock(tk)
		n.SetFlags(tk, testFlags) // flags, that no reverse lookup depends on, fork still changes
		l.want("")
		n.SetRange(tk, testStart+page, testEnd, testStart>>12+1)
		l.want("rmap-uninitialised")
		n.SetChain(tk, nil)
		n.SetRange(tk, testStart, testEnd, testStart>>12)
		m.MmapWriteUnlock(tk)
	})
	l.want("")
}
