package lockpath

import (
	"errors"
	"fmt"
	"slices"

	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// performable are the statements, beside system calls, that the threads of one process can perform, whose memory is also that of a Go
// program: they have one address space, one heap and one set of limits, and code is nothing to try out there.
var performable = []workloads.Kind{
	workloads.KindTouch, workloads.KindStore, workloads.KindLoad, workloads.KindBarrier, workloads.KindYield,
	workloads.KindRepeat, workloads.KindFor, workloads.KindForever, workloads.KindChoose,
	workloads.KindMaps, workloads.KindValidate, // looked at by the simulator only
}

func checkPerformable(sc *workloads.Scenario) error {
	var errs []error
	if len(sc.Threads) == 0 {
		errs = append(errs, fmt.Errorf("%s: there are no threads whose faults could be measured", sc.File))
	}
	for _, th := range sc.Threads {
		if th.MM.Index != 0 {
			errs = append(errs, fmt.Errorf("%v: thread %s is in an address space of its own: only those of main can be measured", th.Pos, th.Name))
		}
	}
	for s := range sc.Statements {
		switch {
		case !interp.ByThreads(s.Kind) && !slices.Contains(performable, s.Kind):
			errs = append(errs, fmt.Errorf("%v: %s cannot be performed by the threads of one process", s.Pos, s.Kind))
		case s.Kind == workloads.KindTouch && s.Access == linux.Exec:
			errs = append(errs, fmt.Errorf("%v: touch exec cannot be performed by the threads of one process", s.Pos))
		}
	}
	return errors.Join(errs...)
}
