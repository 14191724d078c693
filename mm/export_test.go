package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// AddFlags gives the VMA at addr flags that no system call gives it, and counts what follows from them.
func (mm *MM) AddFlags(t *task.Task, addr uint64, flags linux.VMFlags) {
	mm.MmapWriteLock(t)
	defer mm.endWrite(t)
	v := mm.vmi.Find(t, addr)
	mm.StartWrite(t, v)
	if flags&^v.Flags(t)&linux.VMLocked != 0 {
		mm.addLocked(t, v.Pages(t))
	}
	v.SetFlags(t, v.Flags(t)|flags)
}

// Committed returns the pages charged.
func (m *Machine) Committed() uint64 { return m.committed.Peek() }

// FaultInRange is faultInRange.
func (mm *MM) FaultInRange(t *task.Task, start, end uint64, write bool) error {
	return mm.faultInRange(t, start, end, write)
}

// AddMapCount changes map_count by d.
func (mm *MM) AddMapCount(t *task.Task, d int) { mm.addMapCount(t, d) }

// StoreVMA makes v the entry of [start, end), whatever v says of itself, and counts as if nothing had changed.
func (mm *MM) StoreVMA(t *task.Task, start, end uint64, v *vma.VMA) { mm.vmi.Store(t, start, end, v) }

// AddCharged changes the charged pages by d.
func (mm *MM) AddCharged(d uint64) { mm.charged += d }

// AddLocked changes locked_vm by n pages.
func (mm *MM) AddLocked(t *task.Task, n uint64) { mm.addLocked(t, n) }

// UnlinkFile takes a VMA out of its file's reverse map and leaves the rest.
func (mm *MM) UnlinkFile(t *task.Task, v *vma.VMA) { mm.unlinkFile(t, v) }

// DriverVMAs returns how many VMAs the driver of the files with hooks counts.
func (m *Machine) DriverVMAs() uint32 { return m.driver.vmas.Peek() }
