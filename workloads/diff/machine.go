package diff

import (
	"fmt"

	"vmasim/internal/host"
	"vmasim/workloads"
)

// settingsOf says which settings of a machine the kernel has.
func settingsOf(k host.Kernel) (all []workloads.MachineSetting) {
	for _, s := range [...]struct {
		setting workloads.Setting
		value   uint64
	}{
		{workloads.SettingZeroPage, onOff(k.ZeroPage)},
	} {
		all = append(all, workloads.MachineSetting{Setting: s.setting, Value: s.value})
	}
	return all
}

func onOff(on bool) uint64 {
	if on {
		return workloads.On
	}
	return workloads.Off
}

// OtherMachine is the error for a scenario that wants a setting of the machine which the kernel has otherwise.
type OtherMachine struct{ want, has workloads.MachineSetting }

func (e *OtherMachine) Error() string {
	return fmt.Sprintf("%v: machine %v, but this kernel has %v and cannot judge", e.want.Pos, &e.want, &e.has)
}

// asKernel returns the scenario with the settings of the kernel. The error is an [OtherMachine].
func (l *Lab) asKernel(sc *workloads.Scenario) (*workloads.Scenario, error) {
	settings := settingsOf(l.Kernel())
	for _, want := range sc.Machine {
		for _, has := range settings {
			if has.Setting == want.Setting && has.Value != want.Value {
				return nil, &OtherMachine{*want, has}
			}
		}
	}
	return sc.WithMachine(settings), nil
}
