package program

import (
	"slices"
	"unsafe"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Watch makes all oracles watch the program's executions: it goes into [explore.Options].
func (p *Program) Watch(report func(task.Violation)) explore.Oracle {
	names := check.Names(check.ByWatcher)
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(p.without, name) })
	checker, err := check.New(report, names...)
	if err != nil {
		panic(err) // the names are the checker's own
	}
	if p.memory.TSO {
		checker.TSO()
	}
	w := &oracles{checker: checker, p: p, named: map[unsafe.Pointer]string{}}
	w.checker.Target, w.checker.Name = w.target, w.name
	return w
}

// name names an address space as the scenario does.
func (w *oracles) name(base unsafe.Pointer) string {
	if w.world == nil {
		return ""
	}
	for i := range w.world.spaces {
		if m := w.world.spaces[i].mm.Peek(); m != nil && unsafe.Pointer(m) == base {
			w.named[base] = w.p.spaceName(m.Name)
			break
		}
	}
	return w.named[base] // maybe of one that the end of an execution has taken down
}

// oracles tells a checker where the parts of an execution begin. The task that sets the world up acts before all threads,
// and again after them.
type oracles struct {
	checker *check.Checker
	p       *Program
	setup   *task.Task // sets the world up
	world   *world     // whose executions are watched
	phase   phase      // of the execution
	made    made       // the world whose making need not be watched again

	named map[unsafe.Pointer]string // what address spaces were called last
}

// made is what the checker knows about a world that was just made.
type made struct {
	key      any
	snapshot *check.Snapshot
	setup    *task.Task
	world    *world
}

type phase uint8

const (
	nothing phase = iota
	settingUp
	running
	ended
)

// Tell implements [explore.Oracle].
func (w *oracles) Tell(add func(uint64)) { w.checker.Tell(add) }

// Reset implements [explore.Oracle].
func (w *oracles) Reset() { w.phase = nothing }

// Snapshot implements [explore.Oracle].
func (w *oracles) Snapshot(key any) { w.made = made{key, w.checker.Snapshot(), w.setup, w.world} }

// Has implements [explore.Oracle].
func (w *oracles) Has(key any) bool {
	return w.made.key == key && w.checker.CanReturn(w.made.snapshot)
}

// Restore implements [explore.Oracle].
func (w *oracles) Restore(any) {
	w.phase, w.setup, w.world = settingUp, w.made.setup, w.made.world
	w.checker.Return(w.made.snapshot)
}

// follow moves on to the phase in which t acts.
func (w *oracles) follow(t *task.Task) {
	switch {
	case w.phase == nothing:
		w.checker.Reset()
		w.phase = settingUp
		if w.setup != t {
			w.setup, w.world = t, w.p.worldOf(t)
		}
	case w.phase == settingUp && t != w.setup:
		w.phase = running
		w.checker.Start()
	case w.phase == running && t == w.setup:
		w.phase = ended
		w.checker.Finish()
	}
}

// worldOf returns the world whose world the task sets up.
func (p *Program) worldOf(setup *task.Task) *world {
	a, _ := p.setups.Load(setup)
	return a.(*world)
}

// target says what a task looks up.
func (w *oracles) target(t *task.Task) (m *vma.MMLock, addr uint64, known bool) {
	i := t.ID - 1
	if i < 0 || i >= len(w.world.threads) {
		return nil, 0, false
	}
	r := w.world.threads[i]
	if r.MM == nil {
		return nil, 0, false
	}
	return &r.MM.MMLock, r.Looking, !r.Several
}

// Before implements [explore.Oracle].
func (w *oracles) Before(t *task.Task, e *task.Event) {
	if w.phase != running || t == w.setup {
		w.follow(t)
	}
	w.checker.Before(t, e)
}

// After implements [explore.Oracle].
func (w *oracles) After(t *task.Task, e *task.Event) { w.checker.After(t, e) }

// Born implements [explore.Oracle].
func (w *oracles) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	w.follow(t)
	w.checker.Born(t, base, layout)
}

// Died implements [explore.Oracle].
func (w *oracles) Died(t *task.Task, base unsafe.Pointer) { w.checker.Died(t, base) }
