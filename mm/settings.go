package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
)

// Settings are what kernels have otherwise on other machines, and what changes that which user space sees. The zero value is the
// usual.
type Settings struct {
	// ForbidZeroPage has a read fault on anonymous memory get a page of its own: mm_forbids_zeropage.
	ForbidZeroPage bool
	NoTHP          bool // huge pages are not known, and nothing is placed for them: no CONFIG_TRANSPARENT_HUGEPAGE
	NoKSM          bool // no CONFIG_KSM
	// NoMaybeGuard has no VM_MAYBE_GUARD remember that there are guard markers: an anon_vma has them copied at fork, as before
	// Linux 6.19 and the 6.18.y that took the flag over.
	NoMaybeGuard  bool
	LockDroppable bool // MAP_DROPPABLE memory stays locked where all that is mapped is: before some 6.18.y after 6.18.15

	Overcommit       linux.Overcommit
	OvercommitRatio  int    // vm.overcommit_ratio, in per cent of RAM, for linux.OvercommitNever; linux.DefaultOvercommitRatio if 0
	OvercommitKbytes uint64 // vm.overcommit_kbytes: in place of the ratio; not if 0
	RAM              uint64 // bytes that overcommit takes for all memory; if 0 no limit for linux.OvercommitGuess, else Config.Memory
	Swap             uint64 // bytes of swap space, which count beside RAM

	MmapMinAddr   uint64 // vm.mmap_min_addr: only CapSysRawIO maps below its page; linux.DefaultMmapMinAddr if 0, and 1 for none
	LSMMinAddr    uint64 // CONFIG_LSM_MMAP_MIN_ADDR: neither hints nor stacks go below it, nor below MmapMinAddr
	StackGuardGap uint64 // bytes that stay free below a VMA that grows down: stack_guard_gap; linux.DefaultStackGuardGap if 0
	MmapBase      uint64 // below it room is searched, downwards: mmap_base; linux.MmapBase if 0
	FaultAround   uint64 // size of the block whose cached pages a read fault maps together: fault_around_bytes; linux.DefaultFaultAround if 0

	CapIPCLock  bool // RLIMIT_MEMLOCK does not limit the task: CAP_IPC_LOCK
	CapSysRawIO bool // addresses below MmapMinAddr may be mapped: CAP_SYS_RAWIO
}

// Complete returns the settings with the defaults filled in.
func (s Settings) Complete() Settings {
	if s.OvercommitRatio == 0 {
		s.OvercommitRatio = linux.DefaultOvercommitRatio
	}
	if s.MmapMinAddr == 0 {
		s.MmapMinAddr = linux.DefaultMmapMinAddr
	}
	if s.StackGuardGap == 0 {
		s.StackGuardGap = linux.DefaultStackGuardGap
	}
	if s.MmapBase == 0 {
		s.MmapBase = linux.MmapBase
	}
	if s.FaultAround == 0 {
		s.FaultAround = linux.DefaultFaultAround
	}
	return s
}

// LowestAddr is where hints are raised to, searches end and stacks stop: mmap_min_addr.
func (s *Settings) LowestAddr() uint64 { return max(s.MmapMinAddr, s.LSMMinAddr, linux.PageSize) }

// LowestFixed is where fixed mappings may begin: cap_mmap_addr.
func (s *Settings) LowestFixed() uint64 {
	if s.CapSysRawIO {
		return 0
	}
	return s.LowestPlain()
}

// LowestPlain is the lowest address at which a task without privileges may map.
func (s *Settings) LowestPlain() uint64 { return s.MmapMinAddr &^ (linux.PageSize - 1) }

// hugeAligned reports whether mappings of the file are placed for huge pages.
func (s *Settings) hugeAligned(file *phys.File) bool { return !s.NoTHP && file.HugeAligned() }

// unknownFlags are those that no mapping has on the machine: of huge pages where they are not known; VM_NORESERVE where all memory
// is accounted but that which may be dropped.
func (s *Settings) unknownFlags(of linux.VMFlags) (f linux.VMFlags) {
	if s.NoTHP {
		f |= linux.VMNoHugePage
	}
	if s.Overcommit == linux.OvercommitNever && of&linux.VMDroppable == 0 {
		f |= linux.VMNoReserve
	}
	return f
}

// knowsAdvice reports whether madvise knows a value: madvise_behavior_valid.
func (s *Settings) knowsAdvice(value int) bool {
	switch value {
	case linux.MADV_HUGEPAGE, linux.MADV_NOHUGEPAGE, linux.MADV_COLLAPSE:
		return !s.NoTHP
	case linux.MADV_MERGEABLE, linux.MADV_UNMERGEABLE:
		return !s.NoKSM
	}
	return value >= 0 && value < len(adviceTable) && adviceTable[value].lock != unknownAdvice
}
