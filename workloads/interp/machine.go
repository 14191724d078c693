package interp

import (
	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
)

// Configure gives a machine the settings that a scenario states.
func Configure(to *mm.Settings, settings []*workloads.MachineSetting) {
	for _, s := range settings {
		switch on := s.Value == workloads.On; s.Setting {
		case workloads.SettingZeroPage:
			to.ForbidZeroPage = !on
		case workloads.SettingTHP:
			to.NoTHP = !on
		case workloads.SettingKSM:
			to.NoKSM = !on
		case workloads.SettingMaybeGuard:
			to.NoMaybeGuard = !on
		case workloads.SettingLockDroppable:
			to.LockDroppable = on
		case workloads.SettingOvercommit:
			to.Overcommit = linux.Overcommit(s.Value)
		case workloads.SettingOvercommitRatio:
			to.OvercommitRatio = int(s.Value)
		case workloads.SettingOvercommitKbytes:
			to.OvercommitKbytes = s.Value
		case workloads.SettingRAM:
			to.RAM = s.Value
		case workloads.SettingSwap:
			to.Swap = s.Value
		case workloads.SettingMmapMinAddr:
			to.MmapMinAddr = max(s.Value, 1) // 0 stands for the usual
		case workloads.SettingLSMMinAddr:
			to.LSMMinAddr = s.Value
		case workloads.SettingStackGuardGap:
			to.StackGuardGap = s.Value
		case workloads.SettingMmapBase:
			to.MmapBase = s.Value
		case workloads.SettingFaultAround:
			to.FaultAround = s.Value
		case workloads.SettingCapIPCLock:
			to.CapIPCLock = on
		case workloads.SettingCapSysRawIO:
			to.CapSysRawIO = on
		}
	}
}
