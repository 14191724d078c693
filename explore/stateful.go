package explore

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"unsafe"

	"vmasim/internal/task"
)

// stateful is dpor that does not go on from a state where it has been (Yang, Chen, Gopalakrishnan, Kirby: Efficient Stateful Dynamic
// Partial Order Reduction, SPIN 2008). The rest was explored behind other steps, and races with those that have led there now.
// So each state keeps what can come from it on (future.go), and a step on the way that races with any of it is reversed as dpor would have
// reversed it. Of what can come only what happens before it in every order is known, so more steps are taken to race than do, which costs
// executions and leaves out nothing. Where such a step's place in the reversed order is not known, its task goes on, as with persistent sets (Flanagan,
// Godefroid: Dynamic Partial-Order Reduction, POPL 2005).
//
// No task sleeps, as what a state has behind it would then depend on who slept there. A state that is come to again behind itself, where tasks
// go round, has all tasks go on in all states of the round.
//
// The world must lie at the same addresses in all executions. Where it does not any more, what was found is forgotten.
type stateful struct {
	dpor
	state   stateKey
	seen    map[stateHash]searched
	path    []passed
	onPath  map[stateHash]int // the nodes of states to be kept
	futures futures
	tails   tails
	repeats map[pastState]struct{} // that were gone on from once more
	prints  *footprints
	audit   audit
	been    bool // this execution has come to where an earlier one was, or is of no use
	trials  int  // random executions so far
	rng     *rand.Rand

	lives  []int32          // objects whose lives this step has begun or ended
	lay    []unsafe.Pointer // the cells of the execution before, in order
	led    bitset           // the footprints of the path
	trod   []int32          // by footprint: the last step of the path that has left it
	joined []joined         // by footprint
	round  int              // those of other rounds are void
}

// searched is what is kept of a state.
type searched struct {
	future *future
	came   came
	tail   tail
}

// pastState is a state and how the search came there.
type pastState struct {
	key  stateHash
	past uint64
}

// passed is what a node has beside what dpor keeps there.
type passed struct {
	kept      bool // its state is to be kept
	key       stateHash
	came      came
	footprint int32
	tail      tail   // so far
	past      uint64 // [World].Past
	adds      uint64 // what the step has added to it
	future    future
}

// joined is the clock of what comes before a step behind the path.
type joined struct {
	round int
	clock clock
}

func planStateful(*Options, int) plan {
	return &statesPlan{onePhase{whole: true, make: func(*Executor) (*phase, error) {
		return each([]*stateful{newStateful()}), nil
	}}}
}

func newStateful() *stateful {
	d := &stateful{seen: map[stateHash]searched{}, onPath: map[stateHash]int{}, repeats: map[pastState]struct{}{}, prints: newFootprints(), rng: rand.New(rand.NewPCG(1, 1))}
	d.futures.prints = d.prints
	d.tails.begin()
	return d
}

func (d *stateful) next() bool {
	d.anew()
	d.state.begin()
	d.audit.begin()
	d.lives, d.been = d.lives[:0], false
	if d.trials < sharingTrials {
		d.trials++
		d.been = true
		return true
	}
	if !d.begun || d.prints.news || d.futures.full() {
		d.restart()
		return true
	}
	return d.back(d.leave)
}

// restart forgets what was searched, as it may lack something, but not what was learned.
func (d *stateful) restart() {
	d.begun, d.prints.news, d.fresh, d.again = true, false, 0, 0
	d.nodes, d.path, d.choices = d.nodes[:0], d.path[:0], d.choices[:0]
	clear(d.seen)
	clear(d.onPath)
	d.futures.begin()
	d.tails.begin()
	clear(d.repeats)
}

// leave leaves the last node, behind which everything was searched.
func (d *stateful) leave(n int) {
	at := &d.path[n]
	if at.kept {
		d.seen[at.key] = searched{d.futures.keep(&at.future), at.came, at.tail}
		delete(d.onPath, at.key)
	}
	if n > 0 {
		d.precede(n-1, &at.future, at.tail)
	}
	d.path, d.nodes = d.path[:n], d.nodes[:n]
}

