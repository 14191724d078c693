package actor

import (
	"vmasim/mm"
	"vmasim/workloads"
)

// Configure gives a machine the settings that a scenario states.
func Configure(cfg *mm.Config, settings []*workloads.MachineSetting) {
	for _, s := range settings {
		on := s.Value == workloads.On
		switch s.Setting {
		case workloads.SettingZeroPage:
			cfg.ForbidZeroPage = !on
		}
	}
}
