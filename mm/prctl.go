package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// Prctl is prctl(2), as far as it is about the address space. Errors are linux.Errno values, wrapped.
func (mm *MM) Prctl(t *task.Task, option int, value uint64) error {
	switch option {
	case linux.PR_SET_MDWE:
		return mm.setMDWE(t, value)
	case linux.PR_SET_MEMORY_MERGE:
		return mm.setMemoryMerge(t, value != 0)
	}
	return errno("prctl", linux.EINVAL, "option %d is unknown", option)
}

// setMDWE forbids executable memory that is, or was, writable, for good: prctl_set_mdwe. It takes no lock.
func (mm *MM) setMDWE(t *task.Task, bits uint64) error {
	const known = linux.PR_MDWE_REFUSE_EXEC_GAIN | linux.PR_MDWE_NO_INHERIT
	t.Enter("prctl_set_mdwe")
	defer t.Leave()
	if bits&^known != 0 || bits == linux.PR_MDWE_NO_INHERIT {
		return errno("prctl", linux.EINVAL, "bits %#x", bits)
	}
	if now := mm.mdwe.Read(t); now != 0 && now != bits {
		return errno("prctl", linux.EPERM, "bits %#x are set for good", now)
	}
	if bits != 0 {
		mm.mdwe.SetBits(t, bits)
	}
	return nil
}

// denyWriteExec reports whether memory may not get these flags, having had the old ones: map_deny_write_exec.
func (mm *MM) denyWriteExec(t *task.Task, old, flags linux.VMFlags) bool {
	if flags&linux.VMExec == 0 || flags&linux.VMWrite == 0 && old&linux.VMExec != 0 {
		return false
	}
	return mm.mdwe.Read(t) != 0
}

// unmergeable are the VMAs that KSM leaves alone: vma_ksm_compatible.
const unmergeable = linux.VMShared | linux.VMMayShare | linux.VMSpecial | linux.VMHugeTLB | linux.VMDroppable

func ksmCompatible(flags linux.VMFlags) bool { return flags&unmergeable == 0 }

// setMemoryMerge lets KSM look at all private memory that is mapped, and will be, or at none: ksm_enable_merge_any and
// ksm_disable_merge_any. No VMAs are merged. It fails with EINTR.
func (mm *MM) setMemoryMerge(t *task.Task, on bool) error {
	t.Enter("ksm_enable_merge_any")
	defer t.Leave()
	if err := mm.lockCall(t, callPrctl, 0, linux.TaskSize); err != nil {
		return err
	}
	defer mm.endCall(t, nil)
	def := mm.defFlags.Read(t)
	if on == (def&linux.VMMergeable != 0) {
		return nil
	}
	mm.defFlags.Write(t, def^linux.VMMergeable)
	for v := mm.vmi.Find(t, 0); v != nil; v = mm.vmi.Find(t, v.End(t)) {
		flags := v.Flags(t)
		switch {
		case on && ksmCompatible(flags): // ksm_add_vma
			mm.StartWrite(t, v)
			v.SetFlags(t, flags|linux.VMMergeable)
		case !on && flags&linux.VMMergeable != 0: // ksm_del_vma
			mm.StartWrite(t, v)
			v.SetFlags(t, flags&^linux.VMMergeable)
		}
	}
	return nil
}

// inheritFlags gives a child what its parent was told by prctl: mmf_init_legacy_flags.
func (mm *MM) inheritFlags(t *task.Task, parent *MM) {
	mm.defFlags.Init(parent.defFlags.Read(t) & linux.VMMergeable)
	if bits := parent.mdwe.Read(t); bits == linux.PR_MDWE_REFUSE_EXEC_GAIN {
		mm.mdwe.SetBits(t, bits)
	}
}
