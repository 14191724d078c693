package program

import (
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/workloads"
)

// recording tells the recorder of an execution what only the program knows: the names of what is accessed, the address spaces,
// and what came of finally.
type recording struct {
	*trace.Recorder
	names namer
	p     *Program
	watch *oracles
}

func newRecording(p *Program) *recording {
	r := &recording{p: p, names: newNamer()}
	r.Recorder = trace.NewRecorder(r.namer())
	return r
}

// begin is called when the world is set up.
func (r *recording) begin(w *world) {
	r.names.begin(w)
	r.Begin(func() []trace.Map { return r.look(w) })
}

// look draws the address spaces. A broken one may be half made, in any way: then it says so.
func (r *recording) look(w *world) (all []trace.Map) {
	defer func() {
		if v := recover(); v != nil {
			message, _ := task.Panicked(v)
			all = []trace.Map{{Name: "everything", Lines: []string{"cannot be read: " + message}}}
		}
	}()
	return r.maps(w)
}

func (r *recording) maps(w *world) (all []trace.Map) {
	for i, m := range w.p.scenario.MMs {
		all = append(all, trace.Map{Name: m.Name, Lines: w.mapLines(i), Areas: r.areas(w, i)})
	}
	return all
}

// areas tells what the tree of an address space holds, and which pages are present there.
func (r *recording) areas(w *world, space int) (all []trace.Area) {
	w.eachVMA(space, func(e tree.Entry) {
		start, end, _, flags := e.VMA.Snapshot()
		a := trace.Area{
			VMA: r.names.nameOf(unsafe.Pointer(e.VMA)), Start: trace.Address(e.Start), End: trace.Address(e.End),
			Place: w.place(e.Start) + ".." + w.place(e.End), Rights: flags.Perms(),
		}
		if start != e.Start || end != e.End {
			a.Itself = w.place(start) + ".." + w.place(end)
		}
		if anon := e.VMA.AnonPeek(); anon != nil {
			a.AnonVMA = r.names.nameOf(unsafe.Pointer(anon))
		}
		a.Pages = w.present(space, e.Start, e.End)
		all = append(all, a)
	})
	return all
}

// present returns the pages that the page tables of an address space have in a range.
func (w *world) present(space int, start, end uint64) (all []trace.Page) {
	_ = w.spaces[space].mm.Peek().Tables.Chunks(&w.quiet, start, end, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			if pte := c.Entries[i].Peek(); pte.Present() {
				all = append(all, trace.Page{At: trace.Address(c.Addr + uint64(i)<<linux.PageShift), Frame: int(pte.PFN()), Writable: pte.Write()})
			}
		}
		return nil
	})
	return all
}

// performed notes what came of a statement of finally.
func (r *recording) performed(s *workloads.Stmt, result string) {
	r.Performed(r.p.text[s], result, s.Kind == workloads.KindLoad)
}

// namer returns the recording as what the recorder asks for names.
func (r *recording) namer() trace.Namer { return (*recordedNames)(r) }

// recordedNames is a recording in the role of a [trace.Namer].
type recordedNames recording

// Restart implements [trace.Namer].
func (r *recordedNames) Restart() { r.names = newNamer() }

// Cell implements [trace.Namer].
func (r *recordedNames) Cell(e *task.Event) string { return r.names.cell(e) }

// Value implements [trace.Namer].
func (r *recordedNames) Value(e *task.Event, v uint64, p unsafe.Pointer) string {
	return r.names.value(e, v, p)
}

// Born implements [trace.Namer].
func (r *recordedNames) Born(base unsafe.Pointer, layout *task.Layout) string {
	o := r.names.born(base, layout)
	if o.before != "" {
		return o.name + " is born in the memory of " + o.before
	}
	return o.name + " is born"
}

// Died implements [trace.Namer].
func (r *recordedNames) Died(base unsafe.Pointer) string {
	if o := r.names.objects[base]; o != nil {
		return o.name + " is freed"
	}
	return ""
}

// Blockers implements [trace.Namer].
func (r *recordedNames) Blockers(t *task.Task, e *task.Event) (all []string) {
	for _, h := range r.watch.checker.Blockers(t, e) {
		all = append(all, h.String())
	}
	return all
}

// Held implements [trace.Namer].
func (r *recordedNames) Held(t *task.Task) (all []string) {
	for _, h := range r.watch.checker.Held(t) {
		all = append(all, h.Lock+" ("+h.Mode+")")
	}
	return all
}

// Objects implements [trace.Namer].
func (r *recordedNames) Objects() []trace.Object { return r.names.list() }
