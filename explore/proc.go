package explore

import (
	"iter"
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// proc is the coroutine that runs the bodies of one place in the world, and the observer of its task.
type proc struct {
	x     *Executor
	index int                     // the task's place in the world
	task  *task.Task              // of the execution; nil between two
	body  func()                  // its task's, to be run once
	done  bool                    // the body has come to its end
	waits bool                    // it has resumed another coroutine, and waits for that to stop
	next  func() (struct{}, bool) // resumes the coroutine, and returns when it stops
	stop  func()                  // ends it
	yield func(struct{}) bool     // stops it, called from inside
}

func newProc(x *Executor, index int) *proc {
	p := &proc{x: x, index: index}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		for yield(struct{}{}) {
			p.run()
		}
	})
	p.next() // up to where it waits for a body
	return p
}

// unwound is what a body panics with when its execution ends before it does.
type unwound struct{}

// run runs the body of one execution. A body that ends its goroutine, as the FailNow of a test does, ends the execution: who resumed
// the coroutine is ended, too, up to who runs the executor.
func (p *proc) run() {
	returned := false
	defer func() {
		switch v := recover(); {
		case v == nil:
			p.x.stopping = p.x.stopping || !returned
		case v != any(unwound{}):
			p.x.report(p.task.Panicked(v))
		}
		p.done = true
		p.x.announce(p, nil)
	}()
	p.body()
	returned = true
}

// announce notes the pending operation of p, nil at its end.
func (x *Executor) announce(p *proc, e *task.Event) {
	bit := taskSet(1) << p.index
	x.guarded &^= bit
	x.free &^= bit
	switch {
	case e == nil:
	case e.Enabled != nil:
		x.guarded |= bit
	default:
		x.free |= bit
	}
	x.pending[p.index].Event = e
	if x.tracker != nil && !x.stopping && !x.rest.on {
		x.tracker.announced(&x.state, p.index)
	}
}

// Before implements [task.Observer]: it returns when it is the task's turn. The turn is handed over here and not in a function, as behind a
// change of coroutines the processor guesses wrong where each function returns to.
func (p *proc) Before(t *task.Task, e *task.Event) {
	x := p.x
	if x.stopping {
		panic(unwound{})
	}
	x.announce(p, e)
	if x.running {
		x.turn = x.decide()
	}
	for q := x.turn; q != p; q = x.turn {
		if q == nil || q.waits || !x.running {
			p.yield(struct{}{}) // only its turn resumes its coroutine
			if x.stopping {
				panic(unwound{})
			}
			break
		}
		p.waits = true
		q.next()
		p.waits = false
		if x.turn == q && q.done { // it did not hand over but came to its end
			x.turn = x.decide()
		}
	}
	if x.oracle != nil && !x.rest.on {
		x.oracle.Before(t, e)
	}
}

// After implements [task.Observer].
func (p *proc) After(t *task.Task, e *task.Event) {
	x := p.x
	x.spins.note(p.index, e)
	if x.rest.on {
		return
	}
	x.ops[e.Op]++
	if x.steps > x.cycle.from {
		x.cycle.note(p.index, e)
	}
	if x.memory != nil {
		x.memory.performed(p.index, t, e)
	}
	if x.views != nil {
		x.views.performed(&x.state, p.index, e)
	}
	if x.tracker != nil {
		x.tracker.performed(&x.state, p.index, e)
	}
	if x.oracle != nil {
		x.oracle.After(t, e)
	}
}

// Born implements [task.Observer].
func (p *proc) Born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	if !p.x.rest.on {
		p.x.Born(t, base, layout)
	}
}

// Died implements [task.Observer].
func (p *proc) Died(t *task.Task, base unsafe.Pointer) {
	if !p.x.rest.on {
		p.x.Died(t, base)
	}
}

// Choose implements [task.Observer].
func (p *proc) Choose(_ *task.Task, what task.Choice, n int) int {
	x := p.x
	if n < 2 || x.stopping || x.rest.on || x.chosen == x.maxChosen || !x.offered[what] {
		return 0
	}
	v := x.strategy.choose(&x.state, p.index, n)
	x.trail.choice(v)
	if v != 0 {
		x.chosen++
	}
	if x.recorder != nil {
		x.recorder.rec.Chosen(trace.Decision{Choice: what, Value: v, Of: n})
	}
	return v
}

// Mark implements [task.Mind].
func (p *proc) Mark(*task.Task) int { return p.x.mind.mark(p.index) }

// Keep implements [task.Mind].
func (p *proc) Keep(_ *task.Task, mark int, what uint64) { p.x.mind.keep(p.index, mark, what) }

// Load implements [task.Observer].
func (p *proc) Load(t *task.Task, what task.Choice, addr, latest unsafe.Pointer) unsafe.Pointer {
	if p.x.memory == nil {
		return latest
	}
	older := p.x.memory.overwritten(p.index, addr)
	if len(older) == 0 {
		return latest
	}
	if i := p.Choose(t, what, 1+len(older)); i > 0 {
		return older[i-1]
	}
	return latest
}

// Trapped implements [task.Observer].
func (p *proc) Trapped(*task.Task) {
	if p.x.memory != nil {
		p.x.memory.trapped(p.index)
	}
}