// precede adds to what can come from node n on its step and what comes behind that.
func (d *stateful) precede(n int, behind *future, t tail) {
	at := &d.path[n]
	d.futures.step(&at.future, at.footprint, behind)
	at.tail = d.tails.add(at.tail, t, at.adds)
}

func (d *stateful) mark(i int) int                           { return d.state.mark(i) }
func (d *stateful) keep(i, mark int, what uint64)            { d.state.keep(i, mark, what) }
func (d *stateful) forget(base unsafe.Pointer, size uintptr) { d.state.forget(base, size) }

func (d *stateful) rewinds() func() {
	steps, rewind := len(d.nodes), d.dpor.rewinds()
	return func() { d.path = d.path[:steps]; rewind() }
}

func (d *stateful) tracker() tracker { return d }

func (d *stateful) announced(s *state, i int) {
	d.state.announced(s, i, !d.been && (s.steps == 0 || s.steps > d.fresh))
	if e := s.pending[i].Event; e != nil && e.Op == task.OpXchg { // see dpor.announced
		d.state.woken &^= 1 << i
	}
	d.dpor.announced(s, i)
	commute(&d.dpor.pending[i])
}

// commute notes that the end of a read section and the begin of a wait for sections come to the same in either order: only what comes after the
// begin is waited for. It makes a difference to oracles that judge by the way to a step alone.
func commute(a *access) {
	if a.op == task.OpSectionEnd || a.op == task.OpSynchronize {
		a.flags |= commutes
	}
}

func (d *stateful) performed(s *state, i int, e *task.Event) {
	d.state.performed(s, i, e)
	d.dpor.performed(s, i, e)
	d.audit.step(i, e)
}

func (d *stateful) lived(s *state, i int, base unsafe.Pointer, size uintptr) {
	d.dpor.lived(s, i, base, size)
	if i >= 0 {
		d.lives = append(d.lives, d.cells.at(base).number)
	}
}

func (d *stateful) choose(s *state, i, n int) (v int) {
	if !d.been {
		v = d.dpor.choose(s, i, n)
	}
	d.state.chose(i, v)
	return v
}

func (d *stateful) pick(s *state) int {
	i := d.way(s)
	d.step = d.pending[i]
	d.lives = d.lives[:0]
	return i
}

func (d *stateful) way(s *state) int {
	if d.trials < sharingTrials {
		return s.enabled.nth(d.rng.IntN(s.enabled.len()))
	}
	if d.been {
		i, _ := d.alone(s)
		return i
	}
	d.noteEnabled(s)
	n := s.steps
	if n == d.fresh {
		d.relocate()
	}
	if n < len(d.nodes) {
		return d.nodes[n].task
	}
	i, alone := d.alone(s)
	var key stateHash
	if !alone {
		key = d.state.key(s)
		if d.runs != 0 {
			key.add(uint64(d.runs))
		}
		was, seen := d.seen[key]
		d.audit.pass(key, was.came, d.prints.turned)
		switch m, met := d.onPath[key]; {
		case met:
			d.cycle(m, n)
			d.been = true
			return i
		case seen && d.judged(s, key, was.tail):
			d.meet(s, n, &was)
			d.been = true
			return i
		}
		d.onPath[key] = n
	}
	d.arriveAt(s, n, i)
	at := &d.path[n]
	at.kept, at.key = !alone, key
	return i
}

// judged reports whether all was seen that can come of the past that has led to a state, and of its tail.
func (d *stateful) judged(s *state, key stateHash, t tail) bool {
	past := s.past(false)
	if d.tails.covers(past, t) {
		return true
	}
	_, again := d.repeats[pastState{key, past}]
	d.repeats[pastState{key, past}] = struct{}{}
	return again
}

