package program

import (
	"fmt"
	"unsafe"

	"vmasim/check"
	"vmasim/explore/trace"
	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
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
		all = append(all, trace.Map{Name: m.Name, As: r.p.spaceName(m.Name), Lines: w.mapLines(i), Areas: r.areas(w, i)})
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
		words := h.Task + " holds " + r.holding(h).String()
		if h.Func != "" {
			words += ", taken in " + h.Func
		}
		all = append(all, words)
	}
	return all
}

// Held implements [trace.Namer].
func (r *recordedNames) Held(t *task.Task) (all []trace.Held) {
	for _, h := range r.watch.checker.Held(t) {
		all = append(all, r.holding(h))
	}
	return all
}

// holding gives what the checker tells of a lock the reader's names.
func (r *recordedNames) holding(h check.Holding) trace.Held {
	if all := r.names.lives[h.Addr]; h.Life > 0 && h.Life <= len(all) {
		h.Lock = all[h.Life-1] // maybe one that has ended
	} else if name := r.names.standing(h.Addr); name != "" {
		h.Lock = name
	}
	return trace.Held{Lock: h.Lock, Mode: h.Mode, Func: h.Func}
}

// Name implements [trace.Namer].
func (r *recordedNames) Name(base unsafe.Pointer) string { return r.names.nameOf(base) }

// Phase implements [trace.Namer].
func (r *recordedNames) Phase(base unsafe.Pointer) string {
	is := r.watch.checker.PhaseOf(base)
	if is != check.Unknown && (*vma.VMA)(base).SlabLife().Ending() {
		return trace.Waits
	}
	return [...]string{check.Unknown: "", check.Made: trace.Made, check.Attached: trace.Attached, check.Detached: trace.Detached}[is]
}

// Sections implements [trace.Namer].
func (r *recordedNames) Sections(domain unsafe.Pointer) string {
	return check.SectionName((*ksync.Domain)(domain).Slot())
}

// Pending implements [trace.Namer].
func (r *recordedNames) Pending(domain unsafe.Pointer) int { return (*ksync.Domain)(domain).Pending() }

// Entries implements [trace.Namer].
func (r *recordedNames) Entries() (all [][]trace.Entry) {
	for i := range r.names.world.spaces {
		all = append(all, r.entries(i))
	}
	return all
}

// entries tells what the page tables of an address space have. Broken ones may be half made, and tell as much as can be read.
func (r *recordedNames) entries(space int) (all []trace.Entry) {
	defer func() { _ = recover() }()
	w := r.names.world
	m := w.spaces[space].mm.Peek()
	if m == nil {
		return nil
	}
	_ = m.Tables.Chunks(&w.quiet, 0, linux.TaskSize, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			if pte := c.Entries[i].Peek(); !pte.None() {
				all = append(all, r.entry(c.Addr+uint64(i)<<linux.PageShift, pte))
			}
		}
		return nil
	})
	return all
}

func (r *recordedNames) entry(at uint64, pte pgtable.PTE) trace.Entry {
	w := r.names.world
	e := trace.Entry{At: trace.Address(at), Place: w.place(at)}
	switch {
	case pte.Guard():
		e.Is = "guard marker"
		return e
	case !pte.Present():
		e.Is = fmt.Sprintf("%#x", uint64(pte))
		return e
	case pte.PFN() == w.machine.Mem.ZeroPage():
		e.Is = "zero page"
	default:
		if o := r.names.objects[unsafe.Pointer(w.machine.Mem.Bytes(pte.PFN()))]; o != nil {
			e.Is = o.name
		} else {
			e.Is = fmt.Sprintf("frame#%d", pte.PFN())
		}
	}
	e.Frame = int(pte.PFN())
	e.Bits = trace.Bits{Present: true, NoAccess: !pte.Accessible(), Writable: pte.Write(), Young: pte.Young(), Dirty: pte.Dirty()}
	return e
}

// Objects implements [trace.Namer].
func (r *recordedNames) Objects() []trace.Object { return r.names.list() }
