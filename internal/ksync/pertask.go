package ksync

import (
	"sync"
	"sync/atomic"

	"vmasim/internal/task"
)

// PerTask is data that each task has its own of.
type PerTask[T any] struct{ slots[T] }

// Get returns t's own.
func (p *PerTask[T]) Get(t *task.Task) *T { return p.get(t.ID) }

// PerCPU is data that each CPU has its own of, the kernel's per-CPU variable: that of one task at a time, until it sleeps.
type PerCPU[T any] struct{ slots[T] }

// Get returns that of the CPU on which t runs: this_cpu_ptr.
func (p *PerCPU[T]) Get(t *task.Task) *T { return p.get(t.Processor) }

// slots is data by a dense index.
type slots[T any] struct {
	made atomic.Pointer[[]*T]
	mu   sync.Mutex // guards growth
}

func (p *slots[T]) get(i int) *T {
	if s := p.made.Load(); s != nil && i < len(*s) && (*s)[i] != nil {
		return (*s)[i]
	}
	return p.grow(i)
}

func (p *slots[T]) grow(i int) *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	var made []*T
	if s := p.made.Load(); s != nil {
		made = *s
	}
	if len(made) <= i { // twice the room, so that many tasks cost what they are; the others go on reading the old ones
		made = append(make([]*T, 0, max(i+1, 2*len(made))), made...)
		made = made[:cap(made)]
	}
	v := &struct { // on cache lines of its own
		_ [64]byte
		v T
		_ [64]byte
	}{}
	made[i] = &v.v // no other task looks at it
	p.made.Store(&made)
	return &v.v
}

// Each calls f for all that there are. The tasks must be quiescent, or T safe to share.
func (p *slots[T]) Each(f func(*T)) {
	if s := p.made.Load(); s != nil {
		for _, v := range *s {
			if v != nil {
				f(v)
			}
		}
	}
}
