package measure

import (
	"math/rand/v2"
	"sync/atomic"

	"vmasim/internal/linux"
)

// ZeroFrames is the floor under a fault: it zeroes 4 KiB frames, turn by turn, of a set so small that it stays in the
// cache. The frames are touched before, as those of the simulator are.
type ZeroFrames struct {
	arena []byte
	next  int
}

// NewZeroFrames returns a set of the given number of frames.
func NewZeroFrames(frames int) *ZeroFrames {
	z := &ZeroFrames{arena: make([]byte, frames*linux.PageSize)}
	z.Zero(frames)
	return z
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

// PingPong is the floor under what two threads write in turn: a word on a cache line that goes to and fro.
type PingPong struct {
	_    [64]byte
	turn atomic.Uint32
	_    [124]byte
}

// Play takes the line to the player, 0 or 1, n times: each time it has gone to the other one and come back, two transfers. Both play as often.
func (p *PingPong) Play(player, n int) {
	for range n {
		for p.turn.Load()%2 != uint32(player) {
			spinPause()
		}
		p.turn.Store(p.turn.Load() + 1)
	}
}

// Memory is the floor under what is in no cache: lines of which each says where the next one is.
type Memory struct {
	lines [][8]uint64
	at    uint64
}

// NewMemory returns so many bytes of lines, in one random circle.
func NewMemory(bytes int) *Memory {
	m := &Memory{lines: make([][8]uint64, bytes/64)}
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(m.lines))
	for i, line := range order {
		m.lines[line][0] = uint64(order[(i+1)%len(order)])
	}
	return m
}

// Read reads the next n lines, one after the other.
func (m *Memory) Read(n int) {
	at := m.at
	for range n {
		at = m.lines[at][0]
	}
	m.at = at
}
