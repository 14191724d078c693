package vma

import (
	"strings"

	"vmasim/internal/linux"
)

// Flags is vm_flags: the kernel's bits under the kernel's names.
type Flags uint64

// The flags of Linux 6.18 that the model uses or shows.
const (
	VMRead       Flags = 1 << iota // VM_READ
	VMWrite                        // VM_WRITE
	VMExec                         // VM_EXEC
	VMShared                       // VM_SHARED
	VMMayRead                      // VM_MAYREAD
	VMMayWrite                     // VM_MAYWRITE
	VMMayExec                      // VM_MAYEXEC
	VMMayShare                     // VM_MAYSHARE
	VMGrowsDown                    // VM_GROWSDOWN
	VMUffdMiss                     // VM_UFFD_MISSING
	VMPFNMap                       // VM_PFNMAP
	VMMaybeGuard                   // VM_MAYBE_GUARD
	VMUffdWP                       // VM_UFFD_WP
	VMLocked                       // VM_LOCKED
	VMIO                           // VM_IO
	VMSeqRead                      // VM_SEQ_READ
	VMRandRead                     // VM_RAND_READ
	VMDontCopy                     // VM_DONTCOPY
	VMDontExpand                   // VM_DONTEXPAND
	VMLockOnFlt                    // VM_LOCKONFAULT
	VMAccount                      // VM_ACCOUNT
	VMNoReserve                    // VM_NORESERVE
	VMHugeTLB                      // VM_HUGETLB
	VMSync                         // VM_SYNC
	VMArch1                        // VM_ARCH_1
	VMWipeOnFork                   // VM_WIPEONFORK
	VMDontDump                     // VM_DONTDUMP
	VMSoftDirty                    // VM_SOFTDIRTY
	VMMixedMap                     // VM_MIXEDMAP
	VMHugePage                     // VM_HUGEPAGE
	VMNoHugePage                   // VM_NOHUGEPAGE
	VMMergeable                    // VM_MERGEABLE

	VMDroppable Flags = 1 << 40 // VM_DROPPABLE
	VMSealed    Flags = 1 << 42 // VM_SEALED
)

// Groups of flags.
const (
	VMAccessFlags = VMRead | VMWrite | VMExec                       // VM_ACCESS_FLAGS: what mprotect can change
	VMSpecial     = VMIO | VMDontExpand | VMPFNMap | VMMixedMap     // VM_SPECIAL: never merged
	VMLockedMask  = VMLocked | VMLockOnFlt                          // VM_LOCKED_MASK: what mlock can change
	VMSticky      = VMSoftDirty | VMMaybeGuard                      // ignored when merging, kept by the result
	VMMayAny      = VMMayRead | VMMayWrite | VMMayExec | VMMayShare // what mprotect may grant
)

// String returns the flags as /proc/PID/smaps prints them.
func (f Flags) String() string {
	var names []string
	for i := range linux.VMFlagBits {
		if code := linux.VMFlagCode(i); f&(1<<i) != 0 && code != "" {
			names = append(names, code)
		}
	}
	return strings.Join(names, " ")
}

// Perms returns the flags as /proc/PID/maps prints them: "rw-p".
func (f Flags) Perms() string {
	b := []byte("---p")
	for i, bit := range [...]Flags{VMRead, VMWrite, VMExec} {
		if f&bit != 0 {
			b[i] = "rwx"[i]
		}
	}
	if f&VMMayShare != 0 {
		b[3] = 's'
	}
	return string(b)
}

// Accessible reports whether any access is allowed: vma_is_accessible.
func (f Flags) Accessible() bool { return f&VMAccessFlags != 0 }
