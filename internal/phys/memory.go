// Package phys is the simulated machine's physical memory: page frames in an arena of real memory, their metadata, and
// the page cache of real files.
//
// A page-cache miss, write-back and truncation hold Inode.fill, under which the index of the cached pages is locked and frames are
// allocated and freed. internal/lockorder declares in which order locks are taken. Page.Lock belongs to package pgtable.
package phys

import (
	"fmt"
	"math"
	"unsafe"

	"vmasim/internal/invariants"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// Sizes, in bytes where nothing else is said.
const (
	HugeSize = 2 << 20 // a chunk of the arena: one huge page
	MinSize  = 1 << 20 // the smallest arena

	chunkFrames = HugeSize / linux.PageSize
	maxSize     = math.MaxUint32 << linux.PageShift // frame numbers have 32 bits

	zeroPFN  PFN = 1
	firstPFN PFN = 2 // the first frame that can be handed out
)

// errNoFrames says that memory is full, or that an allocation was chosen to fail. It is an ENOMEM.
var errNoFrames = fmt.Errorf("out of page frames: %w", linux.ENOMEM)

// Memory is a machine's physical memory.
type Memory struct {
	// Reclaim, if set, is called without locks before an allocation gives up, and may free frames: those that wait for a
	// grace period, for instance. It is set before the memory is used.
	Reclaim func(*task.Task)
	// Unaccount is told of the pages that the maker of shared anonymous memory was charged, when that is gone.
	Unaccount func(t *task.Task, pages uint64)

	arena  arena
	pages  []Page // one flat array, so that a lookup is one addition; what is never used is never touched
	caches ksync.PerCPU[frameCache]
	frames int
	share  int // what one cache may be granted

	growing   ksync.Mutex // guards committed
	committed int         // chunks

	lock   ksync.SpinLock // guards what follows
	free   freeList
	usable int // frames in committed chunks that can be handed out
	budget int // frames that caches may be granted still
	peak   int // most frames that were not in the free list

	settled map[PFN]bool // those given by Settle

	lastInode ksync.Atomic32 // the last ID given
	inodeLock ksync.Mutex
	inodes    map[inodeKey]*Inode // of the real files that are open
	made      inodePool
}

// New reserves an arena of size bytes, a multiple of PageSize. Only what is used costs memory. Close gives it back.
func New(size uint64) (*Memory, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	a, err := reserveArena(size)
	if err != nil {
		return nil, err
	}
	frames := int(size >> linux.PageShift)
	m := &Memory{
		inodes: map[inodeKey]*Inode{},
		arena:  a,
		pages:  make([]Page, frames),
		frames: frames,
		free:   newFreeList(frames),
	}
	m.budget, m.share = hoardingLimits(frames)
	m.growing.Class, m.inodeLock.Class = task.ZoneGrowing, task.InodeHash
	// Frames 0 and 1 must exist before any frame is asked for; the task is a stand-in, as no other can see m yet.
	if err := m.commitChunk(task.New(0, "boot", nil)); err != nil {
		_ = m.Close() // the first error is the one to tell
		return nil, err
	}
	return m, nil
}

func checkSize(size uint64) error {
	if size < MinSize || size%linux.PageSize != 0 || size > maxSize {
		return fmt.Errorf("memory of %d bytes: want a multiple of %d from %d to %d: %w", size, linux.PageSize, MinSize, uint64(maxSize), linux.EINVAL)
	}
	ram, err := hostMemory()
	if err != nil {
		return fmt.Errorf("ask for this machine's memory: %w", err)
	}
	if size > ram {
		return fmt.Errorf("memory of %d bytes: this machine has %d: %w", size, ram, linux.ENOMEM)
	}
	return nil
}

// Close gives the arena back to the real kernel. Nothing of the memory may be used afterwards.
func (m *Memory) Close() error { return m.arena.release() }

// grow makes another chunk usable, or reports that there is none left. Where another task was at it, there may be frames now.
func (m *Memory) grow(t *task.Task) bool {
	if !m.growing.LockOrAwait(t) {
		return true
	}
	defer m.growing.Unlock(t)
	m.lock.Lock(t)
	another := m.free.count > 0 // another task was faster
	m.lock.Unlock(t)
	return another || m.committed*chunkFrames < m.frames && m.commitChunk(t) == nil
}

// commitChunk makes the next chunk usable. The caller holds m.growing.
func (m *Memory) commitChunk(t *task.Task) error {
	first, last := m.nextChunk()
	if err := m.arena.commit(uintptr(first)<<linux.PageShift, uintptr(last-first)<<linux.PageShift); err != nil {
		return err
	}
	m.addChunk(t)
	return nil
}

// nextChunk returns the frames [first, last) of the next chunk.
func (m *Memory) nextChunk() (first, last int) {
	first = m.committed * chunkFrames
	return first, min(first+chunkFrames, m.frames)
}

// addChunk makes the frames of a chunk that is backed with memory free.
func (m *Memory) addChunk(t *task.Task) {
	first, last := m.nextChunk()
	m.committed++
	if first == 0 {
		zero := m.Page(zeroPFN)
		zero.Refcount.Init(1)
		zero.Describe(KindZero, 0, 0)
		first = int(firstPFN)
	}
	if invariants.Enabled {
		for pfn := first; pfn < last; pfn++ {
			m.poison(PFN(pfn))
		}
	}
	m.lock.Lock(t)
	for pfn := first; pfn < last; pfn++ {
		m.free.add(PFN(pfn))
	}
	m.usable += last - first
	m.lock.Unlock(t)
}

// ZeroPage returns the frame that is always zero. Mappings of it are not counted: no Get, no Put.
func (m *Memory) ZeroPage() PFN { return zeroPFN }

// Page returns a frame's metadata, which stays in place for ever, so that it can be looked at when the frame may
// already be free.
func (m *Memory) Page(pfn PFN) *Page { return &m.pages[pfn] }

// Bytes returns a frame's content.
func (m *Memory) Bytes(pfn PFN) *[linux.PageSize]byte {
	return (*[linux.PageSize]byte)(unsafe.Add(m.arena.base, uint64(pfn)<<linux.PageShift))
}

// Copy copies the bytes of a frame. Stores to src that go on meanwhile are copied or not, word by word; to an observer the
// copy reads all of src in one step.
func (m *Memory) Copy(t *task.Task, dst, src PFN) {
	to, from := m.Bytes(dst), m.Bytes(src)
	if t.Observer == nil {
		*to = *from
		return
	}
	beginBulk(t, task.OpCopyFrom, from[:])
	bytes := *from
	endBulk(t)
	beginBulk(t, task.OpCopyTo, to[:])
	*to = bytes
	endBulk(t)
}

// Words returns a frame's content as words that tasks share.
func (m *Memory) Words(pfn PFN) *[linux.PageSize / 8]ksync.Atomic64 {
	return m.WordsAt(uint64(pfn) << linux.PageShift)
}

// WordsAt is Words of the frame at a physical address, a multiple of PageSize, which is what a page table entry holds:
// walking tables by addresses instead of numbers saves two shifts on each level's critical path.
func (m *Memory) WordsAt(pa uint64) *[linux.PageSize / 8]ksync.Atomic64 {
	return (*[linux.PageSize / 8]ksync.Atomic64)(unsafe.Add(m.arena.base, pa))
}

// Word returns the word at a byte offset of a frame; the offset's low three bits do not count.
func (m *Memory) Word(pfn PFN, offset uint64) *ksync.Atomic64 {
	return &m.Words(pfn)[offset%linux.PageSize/8]
}

// Stats tells how memory is used.
type Stats struct {
	ArenaBytes  uint64 // what was reserved
	FramesTotal int    // that can be in use: all but frame 0 and the zero page
	FramesInUse int    // not free: anonymous, page cache, page tables, tables that wait for a grace period
	FramesPeak  int    // most in use at any time, and up to 1/32 of the arena too many: it counts what caches held
}

// Stats returns how memory is used. The tasks must be quiescent.
func (m *Memory) Stats() Stats {
	s := Stats{
		ArenaBytes:  uint64(m.arena.size),
		FramesTotal: m.frames - int(firstPFN),
		FramesInUse: m.usable - m.free.count,
		FramesPeak:  m.peak,
	}
	m.caches.Each(func(c *frameCache) { s.FramesInUse -= c.n })
	return s
}
