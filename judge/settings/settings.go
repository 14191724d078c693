// Package settings says which machine the running kernel is: the settings that a simulated machine needs to be the same, in the words
// of scenarios.
package settings

import (
	"cmp"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
)

// Capability is one that a setting stands for, and which an agent may keep.
type Capability struct {
	Setting workloads.Setting
	Name    string
	Number  int // linux.CAP_*
}

// Capabilities are all of them.
func Capabilities() []Capability {
	return []Capability{
		{workloads.SettingCapIPCLock, "CAP_IPC_LOCK", linux.CAP_IPC_LOCK},
		{workloads.SettingCapSysRawIO, "CAP_SYS_RAWIO", linux.CAP_SYS_RAWIO},
	}
}

// Of returns the settings of a kernel, with the capabilities that we have. Unknown ones are as usual.
func Of(k host.Kernel) []workloads.MachineSetting {
	all := []workloads.MachineSetting{
		{Setting: workloads.SettingZeroPage, Value: onOff(k.ZeroPage)},
		{Setting: workloads.SettingTHP, Value: onOff(k.Config["TRANSPARENT_HUGEPAGE"] != "n")},
		{Setting: workloads.SettingKSM, Value: onOff(k.Config["KSM"] != "n")},
		{Setting: workloads.SettingMaybeGuard, Value: onOff(k.MaybeGuard)},
		{Setting: workloads.SettingLockDroppable, Value: onOff(k.LockDroppable)},
		{Setting: workloads.SettingOvercommit, Value: uint64(k.Overcommit)},
		{Setting: workloads.SettingOvercommitRatio, Value: uint64(max(k.OvercommitRatio, 1))},
		{Setting: workloads.SettingOvercommitKbytes, Value: uint64(k.OvercommitKbytes)},
		{Setting: workloads.SettingRAM, Value: k.RAM},
		{Setting: workloads.SettingSwap, Value: k.SwapSpace},
		{Setting: workloads.SettingMmapMinAddr, Value: k.MmapMinAddr},
		{Setting: workloads.SettingLSMMinAddr, Value: k.LowestAddr},
		{Setting: workloads.SettingStackGuardGap, Value: max(uint64(k.StackGuardGap), 1) << linux.PageShift},
		{Setting: workloads.SettingMmapBase, Value: cmp.Or(k.MmapBase, linux.MmapBase)},
		{Setting: workloads.SettingFaultAround, Value: linux.DefaultFaultAround},
	}
	if k.FaultAround != 0 {
		all[len(all)-1].Value = k.FaultAround
	}
	for _, c := range Capabilities() {
		all = append(all, workloads.MachineSetting{Setting: c.Setting, Value: onOff(k.Capabilities[c.Name])})
	}
	return all
}

func onOff(on bool) uint64 {
	if on {
		return workloads.On
	}
	return workloads.Off
}

// OfThisMachine tells that a setting says how large the machine is, or what concerns addresses outside a window: a drift does not
// depend on it, and need not state it.
func OfThisMachine(m *workloads.MachineSetting) bool {
	switch m.Setting {
	case workloads.SettingRAM, workloads.SettingSwap, workloads.SettingMmapMinAddr, workloads.SettingLSMMinAddr, workloads.SettingMmapBase,
		workloads.SettingOvercommitRatio, workloads.SettingOvercommitKbytes:
		return true
	}
	return false
}
