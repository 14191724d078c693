package ksync

import (
	"fmt"
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// Life counts the lives of a slab object. Its low two bits are lifeFree, lifeAllocated or lifeEnding. Every object of a
// slab embeds one.
type Life struct{ n task.Word32 }

const (
	lifeFree      = iota
	lifeAllocated // until Free
	lifeEnding    // from Free until the memory is given back, a grace period later if the cache says so
	lifeMask      = 3
)

// SlabLife returns the object's life; it makes an embedding type a slab object.
func (l *Life) SlabLife() *Life { return l }

// Generation returns a number that changes with each allocation and each free.
func (l *Life) Generation() uint32 { return l.n.Load() }

// Alive reports whether the object is allocated, or freed but kept for the readers of a grace period.
func (l *Life) Alive() bool { return l.n.Load()&lifeMask != lifeFree }

// Ending reports whether the object is freed, and its memory not given back yet.
func (l *Life) Ending() bool { return l.n.Load()&lifeMask == lifeEnding }

// end begins the end of the life, and reports whether there was one that had not ended yet.
func (l *Life) end() bool {
	n := l.n.Load()
	return n&lifeMask == lifeAllocated && l.n.CompareAndSwap(n, n+1)
}

// advance moves on to a later part of a life; only the cache does that, with an object that has no owner.
func (l *Life) advance(by uint32) { store32(&l.n, l.n.Load()+by) }

// SlabObject is a pointer to T that can live in a slab.
type SlabObject[T any] interface {
	*T
	SlabLife() *Life
}

// Reuse says when the memory of a freed object may become another one.
type Reuse uint8

// The ways to reuse memory.
const (
	TypeSafe         Reuse = iota // at once, as the same type: SLAB_TYPESAFE_BY_RCU
	AfterGracePeriod              // when no RCU reader can see it any more: kfree_rcu
)

// SlabConfig describes a slab cache.
type SlabConfig[T any] struct {
	Name   string
	Reuse  Reuse
	RCU    *Domain                         // for AfterGracePeriod
	Layout *task.Layout                    // names the object's cells
	Poison func(t *task.Task, p *T)        // overwrites what a stale reader must not trust
	Init   func(p *T, index int)           // runs once, when the memory is made: the kernel's constructor
	Check  func(t *task.Task, p *T) string // what is wrong with an object that is being freed, "" for nothing
}

// Slab is a cache of objects of one type: kmem_cache. Memory given back stays the same type for ever.
type Slab[T any, P SlabObject[T]] struct {
	cfg SlabConfig[T]

	mu     rawLock // guards what follows
	free   []*T    // last in, first out, so that reuse comes soon
	chunks [][]T
	fresh  []T // what is left of the newest chunk in use
	opened int // chunks in use
	made   int // objects in the chunks

	apart bool  // each task gets fresh memory of its own
	taken []int // by task ID: how much it has got of that

	inUse             int
	allocated, reused uint64
}

// slabChunkBytes is more than Go's largest size class, so a chunk begins at a page and objects of whole cache lines stay
// aligned.
const slabChunkBytes = 40 << 10

// A cache with so many chunks is a large one, whose next chunks are so large that most of each lies in huge pages.
const (
	slabSmallChunks = 200
	slabLargeBytes  = 16 << 20
)

// NewSlab returns an empty cache.
func NewSlab[T any, P SlabObject[T]](cfg SlabConfig[T]) *Slab[T, P] {
	return &Slab[T, P]{cfg: cfg}
}

// Alloc returns an object: recently freed memory if there is some. It fails with ENOMEM if that is chosen.
// The object's cells hold what its last life left, as after kmem_cache_alloc without __GFP_ZERO.
func (s *Slab[T, P]) Alloc(t *task.Task) (P, error) {
	if t.Choose(task.AllocFails, 2) == 1 {
		t.Reach(task.AllocFailed)
		return nil, fmt.Errorf("allocate %s: %w", s.cfg.Name, linux.ENOMEM)
	}
	return s.AllocNoFail(t), nil
}

// AllocNoFail is Alloc of what was put aside before: kmem_cache_alloc with __GFP_NOFAIL.
func (s *Slab[T, P]) AllocNoFail(t *task.Task) P {
	if t.Observer != nil {
		t.Begin(task.OpSlabAlloc, unsafe.Pointer(s))
	}
	later := t.Choose(task.ReuseLater, 2) == 1
	s.mu.Lock()
	var p *T
	if n := len(s.free); n > 0 && !later {
		p = s.free[n-1]
		s.free = s.free[:n-1]
		s.reused++
	} else {
		p = s.freshFor(t)
	}
	s.inUse++
	s.allocated++
	s.mu.Unlock()
	P(p).SlabLife().advance(1)
	if t.Observer != nil {
		t.EndPointer(nil, unsafe.Pointer(p))
		t.Born(unsafe.Pointer(p), s.cfg.Layout)
	}
	return P(p)
}

// Apart makes the cache hand each task fresh memory of its own: for tasks that take turns, so that what one gets does not depend on how
// much the others have got before. Nothing may have been allocated.
func (s *Slab[T, P]) Apart() { s.apart = true }

// sharers is how many tasks a chunk is divided among.
const sharers = 32

// freshFor takes an object from fresh memory. The caller holds s.mu.
func (s *Slab[T, P]) freshFor(t *task.Task) *T {
	if !s.apart {
		return s.grow()
	}
	if len(s.chunks) == 0 {
		s.addChunk()
	}
	s.opened = max(s.opened, 1) // the first chunk is the one that is divided
	if t.ID >= sharers {
		return s.grow()
	}
	for len(s.taken) <= t.ID {
		s.taken = append(s.taken, 0)
	}
	chunk := s.chunks[0]
	share := len(chunk) / sharers
	if s.taken[t.ID] == share {
		return s.grow()
	}
	s.taken[t.ID]++
	return &chunk[t.ID*share+s.taken[t.ID]-1]
}

// grow takes an object from fresh memory. The caller holds s.mu.
func (s *Slab[T, P]) grow() *T {
	if len(s.fresh) == 0 {
		if s.opened == len(s.chunks) {
			s.addChunk()
		}
		s.fresh = s.chunks[s.opened]
		s.opened++
	}
	p := &s.fresh[0]
	s.fresh = s.fresh[1:]
	return p
}

// addChunk makes memory for more objects. The caller holds s.mu.
func (s *Slab[T, P]) addChunk() {
	var zero T
	size := int(unsafe.Sizeof(zero))
	bytes := slabChunkBytes
	if len(s.chunks) >= slabSmallChunks {
		bytes = slabLargeBytes
	}
	chunk := make([]T, max(1, bytes/size))
	if bytes == slabLargeBytes {
		adviseHugePages(unsafe.Pointer(&chunk[0]), uintptr(len(chunk)*size))
	}
	if s.cfg.Init != nil {
		base := s.made
		for i := range chunk {
			s.cfg.Init(&chunk[i], base+i)
		}
	}
	s.chunks = append(s.chunks, chunk)
	s.made += len(chunk)
}

// Rewind makes a cache in which nothing is alive hand its memory out again as if all of it were fresh, in the same order.
func (s *Slab[T, P]) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse == 0 {
		s.free, s.fresh, s.opened = s.free[:0], nil, 0
		clear(s.taken)
	}
}

