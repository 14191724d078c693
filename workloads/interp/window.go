package interp

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// NewMM makes an address space as a scenario wants them to begin.
func NewMM(t *task.Task, m *mm.Machine, sc *workloads.Scenario, name string) (*mm.MM, error) {
	made, err := m.NewMM(t, name)
	if err != nil || sc.Window == nil {
		return made, err
	}
	if err := fillWindow(t, made, sc.Window); err != nil {
		made.Put(t)
		return nil, err
	}
	return made, nil
}

// fillWindow takes everything outside the window, with what merges with nothing in it and promises no memory: files of its own.
func fillWindow(t *task.Task, m *mm.MM, w *workloads.Window) error {
	for _, r := range outside(&m.Machine.Settings, w) {
		file := m.Machine.Mem.NewShmem(t, r[1]-r[0], 0)
		_, err := m.Mmap(t, mm.MmapArgs{Addr: r[0], Len: r[1] - r[0], Flags: linux.MAP_PRIVATE | linux.MAP_FIXED, File: file})
		_ = file.Put(t) // there is nothing to write back
		if err != nil {
			return err
		}
	}
	return nil
}

// outside returns the ranges of addresses that are not in the window, and that need no privilege to map.
func outside(s *mm.Settings, w *workloads.Window) (ranges [][2]uint64) {
	for _, r := range [...][2]uint64{{max(s.LowestPlain(), linux.PageSize), w.Base}, {w.Base + w.Size, linux.TaskSize}} {
		if r[0] < r[1] {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// WindowFillers is how many VMAs take what is outside a window.
func WindowFillers(s mm.Settings, w *workloads.Window) int {
	s = s.Complete()
	return len(outside(&s, w))
}

// withOutside returns a limit on the whole address space that leaves so many bytes to the window.
func withOutside(m *mm.Machine, sc *workloads.Window, limit uint64) uint64 {
	if sc == nil {
		return limit
	}
	for _, r := range outside(&m.Settings, sc) {
		limit += min(r[1]-r[0], mm.Infinity-limit)
	}
	return limit
}
