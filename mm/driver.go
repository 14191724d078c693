package mm

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/vma"
)

// driver owns the files with hooks. It counts the VMAs that refer to it, as one does that frees its memory when the last of them is
// closed.
type driver struct {
	ops  vma.Ops
	vmas ksync.Atomic32
}

// DriverCell names a cell of the driver, "" for another.
func (m *Machine) DriverCell(addr unsafe.Pointer) string {
	if addr == unsafe.Pointer(&m.driver.vmas) {
		return "driver.vmas"
	}
	return ""
}

func (d *driver) init() {
	d.ops = vma.Ops{
		Name:    "driver",
		Prepare: func(t *task.Task) error { return mayRefuse(t, "mmap_prepare") },
		Map: func(t *task.Task, v *vma.VMA) error {
			err := mayRefuse(t, "mmap")
			if err == nil {
				d.ops.Open(t, v) // which the kernel leaves to the driver here
			}
			return err
		},
		Open:  func(t *task.Task, _ *vma.VMA) { d.vmas.FetchAdd(t, 1) },
		Close: func(t *task.Task, _ *vma.VMA) { d.vmas.FetchAdd(t, ^uint32(0)) },
	}
}

// mayRefuse fails with ENODEV if that is chosen.
func mayRefuse(t *task.Task, hook string) error {
	if t.Choose(task.HookFails, 2) == 1 {
		return errno("mmap", linux.ENODEV, "the driver's %s hook refuses", hook)
	}
	return nil
}
