package program

import (
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/task"
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
	return w.maps()
}

func (w *world) maps() (all []trace.Map) {
	for i, m := range w.p.scenario.MMs {
		all = append(all, trace.Map{Name: m.Name, Lines: w.mapLines(i)})
	}
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
