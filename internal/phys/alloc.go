package phys

import (
	"math/bits"
	"slices"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// A task allocates from and frees to a small cache of its CPU, last in, first out, so that it gets the frame whose
// bytes the CPU still has. A cache cannot be taken away from an idle CPU, so all caches together may hold 1/32 of the
// frames: a cache is granted its size out of that budget, and one that gets none leaves its tasks the free list.
// In an arena too small for a useful grant no CPU caches, and ENOMEM comes exactly when no frame is free.
const (
	maxCached    = 128
	minCached    = 16
	hoardedShare = 32
)

// frameCache is one CPU's free frames: the kernel's per_cpu_pages.
type frameCache struct {
	n      int
	limit  int // granted
	frames [maxCached]PFN
}

// hoardingLimits returns how many frames all caches may hold together, and one of them.
func hoardingLimits(frames int) (budget, share int) {
	budget = frames / hoardedShare
	share = min(maxCached, budget/4)
	if share < minCached {
		return 0, 0
	}
	return budget, share
}

// Alloc returns a frame with one reference, holding any bytes, for a page of memory. It fails with errNoFrames. It may sleep,
// so it is called outside read sections and without spinlocks.
func (m *Memory) Alloc(t *task.Task) (PFN, error) { return m.alloc(t, &pageLayout) }

// alloc is Alloc of a frame whose bytes will be what the layout says.
func (m *Memory) alloc(t *task.Task, layout *task.Layout) (PFN, error) {
	if t.Observer != nil {
		return m.allocObserved(t, layout)
	}
	pfn, err := m.take(t)
	if err == nil {
		m.Page(pfn).Refcount.Init(1)
	}
	return pfn, err
}

func (m *Memory) allocObserved(t *task.Task, layout *task.Layout) (PFN, error) {
	if t.Choose(task.AllocFails, 2) == 1 {
		t.Reach(task.AllocFailed)
		return 0, errNoFrames
	}
	pfn, err := m.take(t)
	if err == nil {
		m.Page(pfn).Refcount.Set(t, 1) // set_page_refcounted
		t.Born(unsafe.Pointer(m.Bytes(pfn)), layout)
	}
	return pfn, err
}

// take returns a frame that is free no more.
func (m *Memory) take(t *task.Task) (PFN, error) {
	c := m.caches.Get(t)
	if c.n == 0 {
		if c = m.refill(t); c == nil {
			return 0, errNoFrames
		}
	}
	c.n--
	pfn := c.frames[c.n]
	if invariants.Enabled {
		m.checkPoison(t, pfn)
	}
	return pfn, nil
}

// AllocZeroed is Alloc with the frame's bytes zero.
func (m *Memory) AllocZeroed(t *task.Task) (PFN, error) { return m.AllocObject(t, &pageLayout) }

// AllocObject is AllocZeroed of a frame whose bytes are the cells that the layout declares.
func (m *Memory) AllocObject(t *task.Task, layout *task.Layout) (PFN, error) {
	pfn, err := m.alloc(t, layout)
	if err != nil {
		return 0, err
	}
	bytes := m.Bytes(pfn)[:]
	if t.Observer == nil {
		clear(bytes)
		return pfn, nil
	}
	beginBulk(t, task.OpClearPage, bytes)
	clear(bytes)
	endBulk(t)
	return pfn, nil
}

// refill gets at least one frame into the task's cache and returns that, nil if it could not. The task may sleep, and have another CPU then.
func (m *Memory) refill(t *task.Task) *frameCache {
	for reclaimed := m.Reclaim == nil; ; {
		c := m.caches.Get(t)
		switch {
		case c.n > 0 || m.takeRun(t, c):
			return c
		case m.grow(t):
		case reclaimed:
			return nil
		default:
			m.Reclaim(t)
			reclaimed = true
		}
	}
}

// takeRun moves an ascending run from the free list to an empty cache.
func (m *Memory) takeRun(t *task.Task, c *frameCache) bool {
	m.lock.Lock(t)
	m.grant(c)
	run := c.frames[:max(1, c.limit/2)]
	run = run[:m.free.take(run)]
	m.peak = max(m.peak, m.usable-m.free.count)
	m.lock.Unlock(t)
	slices.Reverse(run) // the lowest goes out first
	c.n = len(run)
	return c.n > 0
}

// grant gives a cache its share of the budget, if it has none. The caller holds m.lock.
func (m *Memory) grant(c *frameCache) {
	if c.limit == 0 {
		c.limit = min(m.share, m.budget)
		m.budget -= c.limit
	}
}

// Get takes a reference to a frame next to one that the caller holds: folio_get.
func (m *Memory) Get(t *task.Task, pfn PFN) { m.Page(pfn).Refcount.Inc(t) }

// Put drops a reference; the last one frees the frame: folio_put.
func (m *Memory) Put(t *task.Task, pfn PFN) {
	if m.drop(t, pfn) {
		m.release(t, m.caches.Get(t), pfn)
	}
}

// PutAll drops a reference to each of the frames. It goes backwards, so that frames gathered in ascending order are
// handed out in ascending order next.
func (m *Memory) PutAll(t *task.Task, pfns []PFN) {
	c := m.caches.Get(t)
	for _, pfn := range slices.Backward(pfns) {
		if m.drop(t, pfn) {
			m.release(t, c, pfn)
		}
	}
}

// drop drops a reference and reports whether it was the last one.
func (m *Memory) drop(t *task.Task, pfn PFN) bool {
	p := m.Page(pfn)
	left := p.Refcount.DecAndTest(t)
	if left > 0 {
		return false
	}
	if left < 0 {
		t.Violate("double-free", "frame %d, %s, is freed twice", pfn, p.Kind.Peek())
		return false
	}
	if n := p.Mapcount.Peek(); n != 0 {
		t.Violate("bad-page", "frame %d, %s, is freed while mapped %d times", pfn, p.Kind.Peek(), int32(n))
	}
	return true
}

// release makes a frame free.
func (m *Memory) release(t *task.Task, c *frameCache, pfn PFN) {
	if t.Observer != nil {
		m.forget(t, pfn)
	}
	if invariants.Enabled {
		m.poison(pfn)
	}
	if len(m.settled) > 0 && m.settled[pfn] {
		delete(m.settled, pfn)
		m.free.add(pfn)
		return
	}
	if c.n >= c.limit && !m.spill(t, c) {
		m.lock.Lock(t)
		m.free.add(pfn)
		m.lock.Unlock(t)
		return
	}
	c.frames[c.n] = pfn
	c.n++
}

// forget says that a frame is free, and what it holds of no matter.
func (m *Memory) forget(t *task.Task, pfn PFN) {
	bytes, page := unsafe.Pointer(m.Bytes(pfn)), m.Page(pfn)
	t.Died(bytes)
	t.Forget(bytes, linux.PageSize)
	t.Forget(unsafe.Pointer(page), unsafe.Sizeof(*page))
}

// Settle returns the lowest free frame, filled with zeros: for an object that is certain to be seen by other tasks now, in place of the frame
// that was allocated for it. So where it lies does not tell which task was faster. It is 0 if no frame is free. It takes no lock, and is for
// tasks that take turns.
func (m *Memory) Settle() PFN {
	var common [1]PFN
	if m.free.take(common[:]) == 0 {
		return 0
	}
	pfn := common[0]
	m.Page(pfn).Refcount.Init(1)
	clear(m.Bytes(pfn)[:])
	if m.settled == nil {
		m.settled = map[PFN]bool{}
	}
	m.settled[pfn] = true
	return pfn
}

// Unused frees the frame of the task that Settle has replaced.
func (m *Memory) Unused(t *task.Task, pfn PFN) {
	m.Page(pfn).Refcount.Init(0)
	m.release(t, m.caches.Get(t), pfn)
}

// spill makes room in a full cache: the half that was not used for longest goes to the free list. It reports false if
// the cache is granted no frames at all.
func (m *Memory) spill(t *task.Task, c *frameCache) bool {
	m.lock.Lock(t)
	m.grant(c)
	if c.n >= c.limit {
		m.giveBack(c, (c.n+1)/2)
	}
	m.lock.Unlock(t)
	return c.limit > 0
}

// giveBack moves the n frames that were not used for longest to the free list. The caller holds m.lock.
func (m *Memory) giveBack(c *frameCache, n int) {
	for _, pfn := range c.frames[:n] {
		m.free.add(pfn)
	}
	c.n = copy(c.frames[:], c.frames[n:c.n])
}

// Cached returns the frames that the task's CPU has cached; the last one goes out next. It is valid until a task on it allocates or frees.
func (m *Memory) Cached(t *task.Task) []PFN {
	c := m.caches.Get(t)
	return c.frames[:c.n]
}

// Drain gives the frames that the task's CPU has cached to the free list, and what its cache was granted to others. A task that
// ends must call it.
func (m *Memory) Drain(t *task.Task) {
	c := m.caches.Get(t)
	m.lock.Lock(t)
	m.giveBack(c, c.n)
	m.budget += c.limit
	c.limit = 0
	m.lock.Unlock(t)
}

// Tell gives what decides which frames the tasks are handed out next, and what of files no event tells.
func (m *Memory) Tell(add func(uint64)) {
	m.caches.Each(func(c *frameCache) {
		add(uint64(c.limit)<<32 | uint64(c.n))
		for _, pfn := range c.frames[:c.n] {
			add(uint64(pfn))
		}
	})
	add(uint64(m.budget)<<32 | uint64(m.free.count))
	for i, summary := range m.free.summary {
		for ; summary != 0; summary &= summary - 1 {
			add(m.free.words[64*i+bits.TrailingZeros64(summary)])
		}
	}
	for _, f := range m.made.made[:min(int(m.lastInode.Peek()), len(m.made.made))] {
		f.tell(add)
	}
}
