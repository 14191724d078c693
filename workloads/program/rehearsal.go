package program

import (
	"slices"
	"unsafe"

	"vmasim/internal/explore"
	"vmasim/internal/task"
	"vmasim/tree"
)

// rehearsal is what the making of a world announced while it was watched. An arena makes the same world for each execution, from
// the same memory. So from then on the watcher need not follow: it returns to what it knew when the world was made, provided
// that everything that is announced now was announced then.
type rehearsal struct {
	lines     []line
	landmarks []uintptr
	repeated  bool // the world was made again in the same way
}

// line is one thing that was announced.
type line struct {
	op       task.Op // birth and death have numbers of their own
	addr     unsafe.Pointer
	old, new uint64
}

const (
	birth = task.NumOps + iota
	death
)

// lineOf returns what of an event has to be the same each time. What a store overwrites is what earlier executions left, and grace
// periods are counted through all of them.
func lineOf(e *task.Event) line {
	l := line{e.Op, e.Addr, e.Old, e.New}
	switch {
	case e.Op == task.OpSynchronize || e.Op == task.OpStartPoll:
		l.old, l.new = 0, 0
	case e.Op.Info().Kind == task.Write:
		l.old = 0
	}
	return l
}

// recorder takes down a rehearsal, and passes on what is announced.
type recorder struct {
	solo
	to *rehearsal
}

func (r *recorder) note(l line) { r.to.lines = append(r.to.lines, l) }

// After implements [task.Observer].
func (r *recorder) After(t *task.Task, e *task.Event) {
	r.note(lineOf(e))
	r.solo.After(t, e)
}

// Born implements [task.Observer].
func (r *recorder) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	r.note(line{op: birth, addr: base, new: uint64(uintptr(unsafe.Pointer(layout)))})
	r.solo.Born(t, base, layout)
}

// Died implements [task.Observer].
func (r *recorder) Died(t *task.Task, base unsafe.Pointer) {
	r.note(line{op: death, addr: base})
	r.solo.Died(t, base)
}

// prompter compares what is announced with a rehearsal.
type prompter struct {
	solo  // of nobody
	with  *rehearsal
	next  int
	wrong bool // something was different
}

func (p *prompter) begin(with *rehearsal) { *p = prompter{with: with} }

// same reports whether all was as rehearsed.
func (p *prompter) same() bool { return !p.wrong && p.next == len(p.with.lines) }

func (p *prompter) compare(l line) {
	if p.next == len(p.with.lines) || p.with.lines[p.next] != l {
		p.wrong = true
		return
	}
	p.next++
}

// After implements [task.Observer].
func (p *prompter) After(_ *task.Task, e *task.Event) { p.compare(lineOf(e)) }

// Born implements [task.Observer].
func (p *prompter) Born(_ *task.Task, base unsafe.Pointer, layout *task.Layout) {
	p.compare(line{op: birth, addr: base, new: uint64(uintptr(unsafe.Pointer(layout)))})
}

// Died implements [task.Observer].
func (p *prompter) Died(_ *task.Task, base unsafe.Pointer) { p.compare(line{op: death, addr: base}) }

// stage makes the world, which the watcher follows or knows already.
func (a *arena) stage() error {
	recaller, _ := a.watch.(explore.Recaller)
	if a.improvised || recaller == nil || a.p.follow != nil {
		return a.makeWorld(&a.alone)
	}
	if a.rehearsed == nil || !recaller.Knows(a.rehearsed) {
		return a.rehearse(recaller)
	}
	if a.repeat() {
		recaller.Recall(a.rehearsed)
		return nil
	}
	a.improvised = true // the memory is not the same each time: that of files, for example
	a.renew()
	return a.makeWorld(&a.alone)
}

// rehearse makes the world for the first time.
func (a *arena) rehearse(recaller explore.Recaller) error {
	r := &rehearsal{}
	if err := a.makeWorld(&recorder{a.alone, r}); err != nil || a.broken {
		return err
	}
	r.landmarks = a.survey(nil)
	a.rehearsed = r
	recaller.Remember(r)
	return nil
}

// repeat makes the world again, and reports whether it is the same. What is announced is compared once: then it is known that
// nothing but memory that is used again and again is announced, and where that begins to be handed out is always the same.
func (a *arena) repeat() bool {
	r := a.rehearsed
	if !r.repeated {
		a.prompter.begin(r)
		err := a.makeWorld(&a.prompter)
		r.repeated = a.prompter.same()
		return r.repeated && err == nil
	}
	err := a.makeWorld(nil)
	a.seen = a.survey(a.seen[:0])
	return slices.Equal(a.seen, r.landmarks) && err == nil
}

// survey adds by what a world can be told from one that lies elsewhere: its address spaces and VMAs, and how much memory it took.
func (a *arena) survey(marks []uintptr) []uintptr {
	for i := range a.spaces {
		marks = append(marks, uintptr(unsafe.Pointer(a.spaces[i].mm.Peek())))
		a.eachVMA(i, func(e tree.Entry) { marks = append(marks, uintptr(unsafe.Pointer(e.VMA))) })
	}
	return append(marks, uintptr(len(a.machine.Mem.Cached(a.setup.Task))))
}