// relocate looks whether the world lies where it lay, before the first new step, and otherwise forgets what was found at other addresses.
func (d *stateful) relocate() {
	n := min(len(d.lay), len(d.cells.addrs))
	if slices.Equal(d.lay[:n], d.cells.addrs[:n]) {
		return
	}
	clear(d.seen)
	clear(d.onPath)
	*d.prints = *newFootprints()
	for n := range d.path {
		at := &d.path[n]
		at.kept, at.future.steps, at.future.past = false, at.future.steps[:0], at.future.past[:0]
		if n < d.fresh {
			at.footprint = d.prints.of(d.nodes[n].step, nil, &d.cells)
		}
	}
	d.futures.begin()
}

// alone returns the task that goes on first, and whether its step can matter to no other task, for all that is known. It depends on nothing but the state.
func (d *stateful) alone(s *state) (i int, alone bool) {
	for rest := s.enabled; rest != 0; rest &= rest - 1 {
		if i := rest.first(); !d.prints.visible(d.dpor.pending[i], &d.cells) {
			return i, true
		}
	}
	return s.enabled.first(), false
}

// arriveAt adds a node.
func (d *stateful) arriveAt(s *state, n, i int) {
	here := d.add()
	here.enabled, here.tried, here.choices, here.varies = s.enabled, 0, d.chosen, false
	here.task, here.backtrack = i, 1<<i
	if n < cap(d.path) {
		d.path = d.path[:n+1]
	} else {
		d.path = append(d.path, passed{})
	}
	at := &d.path[n]
	at.kept, at.came, at.future.steps, at.future.past = false, came{}, at.future.steps[:0], at.future.past[:0]
	at.tail, at.past = 0, s.past(false)
}

// cycle sees to it that nothing is left out where tasks go round: from node m to n.
func (d *stateful) cycle(m, n int) {
	for k := m; k < n; k++ {
		d.nodes[k].backtrack |= d.nodes[k].enabled
		if at := &d.path[k]; at.kept && k > m { // what comes behind it is not known
			at.kept = false
			delete(d.onPath, at.key)
		}
	}
}

func (d *stateful) stepped(s *state, i int, broke bool) {
	if d.been {
		if d.trials < sharingTrials {
			d.prints.of(d.step, d.lives, &d.cells)
		}
		return
	}
	d.dpor.stepped(s, i, broke)
	if n := s.steps - 1; n >= d.fresh {
		d.path[n].footprint = d.prints.of(d.nodes[n].step, d.lives, &d.cells)
		d.path[n].adds = s.past(false) - d.path[n].past
		if d.prints.news || d.futures.full() {
			d.been = true // it begins anew
		}
	}
}

func (d *stateful) ended(s *state, how Ending) {
	d.lay = append(d.lay[:0], d.cells.addrs...)
	if how == Redundant {
		return
	}
	d.tails.came(d.whole(s, how))
	if d.trials < sharingTrials {
		return
	}
	if !d.been {
		d.end(s, how)
	}
	d.audit.end(d.prints.turned, func(key stateHash, came came) {
		if n, ok := d.onPath[key]; ok {
			d.path[n].came = came
		} else if was, ok := d.seen[key]; ok {
			was.came = came
			d.seen[key] = was
		}
	})
}

// whole returns the sum of all that an execution has come to. Where tasks have not ended, that is the state, too.
func (d *stateful) whole(s *state, how Ending) uint64 {
	if how == Finished {
		return s.past(true)
	}
	key := d.state.key(s)
	return s.past(false) + key[0]
}

// end takes in what did not get its turn.
func (d *stateful) end(s *state, how Ending) {
	n := len(d.nodes)
	var left []int32
	for i := range s.tasks {
		if s.pending[i].Event != nil && !s.halted() {
			d.race(s, n, &d.dpor.pending[i])
			left = append(left, d.prints.of(d.dpor.pending[i], nil, &d.cells))
		}
	}
	if n == 0 || d.futures.full() {
		return
	}
	d.precede(n-1, d.futures.pending(left), d.tails.of([]uint64{d.whole(s, how) - s.past(false)}))
}

