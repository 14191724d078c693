package judge

import "vmasim/workloads"

// view is what the generator of random statements sees of an address space: what the simulator has mapped.
type view struct {
	w     *world
	areas []area
}

// viewOf returns the view of an address space.
func (w *world) viewOf(sp *space) view { return view{w, w.simAreas(sp, false)} }

// Window implements [workloads.View], as do the others.
func (v view) Window() (base, end uint64) { return v.w.set.window.Base, v.w.set.window.End() }

func (v view) Heap() uint64 { return v.w.set.window.Heap }

func (v view) Areas() int { return len(v.areas) }

func (v view) Area(i int) workloads.Mapping {
	a := &v.areas[i]
	return workloads.Mapping{Start: a.start, End: a.end, Prot: workloads.Prot(a.prot), Shared: a.shared}
}

func (v view) Exists(mm int) bool { return v.w.spaces[mm] != nil }
