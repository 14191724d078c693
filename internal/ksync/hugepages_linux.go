package ksync

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHugePages asks for huge pages behind memory that will be used: the kernel's own caches lie in its direct mapping, which has them.
// With small ones each object of a large cache costs a walk of the real page tables, beside the miss of its line.
func adviseHugePages(p unsafe.Pointer, size uintptr) {
	_ = unix.Madvise(unsafe.Slice((*byte)(p), size), unix.MADV_HUGEPAGE) // only faster; a kernel without huge pages refuses
}
