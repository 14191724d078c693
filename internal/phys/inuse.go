package phys

import "vmasim/internal/task"

// InUse returns how many frames are not in the free list, those in tasks' caches included, while tasks run.
func (m *Memory) InUse(t *task.Task) int {
	m.lock.Lock(t)
	defer m.lock.Unlock(t)
	return m.usable - m.free.count
}
