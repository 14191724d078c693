package simmm

import (
	"sync"

	"vmasim/bench"
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
		page := w.pages[w.nextPage]
		if w.nextPage++; w.nextPage == len(w.pages) {
			w.nextPage = 0
		}
		check(w.task, p.space.mm.Tree.Lookup(w.task, page), page)
	}
}
