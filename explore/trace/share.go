package trace

import "slices"

// share marks the steps through which tasks affect each other: reads of what another task has written or is the next to
// write, and writes right before or after another task's access.
func share(steps []Step) {
	accesses := map[Address][]*Step{}
	for i := range steps {
		accesses[steps[i].Addr] = nil
	}
	for i := range steps {
		s := &steps[i]
		if s.Size <= 1 {
			accesses[s.Addr] = append(accesses[s.Addr], s)
			continue
		}
		for addr := range accesses {
			if uintptr(addr-s.Addr) < s.Size { // a bulk access is one to each cell in its range
				accesses[addr] = append(accesses[addr], s)
			}
		}
	}
	for _, all := range accesses {
		for i, s := range all {
			if s.Writes() {
				before, after := slices.Clone(all[:i]), all[i+1:]
				slices.Reverse(before)
				s.Shared = s.Shared || meetsOther(s.Task, before) || meetsOther(s.Task, after)
			} else {
				next := slices.IndexFunc(all[i:], (*Step).Writes)
				s.Shared = s.Shared || s.From > 0 && steps[s.From-1].Task != s.Task || next >= 0 && all[i+next].Task != s.Task
			}
		}
	}
}

// meetsOther reports whether the first access that is no read of the task's own is another task's.
func meetsOther(name string, accesses []*Step) bool {
	for _, s := range accesses {
		if s.Task != name || s.Writes() {
			return s.Task != name
		}
	}
	return false
}