// meet sees to it that what can come from a state that was searched races with the steps that have led there now.
func (d *stateful) meet(s *state, n int, to *searched) {
	for i := range s.tasks {
		if s.pending[i].Event != nil && !s.halted() {
			d.race(s, n, &d.dpor.pending[i])
		}
	}
	clear(d.led)
	for len(d.trod) < len(d.prints.all) {
		d.trod = append(d.trod, 0)
	}
	for k := range n {
		print := d.prints.bare[d.path[k].footprint]
		d.led.set(print)
		d.trod[print] = int32(k)
	}
	d.round++
	f := to.future
	for i, l := range f.steps {
		if !l.next() && d.prints.races[l.footprint()].meets(d.led) {
			d.raceLater(s, n, l.footprint(), f.at(i, d.futures.words))
		}
	}
	if n > 0 {
		d.precede(n-1, f, to.tail)
	}
}

// raceLater is race for a step that comes behind a path of n steps, after those in past.
func (d *stateful) raceLater(s *state, n int, id int32, past bitset) {
	e := &d.prints.all[id].access
	p := int(e.task)
	var own clock
	if last := d.last[p]; last > 0 {
		own = d.nodes[last-1].clock
	}
	races := d.prints.races[id]
	if !d.mayRace(s, p, &own, races) {
		return
	}
	all := own
	blocking, held := e.flags&guarded != 0, false
	past.each(func(y int32) {
		all.join(d.before(s, y), s.tasks)
		if !blocking || int(d.prints.all[y].task) == p { // what has allowed a wait that others can make false again does not order what was before it
			own.join(d.before(s, y), s.tasks)
		}
	})
	d.races = d.races[:0]
	low, high := d.unordered(s, p, &own)
	for k := high - 1; k >= low; k-- {
		at := &d.nodes[k]
		j := at.task
		if j == p || own[j] > int32(k) || !races.has(d.prints.bare[d.path[k].footprint]) {
			continue
		}
		between := all[j] > int32(k)
		all.join(&at.clock, s.tasks)
		if between && (!blocking || held) || neverTogether(&at.step, e) {
			continue
		}
		held = held || e.op == task.OpSpinLock && at.step.class == writes
		d.races = append(d.races, int32(k))
	}
	for _, k := range d.races {
		d.reverse(s, int(k), n, e, &all)
	}
}

// mayRace reports whether a step on the path that is not in own, a clock of task p, is one of those that race.
func (d *stateful) mayRace(s *state, p int, own *clock, races bitset) bool {
	low, high := d.unordered(s, p, own)
	for k := high - 1; k >= low; k-- {
		if j := d.nodes[k].task; j != p && own[j] <= int32(k) && races.has(d.prints.bare[d.path[k].footprint]) {
			return true
		}
	}
	return false
}

// before returns the clock of a step that comes behind the path.
func (d *stateful) before(s *state, id int32) *clock {
	for int(id) >= len(d.joined) {
		d.joined = append(d.joined, joined{})
	}
	j := &d.joined[id]
	if j.round == d.round {
		return &j.clock
	}
	*j = joined{round: d.round}
	if last := d.last[d.prints.all[id].task]; last > 0 {
		j.clock = d.nodes[last-1].clock
	}
	last := [maxTasks]int32{} // of each task the last step that comes before it, from 1
	depends := d.prints.depends[id]
	for w := range min(len(depends), len(d.led)) {
		for both := depends[w] & d.led[w]; both != 0; both &= both - 1 {
			k := d.trod[64*w+bits.TrailingZeros64(both)]
			by := d.nodes[k].task
			last[by] = max(last[by], k+1)
		}
	}
	for by := range s.tasks {
		if last[by] > 0 {
			j.clock.join(&d.nodes[last[by]-1].clock, s.tasks)
		}
	}
	return &j.clock
}

func (d *stateful) states() int { return len(d.seen) }

func (d *stateful) compared() (states, unlike int) { return d.audit.compare, d.audit.differ }

func (d *stateful) leftOut() bool { return d.audit.differ > 0 }

func (d *stateful) weigh() float64 { return 0 }