// Tell gives what of the cache decides which memory is handed out next.
func (s *Slab[T, P]) Tell(add func(uint64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(uint64(s.opened)<<32 | uint64(len(s.fresh)))
	for _, n := range s.taken {
		add(uint64(n))
	}
	add(uint64(len(s.free)))
	for _, p := range s.free {
		add(uint64(uintptr(unsafe.Pointer(p))))
	}
}

// Free gives an object back. Its memory is poisoned at once, and becomes another object when the cache's rule allows.
func (s *Slab[T, P]) Free(t *task.Task, p P) {
	if !p.SlabLife().end() {
		t.Violate("double-free", "%s is freed twice", s.cfg.Name)
		return
	}
	if s.cfg.Reuse == AfterGracePeriod {
		s.cfg.RCU.Call(t, func(t *task.Task) { s.release(t, p) })
		return
	}
	s.release(t, p)
}

func (s *Slab[T, P]) release(t *task.Task, p P) {
	if s.cfg.Check != nil {
		if wrong := s.cfg.Check(t, (*T)(p)); wrong != "" {
			t.Violate("bad-free", "%s: %s", s.cfg.Name, wrong)
		}
	}
	if s.cfg.Poison != nil {
		s.cfg.Poison(t, (*T)(p))
	}
	if t.Observer != nil {
		t.Begin(task.OpSlabFree, unsafe.Pointer(s))
	}
	p.SlabLife().advance(lifeMask + 1 - lifeEnding)
	s.mu.Lock()
	s.inUse--
	s.free = append(s.free, (*T)(p))
	s.mu.Unlock()
	if t.Observer != nil {
		t.EndPointer(unsafe.Pointer(p), nil)
		t.Died(unsafe.Pointer(p))
	}
}

// InUse returns how many objects are alive.
func (s *Slab[T, P]) InUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inUse
}

// Allocated returns how many allocations there were.
func (s *Slab[T, P]) Allocated() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allocated
}

// Reused returns how many allocations got memory that had been freed.
func (s *Slab[T, P]) Reused() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reused
}

// At returns the object with the index that Init was given. It may be free.
func (s *Slab[T, P]) At(index int) P {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, chunks := len(s.chunks[0]), s.chunks
	if index >= n*slabSmallChunks {
		index, chunks = index-n*slabSmallChunks, s.chunks[slabSmallChunks:]
		n = len(chunks[0])
	}
	return P(&chunks[index/n][index%n])
}
