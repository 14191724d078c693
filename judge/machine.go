package judge

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/judge/settings"
	"vmasim/workloads"
)

// OtherMachine is the error for a scenario that wants a setting of the machine which the kernel has otherwise.
type OtherMachine struct {
	want, has workloads.MachineSetting
	lacks     string // what the kernel lacks, instead of a setting
}

func (e *OtherMachine) Error() string {
	if e.lacks != "" {
		return e.lacks
	}
	return fmt.Sprintf("%v: machine %v, but this kernel has %v and cannot judge", e.want.Pos, &e.want, &e.has)
}

// Settings are those of the machines that are compared: the kernel's, with the capabilities that a scenario may ask for.
func (l *Lab) Settings() []workloads.MachineSetting { return settings.Of(l.Kernel()) }

// asKernel returns the scenario with the settings of the kernel, but no capability that it does not ask for. The error is an
// [OtherMachine].
func (l *Lab) asKernel(sc *workloads.Scenario) (*workloads.Scenario, error) {
	if err := refuses(l.Kernel(), sc); err != nil {
		return nil, err
	}
	settings := l.Settings()
	for i := range settings {
		has := &settings[i]
		may := *has
		if _, ok := capability(has.Setting); ok {
			has.Value = workloads.Off
		}
		for _, want := range sc.Machine {
			switch {
			case want.Setting != has.Setting || want.Value == has.Value:
			case want.Value == may.Value:
				*has = may
			default:
				return nil, &OtherMachine{want: *want, has: may}
			}
		}
	}
	return sc.WithMachine(settings), nil
}

func capability(s workloads.Setting) (settings.Capability, bool) {
	for _, c := range settings.Capabilities() {
		if c.Setting == s {
			return c, true
		}
	}
	return settings.Capability{}, false
}

// keepCapabilities leaves the process those capabilities that the scenario has.
func keepCapabilities(p *host.Process, sc *workloads.Scenario) error {
	var keep []int
	for _, m := range sc.Machine {
		if c, ok := capability(m.Setting); ok && m.Value == workloads.On {
			keep = append(keep, c.Number)
		}
	}
	return p.KeepCapabilities(keep...)
}

// unjudged reports whether a result is none that this kernel can be asked about: where memory that is promised twice is refused,
// what others on the machine have decides about ENOMEM.
func (l *Lab) unjudged(real, sim workloads.Outcome) bool {
	refused := func(o workloads.Outcome) bool { return o.Kind == workloads.ResultErrno && o.Errno == linux.ENOMEM }
	return linux.Overcommit(l.Kernel().Overcommit) == linux.OvercommitNever && refused(real) != refused(sim)
}
