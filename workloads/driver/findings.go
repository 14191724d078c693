package driver

import (
	"sync"

	"vmasim/internal/task"
	"vmasim/workloads"
)

// violations collects broken rules from all tasks. Of each oracle in each function the first is kept, and counted.
type violations struct {
	mu    sync.Mutex
	list  []Violation
	total uint64
}

func (v *violations) report(broken task.Violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.total++
	for i := range v.list {
		if o := &v.list[i]; o.Oracle == broken.Oracle && o.Func == broken.Func {
			o.Count++
			return
		}
	}
	if len(v.list) < maxListed {
		v.list = append(v.list, Violation{broken, 1})
	}
}

func (v *violations) reported() ([]Violation, uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Violation(nil), v.list...), v.total
}

// findings collects the results of one task that were not expected. The same result of the same statement is kept once,
// and counted.
type findings struct {
	list  []finding
	total uint64
}

type finding struct {
	stmt  *workloads.Stmt // nil: Unexpected says it all
	label string          // of the outcome
	Unexpected
}

// add counts a result and tells describe to word it if it is new.
func (f *findings) add(s *workloads.Stmt, label string, describe func() Unexpected) {
	f.total++
	for i := range f.list {
		if o := &f.list[i]; o.stmt == s && o.label == label && s != nil {
			o.Count++
			return
		}
	}
	if len(f.list) < maxListed {
		f.list = append(f.list, finding{s, label, describe()})
		f.list[len(f.list)-1].Count = 1
	}
}

// merge adds what another task found.
func (f *findings) merge(o *findings) {
	f.total += o.total
next:
	for _, n := range o.list {
		for i := range f.list {
			if m := &f.list[i]; m.stmt == n.stmt && m.label == n.label && n.stmt != nil {
				m.Count += n.Count
				continue next
			}
		}
		if len(f.list) < maxListed {
			f.list = append(f.list, n)
		}
	}
}

func (f *findings) unexpected() (all []Unexpected) {
	for _, n := range f.list {
		all = append(all, n.Unexpected)
	}
	return all
}
