package linux

import "strings"

// VMFlags is vm_flags: the kernel's bits.
type VMFlags uint64

// The flags of Linux 6.18 that the model uses or shows.
const (
	VMRead VMFlags = 1 << iota
	VMWrite
	VMExec
	VMShared
	VMMayRead
	VMMayWrite
	VMMayExec
	VMMayShare
	VMGrowsDown
	VMUffdMiss
	VMPFNMap
	VMMaybeGuard
	VMUffdWP
	VMLocked
	VMIO
	VMSeqRead
	VMRandRead
	VMDontCopy
	VMDontExpand
	VMLockOnFlt
	VMAccount
	VMNoReserve
	VMHugeTLB
	VMSync
	VMArch1
	VMWipeOnFork
	VMDontDump
	VMSoftDirty
	VMMixedMap
	VMHugePage
	VMNoHugePage
	VMMergeable

	VMDroppable VMFlags = 1 << 40
	VMSealed    VMFlags = 1 << 42
)

// Groups of flags.
const (
	VMAccessFlags = VMRead | VMWrite | VMExec                       // VM_ACCESS_FLAGS: what mprotect can change
	VMSpecial     = VMIO | VMDontExpand | VMPFNMap | VMMixedMap     // VM_SPECIAL: never merged
	VMLockedMask  = VMLocked | VMLockOnFlt                          // VM_LOCKED_MASK: what mlock can change
	VMSticky      = VMSoftDirty | VMMaybeGuard                      // ignored when merging, kept by the result
	VMMayAny      = VMMayRead | VMMayWrite | VMMayExec | VMMayShare // what mprotect may grant
)

// vmFlag is a flag of a VMA.
type vmFlag struct {
	bit        VMFlags
	code, name string
}

// vmFlags are the flags with the two letters by which /proc/PID/smaps shows them and the kernel's names. They are those of Linux
// 6.18 on x86-64; VM_MAYBE_GUARD came with 6.19, and with the kernels of 6.18.y that have it backported.
var vmFlags = [...]vmFlag{
	{VMRead, "rd", "VM_READ"},
	{VMWrite, "wr", "VM_WRITE"},
	{VMExec, "ex", "VM_EXEC"},
	{VMShared, "sh", "VM_SHARED"},
	{VMMayRead, "mr", "VM_MAYREAD"},
	{VMMayWrite, "mw", "VM_MAYWRITE"},
	{VMMayExec, "me", "VM_MAYEXEC"},
	{VMMayShare, "ms", "VM_MAYSHARE"},
	{VMGrowsDown, "gd", "VM_GROWSDOWN"},
	{VMUffdMiss, "um", "VM_UFFD_MISSING"},
	{VMPFNMap, "pf", "VM_PFNMAP"},
	{VMMaybeGuard, "gu", "VM_MAYBE_GUARD"},
	{VMUffdWP, "uw", "VM_UFFD_WP"},
	{VMLocked, "lo", "VM_LOCKED"},
	{VMIO, "io", "VM_IO"},
	{VMSeqRead, "sr", "VM_SEQ_READ"},
	{VMRandRead, "rr", "VM_RAND_READ"},
	{VMDontCopy, "dc", "VM_DONTCOPY"},
	{VMDontExpand, "de", "VM_DONTEXPAND"},
	{VMLockOnFlt, "lf", "VM_LOCKONFAULT"},
	{VMAccount, "ac", "VM_ACCOUNT"},
	{VMNoReserve, "nr", "VM_NORESERVE"},
	{VMHugeTLB, "ht", "VM_HUGETLB"},
	{VMSync, "sf", "VM_SYNC"},
	{VMArch1, "ar", "VM_ARCH_1"},
	{VMWipeOnFork, "wf", "VM_WIPEONFORK"},
	{VMDontDump, "dd", "VM_DONTDUMP"},
	{VMSoftDirty, "sd", "VM_SOFTDIRTY"},
	{VMMixedMap, "mm", "VM_MIXEDMAP"},
	{VMHugePage, "hg", "VM_HUGEPAGE"},
	{VMNoHugePage, "nh", "VM_NOHUGEPAGE"},
	{VMMergeable, "mg", "VM_MERGEABLE"},
	{VMDroppable, "dp", "VM_DROPPABLE"},
	{VMSealed, "sl", "VM_SEALED"},
}

// otherVMFlags are those whose bit depends on the configuration.
var otherVMFlags = [...]vmFlag{{0, "bt", "VM_ARM64_BTI"}, {0, "ss", "VM_SHADOW_STACK"}, {0, "ui", "VM_UFFD_MINOR"}}

// VMFlagName returns the kernel's name of a code, "" for an unknown one.
func VMFlagName(code string) string {
	for _, flags := range [...][]vmFlag{vmFlags[:], otherVMFlags[:]} {
		for _, f := range flags {
			if f.code == code {
				return f.name
			}
		}
	}
	return ""
}

// String returns the flags as /proc/PID/smaps prints them.
func (f VMFlags) String() string {
	var codes []string
	for _, flag := range vmFlags {
		if f&flag.bit != 0 {
			codes = append(codes, flag.code)
		}
	}
	return strings.Join(codes, " ")
}

// Perms returns the flags as /proc/PID/maps prints them: "rw-p".
func (f VMFlags) Perms() string {
	b := []byte("---p")
	for i, bit := range [...]VMFlags{VMRead, VMWrite, VMExec} {
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
func (f VMFlags) Accessible() bool { return f&VMAccessFlags != 0 }
