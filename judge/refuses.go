package judge

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/judge/host"
	"vmasim/workloads"
)

// refuses returns an [OtherMachine] if the kernel, as it is set up, cannot judge a statement of the scenario.
func refuses(k host.Kernel, sc *workloads.Scenario) error {
	for s := range sc.Statements {
		switch {
		case k.HugePages > 0 && s.Kind == workloads.KindMmap && s.Flags&unix.MAP_HUGETLB != 0:
			return &OtherMachine{lacks: fmt.Sprintf("%v: this kernel has %d huge pages in its pool and cannot judge", s.Pos, k.HugePages)}
		case k.MemoryHidden && (s.Kind == workloads.KindPeek || s.Kind == workloads.KindPoke):
			return &OtherMachine{lacks: fmt.Sprintf("%v: this kernel does not open /proc/PID/mem to us and cannot judge", s.Pos)}
		}
	}
	return nil
}
