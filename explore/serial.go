package explore

import (
	"iter"
	"slices"
)

// behaviour is what is right about the whole program: in which serial orders it succeeds.
type behaviour struct {
	orders     [][]string // of the tasks, each from its beginning to its end
	statements bool       // in none of these, but in some order of the statements
}

// maxOrders is how many orders of the tasks are tried: all of four tasks.
const maxOrders = 24

// behaviourOf finds out what is right about p.
func (sh *shrinker) behaviourOf(p Program) behaviour {
	var b behaviour
	x := sh.plain(p)
	defer x.close()
	if _, err := sh.run(x.with(&ordered{})); err != nil {
		return b
	}
	var names []string
	for i := range x.tasks {
		names = append(names, x.pending[i].who.Name)
	}
	n, end := 0, sh.steps+ordersSteps
	for order := range permutations(names) {
		if n++; n > maxOrders || sh.over(end) {
			break
		}
		if sh.endsWell(x.with(&ordered{names: order})) {
			b.orders = append(b.orders, order)
		}
	}
	b.statements = len(b.orders) == 0 && sh.succeeds(x)
	return b
}

// permutations gives all orders of names; the slice it gives is the receiver's.
func permutations(names []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) { permute(nil, names, yield) }
}

func permute(first, rest []string, yield func([]string) bool) bool {
	if len(rest) == 0 {
		return yield(slices.Clone(first))
	}
	for i, name := range rest {
		if !permute(append(first, name), slices.Delete(slices.Clone(rest), i, i+1), yield) {
			return false
		}
	}
	return true
}

// acceptable reports whether a failure of a smaller program shows what the larger one's does. The smaller program is still
// right in itself: it succeeds in the serial orders in which the whole one does, so that it is not wrong in whatever order,
// nor lacks what one of its tasks relies on; and it does not fail under the rules under which the whole one does not. Where
// the budget ends before that is known, it counts as wrong. And where threads have taken steps, they still do: otherwise the
// failure lies in what comes before them.
func (sh *shrinker) acceptable(p Program, larger *Shrunk, f *Found) bool {
	if len(f.Schedule.Tasks) == 0 && len(larger.Found.Schedule.Tasks) > 0 || !sh.behaves(p) {
		return false
	}
	for q := range p.Sound(sh.ctx) {
		sound := sh.neverFails(q)
		_ = q.Close() // it has served
		if !sound {
			return false
		}
	}
	return true
}

// behaves reports whether p succeeds in the serial orders in which the whole program does.
func (sh *shrinker) behaves(p Program) bool {
	x := sh.plain(p)
	defer x.close()
	for _, order := range sh.right.orders {
		if !sh.endsWell(x.with(&ordered{names: order})) {
			return false
		}
	}
	return !sh.right.statements || sh.succeeds(x)
}

// plain returns an executor that passes over nothing.
func (sh *shrinker) plain(p Program) *Executor {
	o := sh.o
	o.Pass = nil
	return newExecutor(p, &o)
}

func (x *Executor) with(s strategy) *Executor {
	x.use(s)
	return x
}

// endsWell runs an execution and reports whether it ends well.
func (sh *shrinker) endsWell(x *Executor) bool {
	e, err := x.run()
	if err != nil {
		return false
	}
	sh.runs++
	sh.steps += e.steps
	return e.ending == Finished
}

// succeeds reports whether some serial order of the statements ends well.
func (sh *shrinker) succeeds(x *Executor) bool {
	order := &serial{}
	x.use(order)
	for end := sh.steps + serialSteps; !sh.over(end) && order.next(); {
		if sh.endsWell(x) {
			return true
		}
	}
	return false
}

// neverFails searches p, and reports whether the search has finished and found no failure.
func (sh *shrinker) neverFails(p Program) bool {
	x := sh.plain(p)
	defer x.close()
	all := &dpor{}
	x.use(all)
	for end := min(sh.sound+soundSteps, allSound); all.next(); {
		if sh.sound > end || sh.ctx.Err() != nil {
			return false
		}
		e, err := x.run()
		if err != nil || e.ending.Failed() || e.ending == Truncated {
			return false
		}
		sh.runs++
		sh.sound += e.steps
	}
	return true
}

// serial is the strategy that goes through the serial orders of the statements: the turn goes to another task only where a
// statement has ended, or cannot go on. Tasks whose steps are in no statement are performed as a whole.
type serial struct {
	untracked
	path  []decision
	at    int
	begun bool
	in    string // the statement of the last step
}

func (d *serial) next() bool {
	d.at, d.in = 0, ""
	if !d.begun {
		d.begun = true
		return true
	}
	for n := len(d.path); n > 0; n-- {
		if last := &d.path[n-1]; last.left != 0 {
			last.taken = last.left.first()
			last.left &^= 1 << last.taken
			d.path = d.path[:n]
			return true
		}
	}
	return false
}

func (d *serial) pick(s *state) int {
	i := s.last
	if i < 0 || !s.enabled.has(i) || outermost(s.pending[i].who.Stack()) != d.in {
		if d.at == len(d.path) {
			taken := s.stay(s.enabled)
			d.path = append(d.path, decision{taken, s.enabled &^ (1 << taken), s.enabled.len()})
		}
		i = d.path[d.at].taken
		d.at++
	}
	d.in = outermost(s.pending[i].who.Stack())
	return i
}

func (d *serial) choose(*state, int, int) int { return 0 }
func (d *serial) ended(*state, Ending)        {}

// ordered is the strategy that performs one task after the other, in the order of their names. A task that has to wait for
// another lets it go on. Tasks that are not named come last.
type ordered struct {
	untracked
	names []string
}

func (o *ordered) next() bool { return true }

func (o *ordered) pick(s *state) int {
	for _, name := range o.names {
		if i := s.named(name); i >= 0 && s.enabled.has(i) {
			return i
		}
	}
	return s.enabled.first()
}

func (o *ordered) choose(*state, int, int) int { return 0 }
func (o *ordered) ended(*state, Ending)        {}
