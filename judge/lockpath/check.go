package lockpath

import (
	"errors"
	"fmt"
	"slices"

	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// performable are the statements, beside system calls, that the threads of Go processes can perform, one process for each address space:
// its memory is also that of the program, which has one set of limits and no code to try out, and cannot fork with its threads.
var performable = []workloads.Kind{
	workloads.KindTouch, workloads.KindStore, workloads.KindLoad, workloads.KindBarrier, workloads.KindYield,
	workloads.KindRepeat, workloads.KindFor, workloads.KindForever, workloads.KindChoose,
	workloads.KindHeap, workloads.KindBrk,
	workloads.KindMaps, workloads.KindValidate, // looked at by the simulator only
}

func checkPerformable(sc *workloads.Scenario) error {
	var errs []error
	if len(sc.Threads) == 0 {
		errs = append(errs, fmt.Errorf("%s: there are no threads whose faults could be measured", sc.File))
	}
	several := len(spaces(sc)) > 1
	met := map[int]*workloads.Thread{} // by barrier
	for _, th := range sc.Threads {
		if several && th.Background {
			errs = append(errs, fmt.Errorf("%v: thread %s is in the background: it would have to end with threads of other processes", th.Pos, th.Name))
		}
		for b := range sc.Barriers {
			if !th.Meets(b) {
				continue
			}
			if other := met[b]; other != nil && other.MM.Index != th.MM.Index {
				errs = append(errs, fmt.Errorf("%v: thread %s meets thread %s, which is of another process, at barrier %s: processes cannot wait for each other", th.Pos, th.Name, other.Name, sc.Barriers[b]))
			}
			met[b] = th
		}
	}
	for _, b := range []*workloads.Block{sc.Init, sc.Finally} {
		if b == nil {
			continue
		}
		for _, s := range b.Body {
			if s.Kind == workloads.KindIn { // of the process that has this address space
				errs = append(errs, checkStatements(s.Body)...)
			} else {
				errs = append(errs, checkStatements([]*workloads.Stmt{s})...)
			}
		}
	}
	for _, th := range sc.Threads {
		errs = append(errs, checkStatements(th.Body)...)
	}
	return errors.Join(errs...)
}

func checkStatements(body []*workloads.Stmt) (errs []error) {
	for _, s := range body {
		switch {
		case !interp.ByThreads(s.Kind) && !slices.Contains(performable, s.Kind):
			errs = append(errs, fmt.Errorf("%v: %s cannot be performed by the threads of a process", s.Pos, s.Kind))
			continue
		case s.Kind == workloads.KindTouch && s.Access == linux.Exec:
			errs = append(errs, fmt.Errorf("%v: touch exec cannot be performed by the threads of a process", s.Pos))
		}
		errs = append(errs, checkStatements(s.Body)...)
	}
	return errs
}

// spaces returns the address spaces in which something is done, each of which is a process's on the kernel.
func spaces(sc *workloads.Scenario) (used []int) {
	for i := range sc.MMs {
		if len(part(sc.Init, i))+len(part(sc.Finally, i)) > 0 || slices.ContainsFunc(sc.Threads, func(th *workloads.Thread) bool { return th.MM.Index == i }) {
			used = append(used, i)
		}
	}
	return used
}

// part returns the statements of init or finally that are performed in an address space: what is in none is in main.
func part(b *workloads.Block, space int) (body []*workloads.Stmt) {
	if b == nil {
		return nil
	}
	for _, s := range b.Body {
		switch {
		case s.Kind == workloads.KindIn && s.MM.Index == space:
			body = append(body, s.Body...)
		case s.Kind != workloads.KindIn && space == 0:
			body = append(body, s)
		}
	}
	return body
}
