package mm

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// driver owns the files with hooks. It counts the VMAs that refer to it, as one does that frees its memory when the last of them is
// closed.
type driver struct {
	ops  vma.Ops
	vmas ksync.Atomic32
	// The mapping that was made last.
	vma  ksync.Pointer[vma.VMA]
	addr ksync.Atomic64 // where it begins
}

// DriverCell names a cell of the driver, "" for another.
func (m *Machine) DriverCell(addr unsafe.Pointer) string {
	switch d := &m.driver; addr {
	case unsafe.Pointer(&d.vmas):
		return "driver.vmas"
	case unsafe.Pointer(&d.vma):
		return "driver.vma"
	case unsafe.Pointer(&d.addr):
		return "driver.addr"
	}
	return ""
}

func (d *driver) init() {
	d.ops = vma.Ops{
		Name:    "driver",
		Prepare: func(t *task.Task) error { return mayRefuse(t, "mmap", "mmap_prepare", linux.ENODEV) },
		Map: func(t *task.Task, v *vma.VMA) error {
			err := mayRefuse(t, "mmap", "mmap", linux.ENODEV)
			if err == nil {
				d.ops.Open(t, v) // which the kernel leaves to the driver here
				d.addr.WriteOnce(t, v.Start(t))
				d.vma.StoreRelease(t, v)
			}
			return err
		},
		MaySplit: func(t *task.Task, _ *vma.VMA, _ uint64) error {
			return mayRefuse(t, "split", "may_split", linux.EINVAL)
		},
		Mremap: func(t *task.Task, _ *vma.VMA) error { return mayRefuse(t, "mremap", "mremap", linux.EINVAL) },
		Open:   func(t *task.Task, _ *vma.VMA) { d.vmas.Count(t, 1) },
		Close: func(t *task.Task, v *vma.VMA) {
			if d.vma.Peek() == v {
				d.vma.StoreRelease(t, nil)
			}
			d.vmas.Count(t, ^uint32(0))
		},
	}
}

// mayRefuse fails with an errno if that is chosen.
func mayRefuse(t *task.Task, op, hook string, e linux.Errno) error {
	if t.Choose(task.HookFails, 2) == 1 {
		return errno(op, e, "the driver's %s hook refuses", hook)
	}
	return nil
}

// DriverPages counts the pages of the mapping that the driver has last made in the address space, 0 if it is gone: what binder does with
// its mapping when a transaction comes. It fails with EINTR.
func (mm *MM) DriverPages(t *task.Task) (uint64, error) {
	t.Enter("binder_alloc_get_vma")
	defer t.Leave()
	d := &mm.Machine.driver
	if !mm.Rules.Has(rules.LookUpMapping) {
		if v := d.vma.LoadAcquire(t); v != nil {
			return v.Pages(t), nil
		}
		return 0, nil
	}
	if err := mm.MmapReadLockKillable(t); err != nil {
		return 0, err
	}
	defer mm.MmapReadUnlock(t)
	v := mm.Tree.Lookup(t, d.addr.ReadOnce(t))
	if v == nil || v.Ops(t) != &d.ops {
		return 0, nil
	}
	return v.Pages(t), nil
}
