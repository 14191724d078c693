package simmm

import (
	"fmt"
	"sync"
	"sync/atomic"

	"vmasim/bench"
	"vmasim/internal/phys"
)

// Unlocked offers the same lookups as Find without any lock, which is right only while no writer runs: the part of Find
// that is the tree's. The range is checked, so that the VMA's cache line is read.
func (s *Space) Unlocked() bench.Finder { return unlocked{s} }

type unlocked struct{ space *Space }

func (u unlocked) Find(worker, n int) {
	w := &u.space.workers[worker]
	for range n {
		addr := w.advance()
		check(w.task, u.space.mm.Tree.Lookup(w.task, addr), addr)
	}
}

// UnderRWMutex offers the same lookups in the same tree, under one lock that all share: what mmap_lock alone would cost.
func (s *Space) UnderRWMutex() bench.Finder { return &rwLocked{space: s} }

type rwLocked struct {
	space *Space
	_     [64]byte
	mu    sync.RWMutex
	_     [64]byte
}

func (l *rwLocked) Find(worker, n int) {
	w := &l.space.workers[worker]
	for range n {
		addr := w.advance()
		l.mu.RLock()
		check(w.task, l.space.mm.Tree.Lookup(w.task, addr), addr)
		l.mu.RUnlock()
	}
}

// InOneVMA offers Find with all workers in the VMA that holds the first worker's first address.
func (s *Space) InOneVMA() bench.Finder { return oneVMA{s} }

type oneVMA struct{ space *Space }

func (o oneVMA) Find(worker, n int) {
	w := &o.space.workers[worker]
	addr := o.space.workers[0].addrs[0]
	for range n {
		o.space.find(w.task, addr)
	}
	o.space.idle(w)
}

// PagesUnlocked offers lookups without a lock of the pages that Fault takes, in its order.
func (s *Space) PagesUnlocked() bench.Finder { return pagesUnlocked{s} }

type pagesUnlocked struct{ space *Space }

func (p pagesUnlocked) Find(worker, n int) {
	w := &p.space.workers[worker]
	for range n {
		page := w.advancePage()
		check(w.task, p.space.mm.Tree.Lookup(w.task, page), page)
	}
}

// PagesLocked is PagesUnlocked with the lock of the VMA.
func (s *Space) PagesLocked() bench.Finder { return pagesLocked{s} }

type pagesLocked struct{ space *Space }

func (p pagesLocked) Find(worker, n int) {
	w := &p.space.workers[worker]
	for range n {
		p.space.find(w.task, w.advancePage())
	}
	p.space.idle(w)
}

// Entries offers looks at the page table entries of the pages that Fault takes.
func (s *Space) Entries() bench.Finder { return entries{s} }

type entries struct{ space *Space }

func (e entries) Find(worker, n int) {
	w := &e.space.workers[worker]
	for range n {
		page := w.advancePage()
		if _, _, ok := e.space.mm.Tables.Look(w.task, page); !ok {
			panic(fmt.Sprintf("simmm: no page table at %#x", page))
		}
	}
	e.space.idle(w)
}

// Frames offers what a fault does for its page before that is mapped: a frame is taken and zeroed. To forget it is to give it back.
func (s *Space) Frames() bench.OwnForgetter {
	return &frames{Space: s, taken: make([][]phys.PFN, len(s.workers))}
}

type frames struct {
	*Space
	taken [][]phys.PFN
}

func (f *frames) Fault(worker, n int) {
	t := f.workers[worker].task
	for range n {
		pfn, err := f.machine.Mem.AllocZeroed(t)
		if err != nil {
			panic(fmt.Sprintf("simmm: a frame: %v", err))
		}
		f.taken[worker] = append(f.taken[worker], pfn)
	}
}

func (f *frames) ForgetOwn(worker int) {
	taken := f.taken[worker]
	for i := len(taken) - 1; i >= 0; i-- {
		f.machine.Mem.Put(f.workers[worker].task, taken[i])
	}
	f.taken[worker] = taken[:0]
}

// Demanded offers the same walks as Find, each with the accesses that its lock cannot do without, on objects as large as VMAs: the lock
// counter of the VMA and of the mm read twice, the count raised and lowered, mm and range compared. Nothing else is asked or counted, and
// no function is called.
func (s *Space) Demanded(layout bench.Layout) bench.Finder {
	d := &demanded{space: s, of: make([][]*guarded, len(s.workers))}
	d.mm.seq.Store(2)
	objects := make([]guarded, layout.VMAs)
	place := layout.Order(1) // VMAs that are neighbours by address are none in memory
	for i := range s.workers {
		for _, addr := range s.workers[i].addrs {
			n := int((addr - layout.Base) / (layout.Start(1) - layout.Base))
			g := &objects[place[n]]
			if g.mm == nil {
				g.start, g.end, g.mm = layout.Start(n), layout.End(n), &d.mm
				g.count.Store(1)
			}
			d.of[i] = append(d.of[i], g)
		}
	}
	return d
}

type demanded struct {
	space *Space
	mm    counter
	of    [][]*guarded // by worker, of each of its addresses
}

type counter struct {
	_   [64]byte
	seq atomic.Uint32
	_   [60]byte
}

// guarded is what of a VMA its lock reads and writes, on two cache lines.
type guarded struct {
	start, end uint64
	mm         *counter
	seq        atomic.Uint32
	_          [36]byte
	count      atomic.Int32
	_          [60]byte
}

func (d *demanded) Find(worker, n int) {
	w := &d.space.workers[worker]
	for range n {
		g := d.of[worker][w.nextAddr]
		addr := w.advance()
		if d.space.mm.Tree.Lookup(w.task, addr) == nil || g.seq.Load() == d.mm.seq.Load() || !g.count.CompareAndSwap(1, 2) ||
			g.mm != &d.mm || g.seq.Load() == d.mm.seq.Load() || addr < g.start || addr >= g.end {
			panic(missing(addr))
		}
		if mm := g.mm; g.count.Add(-1) != 1 {
			mm.seq.Store(0)
		}
	}
}
