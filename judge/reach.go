package judge

import (
	"cmp"

	"vmasim/internal/linux"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// reach is what an operation may have changed in the address space that it was performed in.
type reach struct {
	all    bool     // anything
	ranges []extent // pages, and the areas up to the next ones outside
}

// extent is a range of addresses in the window.
type extent struct{ start, end uint64 }

var everywhere = reach{all: true}

// aroundFault is how far from a fault pages may be mapped with it: fault_around_bytes.
const aroundFault = 64 << 10

// reachOf says what a call may change, and what came of it.
func (w *world) reachOf(sp *space, c *interp.Call, out workloads.Outcome) reach {
	switch c.Kind {
	case workloads.KindMmap:
		if out.Kind == workloads.ResultOK {
			return w.around(out.Value, c.Len)
		}
		if c.Flags&(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE) == 0 {
			return reach{}
		}
		return w.around(c.Addr, c.Len)
	case workloads.KindMadvise:
		if c.Advice == linux.MADV_REMOVE { // wherever the file is mapped
			return everywhere
		}
		return w.around(c.Addr, c.Len)
	case workloads.KindMremap:
		r := w.around(c.Addr, max(c.Len, c.NewLen))
		if out.Kind == workloads.ResultOK {
			r.ranges = append(r.ranges, w.around(out.Value, max(c.Len, c.NewLen)).ranges...)
		} else if c.Flags&linux.MREMAP_FIXED != 0 {
			r.ranges = append(r.ranges, w.around(c.NewAddr, c.NewLen).ranges...)
		}
		return r
	case workloads.KindBrk:
		before := cmp.Or(sp.brk, sp.heap)
		sp.brk = out.Value
		return w.around(min(before, out.Value), max(before, out.Value)-min(before, out.Value))
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore:
		start := c.Addr - min(c.Addr, aroundFault)
		return w.around(start, c.Addr-start+c.Len+aroundFault)
	case workloads.KindSetrlimit:
		return reach{}
	}
	if c.InRange() {
		return w.around(c.Addr, c.Len)
	}
	return everywhere
}

// around is a range of whole pages, as far as it is in the window.
func (w *world) around(start, length uint64) reach {
	start, end := max(start, w.set.window.Base)&^(linux.PageSize-1), start+length
	if end < length || end > w.set.window.End() { // it overflows, or is longer than the window
		end = w.set.window.End()
	}
	end = (end + linux.PageSize - 1) &^ (linux.PageSize - 1)
	if start >= end {
		return reach{}
	}
	return reach{ranges: []extent{{start, end}}}
}

// everyOperation is how many areas an address space may have that is compared as a whole after each operation. A larger one is so
// when its size has been made up for, so that the comparison costs what changed; what an operation may have changed is always
// compared.
const everyOperation = 16

// due says how an address space is compared after an operation.
type due struct{ whole, flags bool }

func (w *world) due(sp *space, r reach) due {
	every, flags := 1, w.set.flagsEvery
	if !w.exact() {
		every, flags = max(1, sp.areas/everyOperation), max(flags, sp.areas*4/everyOperation)
	}
	d := due{flags: flags > 0 && w.operations-sp.flagsAt >= flags}
	d.whole = d.flags || r.all || w.operations-sp.wholeAt >= every
	return d
}

// exact reports whether everything is compared after every operation.
func (w *world) exact() bool {
	return w.set.exact || !w.lab.host.CanQuery() || w.set.exactFrom > 0 && w.operations > w.set.exactFrom
}

// good returns how many operations had been done when all address spaces were last known to be equal.
func (w *world) good() int {
	n := w.operations
	for _, sp := range w.spaces {
		if sp != nil {
			n = min(n, sp.wholeAt, sp.flagsAt)
		}
	}
	return n
}

// compareReach compares what an operation may have changed: the areas there with their neighbours, and the pages. It returns what
// differs, "" for nothing.
func (w *world) compareReach(sp *space, r reach) (string, error) {
	for _, x := range r.ranges {
		from := w.set.window.Base
		if before := sp.sim.Tree.Prev(w.actor.Task, x.start); before != nil {
			from = max(from, before.Start(w.actor.Task))
		}
		kernel, err := sp.kernel.stateOf(from, x)
		if err != nil {
			return "", err
		}
		sim := w.simStateOf(sp, from, x)
		if sp.kernel.coarse {
			sim.coarsen()
			kernel.coarsen()
		}
		if what := w.names.compare(sim, kernel); what != "" {
			return what, nil
		}
	}
	return "", nil
}

// stateOf observes the kernel: the areas from an address to the one behind a range, without VmFlags, and the range's pages.
func (p *process) stateOf(from uint64, x extent) (*state, error) {
	areas, err := p.AreasAround(from, x.end)
	if err != nil {
		return nil, err
	}
	s := &state{areas: observed(areas)}
	for _, a := range areas {
		if start, end := max(a.Start, x.start), min(a.End, x.end); start < end {
			if err := p.addPages(s, start, end); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// simStateOf is stateOf of the simulator.
func (w *world) simStateOf(sp *space, from uint64, x extent) *state {
	s := &state{}
	last := w.set.window.End()
	forEachVMA(w.actor.Task, sp.sim, from, last, func(v *vma.VMA) bool {
		a := simArea(v, false)
		s.areas = append(s.areas, a)
		return a.start < x.end
	})
	w.addSimPages(s, sp, x.start, x.end)
	return s
}
