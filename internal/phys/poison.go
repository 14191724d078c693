package phys

import "vmasim/internal/task"

// poisonByte fills free frames under the invariants tag. Eight of them are a page table entry that is not present, so
// that a stale walk ends instead of leaving the arena.
const poisonByte = 0x6a

// poison fills a frame that becomes free.
func (m *Memory) poison(pfn PFN) {
	bytes := m.Bytes(pfn)
	for i := range bytes {
		bytes[i] = poisonByte
	}
}

// checkPoison reports a write to a frame while it was free.
func (m *Memory) checkPoison(t *task.Task, pfn PFN) {
	for i, b := range m.Bytes(pfn) {
		if b != poisonByte {
			t.Violate("write-after-free", "frame %d was written at offset %d while it was free: %#x", pfn, i, b)
			return
		}
	}
}
