package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Mseal is mseal(2): from now on the mappings of the range can be neither unmapped nor moved nor changed. A hole gives ENOMEM before
// anything is sealed; when memory or map_count does not allow to split a VMA, those before it are sealed. Errors are linux.Errno
// values, wrapped.
func (mm *MM) Mseal(t *task.Task, addr, length uint64, flags int) error {
	t.Enter("do_mseal")
	defer t.Leave()
	if flags != 0 {
		return errno("mseal", linux.EINVAL, "flags %#x", flags)
	}
	if offsetInPage(addr) != 0 {
		return errno("mseal", linux.EINVAL, "address %#x is not page aligned", addr)
	}
	size := pageAlign(length)
	end := addr + size
	if length != 0 && size == 0 || end < addr {
		return errno("mseal", linux.EINVAL, "[%#x, +%#x) wraps", addr, length)
	}
	if size == 0 {
		return nil
	}
	if err := mm.lockCall(t, callMseal, addr, end); err != nil {
		return err
	}
	err := mm.seal(t, addr, end)
	mm.endCall(t, err)
	return err
}

// firstHole returns the first address of [start, end) at which nothing is mapped, or one past it if there is none:
// range_contains_unmapped.
func (mm *MM) firstHole(t *task.Task, start, end uint64) uint64 {
	for start < end {
		v := mm.vmi.Find(t, start)
		if v == nil || v.Start(t) > start {
			break
		}
		start = v.End(t)
	}
	return start
}

// seal seals [start, end): mseal_apply. The caller holds mmap_lock for writing.
func (mm *MM) seal(t *task.Task, start, end uint64) error {
	hole := mm.firstHole(t, start, end)
	for at := start; at < end; {
		if at == hole || hole < end && mm.Rules.Has(rules.SealLooksFirst) {
			return errno("mseal", linux.ENOMEM, "nothing is mapped at %#x", hole)
		}
		v := mm.vmi.Find(t, at)
		if flags := v.Flags(t); flags&linux.VMSealed == 0 {
			var err error
			if v, err = mm.changeFlags(t, v, at, min(v.End(t), end), flags|linux.VMSealed); err != nil {
				return err
			}
		}
		at = v.End(t)
	}
	return nil
}

// checkSealed makes system call op refuse a sealed VMA: vma_is_sealed.
func checkSealed(t *task.Task, op string, v *vma.VMA) error {
	if v.Flags(t)&linux.VMSealed != 0 {
		return errno(op, linux.EPERM, "the mapping at %#x is sealed", v.Start(t))
	}
	return nil
}
