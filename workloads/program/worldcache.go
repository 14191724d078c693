package program

import (
	"slices"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/tree"
)

// This file saves the oracles the making of the world. A worker makes the same world for every execution, from the same memory,
// and most of what an execution announces is that. The first making is watched and recorded ([setupTrace]). The second is
// compared with the record, event by event ([verifier]), while the oracle is told nothing: if all agrees, the oracle is set
// back to what it knew after the first making. From the third on not even that is done: the task that sets up has no observer,
// and only where the objects lie is compared ([world.survey]). Where one of the comparisons fails, each world of this worker is
// watched from then on.

// setupTrace is what the making of a world announced while it was watched.
type setupTrace struct {
	events      []setupEvent // in order
	fingerprint []uintptr    // what [world.survey] returned after it
	repeated    bool         // the world was made a second time with the same events
}

// setupEvent is one event, or the birth or death of an object, as far as it has to be the same each time.
type setupEvent struct {
	op       task.Op // birth and death have numbers of their own
	addr     unsafe.Pointer
	old, new uint64
}

const (
	birth = task.NumOps + iota
	death
)

// eventOf returns the part of an event that is the same each time. A store overwrites values that earlier executions left, and grace
// periods are counted through all of them.
func eventOf(e *task.Event) setupEvent {
	s := setupEvent{e.Op, e.Addr, e.Old, e.New}
	switch {
	case e.Op == task.OpSynchronize || e.Op == task.OpStartPoll:
		s.old, s.new = 0, 0
	case e.Op.Info().Kind == task.Write:
		s.old = 0
	}
	return s
}

// recorder is an observer that records a setupTrace and passes on what is announced.
type recorder struct {
	solo
	to *setupTrace
}

func (r *recorder) note(s setupEvent) { r.to.events = append(r.to.events, s) }

// After implements [task.Observer].
func (r *recorder) After(t *task.Task, e *task.Event) {
	r.note(eventOf(e))
	r.solo.After(t, e)
}

// Born implements [task.Observer].
func (r *recorder) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	r.note(setupEvent{op: birth, addr: base, new: uint64(uintptr(unsafe.Pointer(layout)))})
	r.solo.Born(t, base, layout)
}

// Died implements [task.Observer].
func (r *recorder) Died(t *task.Task, base unsafe.Pointer) {
	r.note(setupEvent{op: death, addr: base})
	r.solo.Died(t, base)
}

// verifier is an observer that compares what is announced with a setupTrace.
type verifier struct {
	solo  // told to no executor
	with  *setupTrace
	next  int
	wrong bool // something was different
}

func (p *verifier) begin(with *setupTrace) { *p = verifier{with: with} }

// same reports whether all was as recorded.
func (p *verifier) same() bool { return !p.wrong && p.next == len(p.with.events) }

func (p *verifier) compare(s setupEvent) {
	if p.next == len(p.with.events) || p.with.events[p.next] != s {
		p.wrong = true
		return
	}
	p.next++
}

// After implements [task.Observer].
func (p *verifier) After(_ *task.Task, e *task.Event) { p.compare(eventOf(e)) }

// Born implements [task.Observer].
func (p *verifier) Born(_ *task.Task, base unsafe.Pointer, layout *task.Layout) {
	p.compare(setupEvent{op: birth, addr: base, new: uint64(uintptr(unsafe.Pointer(layout)))})
}

// Died implements [task.Observer].
func (p *verifier) Died(_ *task.Task, base unsafe.Pointer) {
	p.compare(setupEvent{op: death, addr: base})
}

// build makes the world, which the oracle watches or knows already.
func (w *world) build() error {
	x := w.executor
	if w.uncacheable || w.p.follow != nil {
		return w.makeWorld(&w.alone)
	}
	if w.recorded == nil || !x.Has(w.recorded) {
		return w.recordSetup()
	}
	if w.repeat() {
		x.Restore(w.recorded)
		return nil
	}
	w.uncacheable = true // the memory is not the same each time
	w.renew()
	return w.makeWorld(&w.alone)
}

// recordSetup makes the world for the first time.
func (w *world) recordSetup() error {
	r := &setupTrace{}
	if err := w.makeWorld(&recorder{w.alone, r}); err != nil || w.broken {
		return err
	}
	r.fingerprint = w.survey(nil)
	w.recorded = r
	w.executor.Snapshot(r)
	return nil
}

// repeat makes the world again, and reports whether it is the same. The events are compared once: then it is known that
// nothing but memory that is used again and again is announced, and where that begins to be handed out is always the same.
func (w *world) repeat() bool {
	r := w.recorded
	if !r.repeated {
		w.verifier.begin(r)
		err := w.makeWorld(&w.verifier)
		r.repeated = w.verifier.same()
		return r.repeated && err == nil
	}
	err := w.makeUnwatched()
	w.seen = w.survey(w.seen[:0])
	return slices.Equal(w.seen, r.fingerprint) && err == nil
}

// makeUnwatched makes the world as it was made before, when its calls were judged.
func (w *world) makeUnwatched() error {
	m := w.machine
	m.JudgeCalls = false
	defer func() { m.JudgeCalls = true }()
	return w.makeWorld(nil)
}

// survey adds by what a world can be told from one that lies elsewhere: its address spaces, VMAs and nodes of trees, and how much memory it
// took.
func (w *world) survey(marks []uintptr) []uintptr {
	for i := range w.spaces {
		marks = append(marks, uintptr(unsafe.Pointer(w.spaces[i].mm.Peek())))
		w.eachVMA(i, func(e tree.Entry) { marks = append(marks, uintptr(unsafe.Pointer(e.VMA))) })
		if m := w.spaces[i].mm.Peek(); m != nil {
			marks = m.Tree.Nodes(marks)
		}
	}
	for _, f := range w.files {
		marks = append(marks, uintptr(unsafe.Pointer(f.Inode)))
	}
	return append(marks, uintptr(len(w.machine.Mem.Cached(w.setup.Task))))
}
