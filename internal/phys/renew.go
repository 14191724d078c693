package phys

import "vmasim/internal/task"

// Renew returns a memory as New left m, in the arena of m, which may not be used any more. Open files are closed, and
// nothing is written back. It is for a caller whose tasks ended in the middle of what they did, with locks held.
func (m *Memory) Renew() *Memory {
	for _, inode := range m.inodes {
		_ = inode.file.Close() // what was not written back is given up
	}
	n := &Memory{inodes: map[inodeKey]*Inode{}, arena: m.arena, pages: m.pages, frames: m.frames, free: newFreeList(m.frames)}
	n.budget, n.share = hoardingLimits(n.frames)
	clear(n.pages[:min(m.committed*chunkFrames, m.frames)])
	for boot := task.New(0, "boot", nil); n.committed < m.committed; {
		n.addChunk(boot)
	}
	return n
}
