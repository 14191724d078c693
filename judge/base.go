package judge

import (
	"errors"
	"fmt"

	"vmasim/judge/host"
	"vmasim/workloads"
)

// of returns a lab whose processes look for room for mappings where the scenario says, which is l itself where it says nothing. The error is an
// [OtherMachine] where the kernel has no such processes.
func (l *Lab) of(sc *workloads.Scenario) (*Lab, error) {
	for _, want := range sc.Machine {
		if want.Setting != workloads.SettingMmapBase || want.Value == l.kernel.MmapBase {
			continue
		}
		if l.other != nil && l.other.kernel.MmapBase == want.Value {
			return l.other, nil
		}
		h, err := host.Start(host.Options{MmapBase: want.Value})
		if errors.Is(err, host.ErrBase) {
			return nil, &OtherMachine{lacks: fmt.Sprintf("%v: machine %v cannot be judged: %v", want.Pos, want, err)}
		}
		if err != nil {
			return nil, err
		}
		if l.other != nil {
			l.other.host.Close()
		}
		other := *l
		other.host, other.kernel, other.other = h, h.Kernel(), nil
		other.kernel.Series = l.kernel.Series
		l.other = &other
		return l.other, nil
	}
	return l, nil
}
