// Package rwmm is the peer that per-VMA locks must beat: an address space whose VMAs lie in a B-tree edited in place
// under one sync.RWMutex, as mmap_lock alone would have it.
package rwmm

import (
	"fmt"
	"sync"

	"github.com/tidwall/btree"

	"vmasim/bench"
	"vmasim/internal/linux"
)

// degree is the tree's: the fastest at reading of those measured that is not slow at writing.
const degree = 32

// vma is as large as a simulated VMA, so that both peers miss the cache alike.
type vma struct {
	start, end uint64
	_          [176]byte
}

// Space is an address space behind one lock. It offers [bench.Finder] and [bench.Mapper].
type Space struct {
	mu   sync.RWMutex
	vmas *btree.Map[uint64, *vma] // by start; guarded by mu

	workers []worker
}

type worker struct {
	addrs []uint64 // looked up in turn
	next  int
	slot  uint64 // free address where the worker maps its page
	_     [64]byte
}

// New returns a space with the VMAs of the layout, inserted in random order, for the given number of workers. Each
// worker looks up addresses drawn at random if random is set, else in order, in its own part of the VMAs.
func New(layout bench.Layout, workers int, random bool, seed uint64) *Space {
	s := &Space{vmas: btree.NewMap[uint64, *vma](degree), workers: make([]worker, workers)}
	for _, i := range layout.Order(seed) {
		s.vmas.Set(layout.Start(i), &vma{start: layout.Start(i), end: layout.End(i)})
	}
	for i := range s.workers {
		s.workers[i] = worker{
			addrs: layout.Part(i, workers).Walk(seed+uint64(i), random),
			slot:  layout.Start(layout.VMAs*(i+1)/workers-1) + uint64(layout.Pages)*linux.PageSize,
		}
	}
	return s
}

// Find looks n addresses up, each under the read lock.
func (s *Space) Find(worker, n int) {
	w := &s.workers[worker]
	for range n {
		addr := w.addrs[w.next]
		if w.next++; w.next == len(w.addrs) {
			w.next = 0
		}
		s.mu.RLock()
		v := s.find(addr)
		s.mu.RUnlock()
		if v == nil {
			panic(fmt.Sprintf("rwmm: no VMA at %#x", addr))
		}
	}
}

func (s *Space) find(addr uint64) *vma {
	var found *vma
	s.vmas.Descend(addr, func(_ uint64, v *vma) bool {
		if addr < v.end {
			found = v
		}
		return false
	})
	return found
}

// MapUnmap maps and unmaps one page in a gap, n times: two write sections and one allocation a pair.
func (s *Space) MapUnmap(worker, n int) {
	slot := s.workers[worker].slot
	for range n {
		s.mu.Lock()
		s.vmas.Set(slot, &vma{start: slot, end: slot + linux.PageSize})
		s.mu.Unlock()
		s.mu.Lock()
		_, ok := s.vmas.Delete(slot)
		s.mu.Unlock()
		if !ok {
			panic(fmt.Sprintf("rwmm: the page at %#x is gone", slot))
		}
	}
}
