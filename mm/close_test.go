package mm_test

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// owner counts the VMAs that refer to its mapping, as a driver does.
type owner struct {
	lab            *lab
	opened, closed int
	alive          map[*vma.VMA]bool // by the generation it was opened in
	ops            vma.Ops
}

func newOwner(l *lab) *owner {
	o := &owner{lab: l, alive: map[*vma.VMA]bool{}}
	o.ops = vma.Ops{Name: "test", Open: func(_ *task.Task, v *vma.VMA) {
		o.opened++
		if o.alive[v] {
			l.tb.Errorf("VMA %p is opened twice", v)
		}
		o.alive[v] = true
	}, Close: func(t *task.Task, v *vma.VMA) {
		o.closed++
		if !o.alive[v] {
			l.tb.Errorf("VMA [%#x, %#x) is closed without having been opened", v.Start(t), v.End(t))
		}
		if !v.IsDetached(t) {
			l.tb.Errorf("VMA [%#x, %#x) is closed while attached", v.Start(t), v.End(t))
		}
		delete(o.alive, v)
	}}
	return o
}

// mmap makes a VMA of the owner's; the driver's mmap hook is what opens it.
func (o *owner) mmap(from, to, prot int) {
	l := o.lab
	l.tb.Helper()
	l.do(l.tryMap(l.t, from, to, prot, privateAnon, mm.MmapArgs{Ops: &o.ops}))
	o.alive[l.mm.Tree.Lookup(l.t, at(from))] = true
}

// want fails the test unless the hooks ran that often since the last call.
func (o *owner) want(opened, closed int) {
	o.lab.tb.Helper()
	if o.opened != opened || o.closed != closed {
		o.lab.tb.Errorf("opened %d times and closed %d, expected %d and %d", o.opened, o.closed, opened, closed)
	}
	o.opened, o.closed = 0, 0
}

// end ends the test; every VMA must have been closed.
func (o *owner) end() {
	o.lab.end()
	if len(o.alive) > 0 {
		o.lab.tb.Errorf("%d VMAs were never closed", len(o.alive))
	}
}

func TestCloseRunsOncePerVMA(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	o := newOwner(l)
	o.mmap(0, 8, rw)
	o.want(0, 0)
	l.do(l.tryMunmap(2, 4)) // two splits, one VMA goes
	o.want(2, 1)
	l.do(l.tryMunmap(1, 2)) // a tail: one split, the tail goes
	o.want(1, 1)
	l.do(l.tryMunmap(4, 5)) // a head
	o.want(1, 1)
	l.do(l.tryMprotect(6, 7, linux.PROT_READ))
	o.want(2, 0)
	l.wantLayout("0-1 rw-p, 5-6 rw-p, 6-7 r--p, 7-8 rw-p")
	child, err := l.mm.Fork(l.t, "child")
	l.do(err)
	o.want(4, 0)
	child.Put(l.t)
	o.want(0, 4)
	l.mmap(5, 8, rw) // over three of them
	o.want(0, 3)
	l.do(l.tryMunmap(0, 1))
	o.want(0, 1)
	l.wantLayout("5-8 rw-p")
	o.end()
}

// TestCloseBeforeTheNewMappingShows: mmap over a mapping closes the old VMAs while they are still in the tree.
func TestCloseBeforeTheNewMappingShows(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	o := newOwner(l)
	o.mmap(0, 2, rw)
	old := l.mm.Tree.Lookup(l.t, at(0))
	closing := o.ops.Close
	o.ops.Close = func(tk *task.Task, v *vma.VMA) {
		closing(tk, v)
		if got := l.mm.Tree.Lookup(tk, at(0)); v != old || got != old {
			t.Error("the old VMA is closed when it is in the tree no more")
		}
	}
	l.mmap(0, 2, linux.PROT_READ)
	o.want(0, 1)
	o.end()
}

// TestFailedOperationsCloseWhatTheyOpened: what is opened is closed even when the operation fails later.
func TestFailedOperationsCloseWhatTheyOpened(t *testing.T) {
	for k, reached := 0, true; reached; k++ {
		l := newLab(t, mm.Config{}, "")
		o := newOwner(l)
		o.mmap(0, 4, rw)
		l.fill(0, 4)
		fails := &failing{k: k}
		l.t.Observer = fails
		_ = l.tryMunmap(1, 2)
		if child, err := l.mm.Fork(l.t, "child"); err == nil {
			child.Put(l.t)
		}
		reached = fails.n > k
		o.end()
	}
}

// TestMergesSpareVMAsWithClose goes through the cases of docs/kernel.md K3: a VMA with a close hook is never removed by a
// merge, but may grow and shrink.
func TestMergesSpareVMAsWithClose(t *testing.T) {
	const r = linux.PROT_READ
	for _, c := range []struct {
		name  string
		setup func(l *lab, o *owner)
		op    func(l *lab) error
		want  string
	}{
		{"new, both sides, next has close: joins the left one only",
			func(l *lab, o *owner) { l.mmap(0, 2, rw); o.mmap(4, 6, rw) }, mapping(2, 4, rw), "0-4 rw-p, 4-6 rw-p"},
		{"new, both sides, prev has close: prev grows, next goes",
			func(l *lab, o *owner) { o.mmap(0, 2, rw); l.mmap(4, 6, rw) }, mapping(2, 4, rw), "0-6 rw-p"},
		{"new, right side has close: it grows down",
			func(_ *lab, o *owner) { o.mmap(2, 4, rw) }, mapping(0, 2, rw), "0-4 rw-p"},
		{"existing, whole middle has close: no merge",
			func(l *lab, o *owner) { l.mmap(0, 2, r); o.mmap(2, 4, rw); l.mmap(4, 6, r) }, protecting(2, 4), "0-2 r--p, 2-4 r--p, 4-6 r--p"},
		{"existing, whole middle has close, right side only: no merge",
			func(l *lab, o *owner) { o.mmap(2, 4, rw); l.mmap(4, 6, r) }, protecting(2, 4), "2-4 r--p, 4-6 r--p"},
		{"existing, next has close: degrades to the left merge",
			func(l *lab, o *owner) { l.mmap(0, 2, r); l.mmap(2, 4, rw); o.mmap(4, 6, r) }, protecting(2, 4), "0-4 r--p, 4-6 r--p"},
		{"existing, next alone has close: it takes the middle over",
			func(l *lab, o *owner) { l.mmap(2, 4, rw); o.mmap(4, 6, r) }, protecting(2, 4), "2-6 r--p"},
		{"existing, prev has close: it takes both over",
			func(l *lab, o *owner) { o.mmap(0, 2, r); l.mmap(2, 4, rw); l.mmap(4, 6, r) }, protecting(2, 4), "0-6 r--p"},
		{"existing, part of a middle with close: it shrinks",
			func(l *lab, o *owner) { l.mmap(0, 2, r); o.mmap(2, 4, rw) }, protecting(2, 3), "0-3 r--p, 3-4 rw-p"},
		{"existing, tail of a middle with close: it shrinks",
			func(l *lab, o *owner) { o.mmap(2, 4, rw); l.mmap(4, 6, r) }, protecting(3, 4), "2-3 rw-p, 3-6 r--p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, mm.Config{}, "")
			o := newOwner(l)
			c.setup(l, o)
			l.do(c.op(l))
			l.wantLayout(c.want)
			o.want(0, 0) // no merge opens or closes
			o.end()
		})
	}
}
