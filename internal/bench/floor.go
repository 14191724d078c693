package bench

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// ZeroFrames is the floor under a fault: it zeroes 4 KiB frames, turn by turn, of a set so small that it stays in the
// cache. The frames come from mmap and are touched before, as an arena of simulated frames is.
type ZeroFrames struct {
	arena []byte
	next  int
}

// NewZeroFrames returns a set of the given number of frames. Close gives them back.
func NewZeroFrames(frames int) (*ZeroFrames, error) {
	arena, err := unix.Mmap(-1, 0, frames*linux.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d frames: %w", frames, err)
	}
	return &ZeroFrames{arena: arena}, nil
}

// Zero zeroes the next n frames.
func (z *ZeroFrames) Zero(n int) {
	for range n {
		clear(z.arena[z.next : z.next+linux.PageSize])
		if z.next += linux.PageSize; z.next == len(z.arena) {
			z.next = 0
		}
	}
}

// Close unmaps the frames.
func (z *ZeroFrames) Close() error {
	if err := unix.Munmap(z.arena); err != nil {
		return fmt.Errorf("munmap of the frames: %w", err)
	}
	return nil
}

// References is the floor under a lock that counts readers: a reference count alone on its cache lines.
type References struct {
	_     [64]byte
	count atomic.Int32
	_     [124]byte
}

// NewReferences returns an attached object: one reference is held.
func NewReferences() *References {
	r := &References{}
	r.count.Store(1)
	return r
}

// Pair takes a reference unless there is none, as refcount_inc_not_zero does, and drops it, n times.
func (r *References) Pair(n int) {
	for range n {
		if r.incNotZero() {
			r.count.Add(-1)
		}
	}
}

func (r *References) incNotZero() bool {
	for {
		old := r.count.Load()
		if old == 0 {
			return false
		}
		if r.count.CompareAndSwap(old, old+1) {
			return true
		}
	}
}
