package phys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// arena is the real memory behind the frames: address space reserved at once and made usable chunk by chunk, because
// a large arena must cost nothing before it is used and a first touch in the fault path would cost a real fault.
type arena struct {
	base     unsafe.Pointer // aligned to HugeSize
	size     uintptr
	reserved unsafe.Pointer // what to unmap
	length   uintptr
}

// reserveArena reserves size bytes of address space.
func reserveArena(size uint64) (arena, error) {
	length := uintptr(size) + HugeSize
	p, err := unix.MmapPtr(-1, 0, nil, length, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return arena{}, fmt.Errorf("reserve %d bytes of address space: %w", length, err)
	}
	pad := -uintptr(p) & (HugeSize - 1)
	return arena{base: unsafe.Add(p, pad), size: uintptr(size), reserved: p, length: length}, nil
}

func (a *arena) release() error {
	if a.reserved == nil {
		return nil
	}
	err := unix.MunmapPtr(a.reserved, a.length)
	*a = arena{}
	if err != nil {
		return fmt.Errorf("unmap the arena: %w", err)
	}
	return nil
}

// commit makes size bytes at offset usable and backs them with memory now.
func (a *arena) commit(offset, size uintptr) error {
	mem := unsafe.Slice((*byte)(unsafe.Add(a.base, offset)), size)
	if err := unix.Mprotect(mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return fmt.Errorf("make %d bytes of the arena accessible: %w", size, err)
	}
	_ = unix.Madvise(mem, unix.MADV_HUGEPAGE) // only faster; a kernel without huge pages refuses
	switch err := unix.Madvise(mem, unix.MADV_POPULATE_WRITE); err {
	case nil:
	case unix.EINVAL: // before Linux 5.14
		for i := uintptr(0); i < size; i += linux.PageSize {
			mem[i] = 0
		}
	default:
		_ = unix.Mprotect(mem, unix.PROT_NONE) // as before; a second failure changes nothing
		return fmt.Errorf("back %d bytes of the arena with memory: %w", size, err)
	}
	return nil
}

// hostMemory returns how much memory this machine has.
func hostMemory() (uint64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, err
	}
	return uint64(info.Totalram) * uint64(info.Unit), nil
}
