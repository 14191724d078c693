package gvisor

import (
	"fmt"
	"sync"

	"gvisor.dev/gvisor/pkg/sentry/fsutil"
	"gvisor.dev/gvisor/pkg/sentry/memmap"

	"vmasim/bench"
)

// Segments is gVisor's segment set with a VMA's extent in each segment. mm's own set of VMAs is not exported;
// fsutil.FileRangeSet is stamped from the same template (of smaller degree and without gap tracking). It offers
// [bench.Finder].
type Segments struct {
	mu      sync.RWMutex // as mappingMu guards the set of VMAs
	set     fsutil.FileRangeSet
	workers []finder
}

type finder struct {
	addrs []uint64
	next  int
	_     [64]byte
}

// NewSegments returns a set of the layout's VMAs, inserted in random order. Each worker looks up addresses in its own
// part of them, drawn at random if random is set, else in order.
func NewSegments(layout bench.Layout, workers int, random bool, seed uint64) *Segments {
	s := &Segments{workers: make([]finder, workers)}
	for _, i := range layout.Order(seed) {
		s.set.InsertWithoutMergingRange(memmap.MappableRange{Start: layout.Start(i), End: layout.End(i)}, uint64(i))
	}
	for i := range s.workers {
		s.workers[i].addrs = layout.Part(i, workers).Walk(seed+uint64(i), random)
	}
	return s
}

// Find looks n addresses up, without a lock.
func (s *Segments) Find(worker, n int) {
	w := &s.workers[worker]
	for range n {
		s.find(w.advance())
	}
}

// Locked offers the same lookups, each under the read lock that gVisor holds for one.
func (s *Segments) Locked() bench.Finder { return locked{s} }

type locked struct{ *Segments }

func (l locked) Find(worker, n int) {
	w := &l.workers[worker]
	for range n {
		l.mu.RLock()
		l.find(w.advance())
		l.mu.RUnlock()
	}
}

func (w *finder) advance() uint64 {
	addr := w.addrs[w.next]
	if w.next++; w.next == len(w.addrs) {
		w.next = 0
	}
	return addr
}

func (s *Segments) find(addr uint64) fsutil.FileRangeIterator {
	segment := s.set.FindSegment(addr)
	if !segment.Ok() {
		panic(fmt.Sprintf("gvisor peer: no segment at %#x", addr))
	}
	return segment
}
