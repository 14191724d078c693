package hostmm

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/bench"
)

// Sequential faults the pages of each worker's own VMA in order.
func (s *Space) Sequential() bench.Faulter { return sequential{s} }

// Random faults pages of the filler VMAs at random, each worker other pages.
func (s *Space) Random() bench.Faulter { return random{s} }

type sequential struct{ space *Space }

func (f sequential) FaultPages() int { return seqPages }

func (f sequential) Fault(worker, n int) {
	own := f.space.workers[worker].own
	for page := range n {
		own[page*pageSize] = 1
	}
}

func (f sequential) Forget() {
	for _, w := range f.space.workers {
		forget(w.own)
	}
}

type random struct{ space *Space }

func (f random) FaultPages() int { return randPages }

func (f random) Fault(worker, n int) {
	s := f.space
	for _, offset := range s.order[s.window+worker*randPages:][:n] {
		s.fillers[offset] = 1
	}
}

// Forget also moves on to other pages, so that many VMAs are all used in time.
func (f random) Forget() {
	s := f.space
	forget(s.fillers)
	pass := randPages * len(s.workers)
	if s.window += pass; s.window+pass > len(s.order) {
		s.window = 0
	}
}

// forget gives the pages back to the kernel; the VMAs stay.
func forget(mem []byte) {
	if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
		panic(fmt.Sprintf("hostmm: madvise: %v", err))
	}
}
