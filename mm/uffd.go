package mm

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// This file has userfaultfd as far as VMAs are concerned: which are registered, and who refers to the descriptor's context. Faults in
// registered memory are handled as elsewhere: no handler runs.

// uffd is the context of a userfaultfd: userfaultfd_ctx. The VMAs that are registered refer to it without a reference.
type uffd struct {
	ksync.Life
	unmaps ksync.Atomic32 // events that it was told
}

var uffdLayout = task.Layout{
	Type: "userfaultfd_ctx", Size: unsafe.Sizeof(uffd{}),
	Fields: []task.Field{
		{Name: "events", Offset: unsafe.Offsetof(uffd{}.unmaps), Size: unsafe.Sizeof(ksync.Atomic32{}),
			Read: task.LockRule{task.AtomicCell}, Write: task.LockRule{task.AtomicCell}, Doc: "what it was told of the address space"},
	},
}

// UffdLayout returns the declaration of the context of a userfaultfd. The caller must not change it.
func UffdLayout() *task.Layout { return &uffdLayout }

// UffdRegister registers a range of private anonymous memory with the userfaultfd of the address space, which is made if there is none:
// UFFDIO_REGISTER. A hole, or other memory, gives EINVAL before anything is changed; VMAs before one that cannot be split stay
// registered. Errors are linux.Errno values, wrapped.
func (mm *MM) UffdRegister(t *task.Task, addr, length uint64) error {
	t.Enter("userfaultfd_register")
	defer t.Leave()
	size := pageAlign(length)
	end := addr + size
	if offsetInPage(addr) != 0 || size == 0 || end < addr {
		return errno("userfaultfd", linux.EINVAL, "[%#x, +%#x) is empty, unaligned or wraps", addr, length)
	}
	if err := mm.lockCall(t, callUffd, addr, end); err != nil {
		return err
	}
	err := mm.register(t, addr, end)
	mm.endCall(t, err)
	return err
}

// register is the part of UffdRegister under mmap_lock held for writing.
func (mm *MM) register(t *task.Task, start, end uint64) error {
	if hole := mm.firstHole(t, start, end); hole < end {
		return errno("userfaultfd", linux.EINVAL, "nothing is mapped at %#x", hole)
	}
	for v := mm.vmi.Find(t, start); v != nil && v.Start(t) < end; v = mm.vmi.Find(t, v.End(t)) {
		if notPrivateAnonymous(t, v) {
			return errno("userfaultfd", linux.EINVAL, "the mapping at %#x is not private and anonymous", v.Start(t))
		}
	}
	if !mm.uffdOpen {
		ctx, err := mm.Machine.uffds.Alloc(t)
		if err != nil {
			return err
		}
		ctx.unmaps.WriteOnce(t, 0)
		mm.uffd, mm.uffdOpen = ctx, true
	}
	for at := start; at < end; {
		v := mm.vmi.Find(t, at)
		if flags := v.Flags(t); flags&linux.VMUffdMiss == 0 {
			var err error
			if v, err = mm.changeFlags(t, v, at, min(v.End(t), end), flags|linux.VMUffdMiss); err != nil {
				return err
			}
		}
		at = v.End(t)
	}
	return nil
}

// UffdRelease closes the userfaultfd: userfaultfd_release_all. It cannot fail: who closes a descriptor asks for no memory.
func (mm *MM) UffdRelease(t *task.Task) {
	t.Enter("userfaultfd_release_all")
	defer t.Leave()
	mm.MmapWriteLock(t)
	prev := mm.vmi.Prev(t, 0)
	for v := mm.vmi.Find(t, 0); v != nil; v = mm.vmi.Next(t) {
		start, end := v.Range(t)
		mm.vmi.StandOn(end)
		flags := v.Flags(t)
		if flags&linux.VMUffdMiss == 0 {
			prev = v
			continue
		}
		flags &^= linux.VMUffdMiss
		changed, err := mm.modify(t, prev, v, start, end, flags)
		if prev = v; err == nil {
			v, prev = changed, changed
		} else if !mm.Rules.Has(rules.GiveUpOnOOM) {
			continue
		}
		mm.StartWrite(t, v)
		v.SetFlags(t, flags|v.Flags(t)&linux.VMSticky)
	}
	mm.dropUffd(t)
	mm.endWrite(t)
}

// dropUffd frees the context. VMAs that are registered still refer to what it was.
func (mm *MM) dropUffd(t *task.Task) {
	if mm.uffdOpen {
		mm.Machine.uffds.Free(t, mm.uffd)
	}
	mm.uffdOpen = false
}
