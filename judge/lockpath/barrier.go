package lockpath

import (
	"sync"
)

// barrier is where threads meet: all that may still come.
type barrier struct {
	mu      sync.Mutex
	parties int
	here    int
	open    chan struct{}
}

func newBarrier(parties int) *barrier { return &barrier{parties: parties, open: make(chan struct{})} }

func (b *barrier) meet() {
	b.mu.Lock()
	b.here++
	open := b.open
	b.check()
	b.mu.Unlock()
	<-open
}

// leave says that one will not come any more.
func (b *barrier) leave() {
	b.mu.Lock()
	b.parties--
	b.check()
	b.mu.Unlock()
}

func (b *barrier) check() {
	if b.here > 0 && b.here >= b.parties {
		b.here = 0
		close(b.open)
		b.open = make(chan struct{})
	}
}

// partiesOf counts the tasks that meet at a barrier.
func (c *child) partiesOf(barrier int) (n int) {
	for i, th := range c.sc.Threads {
		if th.Meets(barrier) {
			n += c.Counts[i]
		}
	}
	return n
}
