package ksync

import (
	"sync"
	"sync/atomic"

	"vmasim/internal/task"
)

// PerTask is data that each task has its own of, the kernel's per-CPU variable.
type PerTask[T any] struct {
	slots atomic.Pointer[[]*T] // by task ID
	mu    sync.Mutex           // guards growth
}

// Get returns t's own.
func (p *PerTask[T]) Get(t *task.Task) *T {
	if s := p.slots.Load(); s != nil && t.ID < len(*s) && (*s)[t.ID] != nil {
		return (*s)[t.ID]
	}
	return p.grow(t)
}

func (p *PerTask[T]) grow(t *task.Task) *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	var slots []*T
	if s := p.slots.Load(); s != nil {
		slots = *s
	}
	if len(slots) <= t.ID { // twice the room, so that many tasks cost what they are; the others go on reading the old slots
		slots = append(make([]*T, 0, max(t.ID+1, 2*len(slots))), slots...)
		slots = slots[:cap(slots)]
	}
	v := &struct { // on cache lines of its own
		_ [64]byte
		v T
		_ [64]byte
	}{}
	slots[t.ID] = &v.v // no other task looks at it
	p.slots.Store(&slots)
	return &v.v
}

// Each calls f for every task's own. The tasks must be quiescent, or T safe to share.
func (p *PerTask[T]) Each(f func(*T)) {
	if s := p.slots.Load(); s != nil {
		for _, v := range *s {
			if v != nil {
				f(v)
			}
		}
	}
}
