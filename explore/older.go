package explore

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// A load that could have seen an older value, and never did in all the executions of a search, was not looked at in that respect: the limit
// of the memory model or the patience of its task (see patience) stood before it each time.

// site is a load of the code.
type site struct {
	function string
	op       task.Op
	layout   *task.Layout // of the object that the cell lies in; nil: none known
	offset   uintptr
}

// loads has the loads that could have seen an older value, and whether they did.
type loads map[site]bool

// site returns where the load that task p performs stands.
func (x *Executor) site(p *proc, cell unsafe.Pointer) site {
	e := x.pending[p.index].Event
	s := site{function: e.Func, op: e.Op}
	for _, o := range x.views.cells.objects {
		if at := uintptr(cell) - uintptr(o.base); at < o.size {
			s.layout, s.offset = x.layouts[o.base], at
		}
	}
	return s
}

func (s site) String() string {
	where := ""
	if s.function != "" {
		where = " in " + s.function
	}
	if s.layout == nil {
		return fmt.Sprint(s.op) + where
	}
	return fmt.Sprintf("%s of %s%s%s", s.op, s.layout.Type, s.layout.CellName(s.offset), where)
}

// noteOlder adds what the executor's loads have seen.
func (r *Report) noteOlder(x *Executor) {
	for s, seen := range x.older {
		if r.Older == nil {
			r.Older = map[string]bool{}
		}
		name := s.String()
		r.Older[name] = r.Older[name] || seen
	}
}

// addOlder adds what other loads have seen.
func (r *Report) addOlder(older map[string]bool) {
	if r.Older == nil {
		r.Older = maps.Clone(older)
		return
	}
	for name, seen := range older {
		r.Older[name] = r.Older[name] || seen
	}
}

// NeverOlder names the loads that could have seen an older value and never did. They mean something if the search is complete.
func (r *Report) NeverOlder() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(r.Older)) {
		if !r.Older[name] {
			names = append(names, name)
		}
	}
	return names
}
