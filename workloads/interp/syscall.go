package interp

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// SystemCall returns the number and the arguments of a call, for the real kernel. fds are the descriptors of the scenario's
// files. Accesses, limits and counting (mincore) are no such calls.
func (c *Call) SystemCall(fds []int) (nr uintptr, args [6]uintptr) {
	addr, length, flags := uintptr(c.Addr), uintptr(c.Len), uintptr(c.Flags)
	switch c.Kind {
	case workloads.KindMmap:
		fd := ^uintptr(0)
		if c.File >= 0 {
			fd = uintptr(fds[c.File])
		}
		return linux.SYS_MMAP, [6]uintptr{addr, length, uintptr(c.Prot), flags, fd, uintptr(c.Offset)}
	case workloads.KindMunmap:
		return linux.SYS_MUNMAP, [6]uintptr{addr, length}
	case workloads.KindMprotect:
		return linux.SYS_MPROTECT, [6]uintptr{addr, length, uintptr(c.Prot)}
	case workloads.KindRemapFilePages:
		return linux.SYS_REMAP_FILE_PAGES, [6]uintptr{addr, length, uintptr(c.Prot), uintptr(c.Value), flags}
	case workloads.KindPrctl:
		return linux.SYS_PRCTL, [6]uintptr{uintptr(c.Option), uintptr(c.Value)}
	case workloads.KindMadvise:
		return linux.SYS_MADVISE, [6]uintptr{addr, length, uintptr(c.Advice)}
	case workloads.KindMremap:
		return linux.SYS_MREMAP, [6]uintptr{addr, length, uintptr(c.NewLen), flags, uintptr(c.NewAddr)}
	case workloads.KindBrk:
		return linux.SYS_BRK, [6]uintptr{addr}
	case workloads.KindMlock:
		if c.Flags != 0 {
			return linux.SYS_MLOCK2, [6]uintptr{addr, length, flags}
		}
		return linux.SYS_MLOCK, [6]uintptr{addr, length}
	case workloads.KindMunlock:
		return linux.SYS_MUNLOCK, [6]uintptr{addr, length}
	case workloads.KindMlockall:
		return linux.SYS_MLOCKALL, [6]uintptr{flags}
	case workloads.KindMunlockall:
		return linux.SYS_MUNLOCKALL, args
	case workloads.KindMseal:
		return linux.SYS_MSEAL, [6]uintptr{addr, length, flags}
	case workloads.KindMsync:
		return linux.SYS_MSYNC, [6]uintptr{addr, length, flags}
	}
	panic(fmt.Sprintf("%v is no system call", c.Kind))
}
