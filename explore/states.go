package explore

import (
	"math/rand/v2"
	"unsafe"

	"vmasim/internal/task"
)

// maxRestarts is how often in a row a search begins anew after one execution. It has then come to no end: each execution leaves the world
// unfit for the next one, which has it elsewhere, and what tasks share is not known there.
const maxRestarts = 1000

// sharingTrials is how many random executions come first, so that most of what tasks share is known.
const sharingTrials = 100

// states goes through all schedules depth first, but does not go on from a state where it has been. statekey.go says of what
// a state consists.
//
// States are told apart by a hash of 128 bits: of a thousand million of them two are mistaken for one with a probability below
// 1 in 10^20. An oracle that remembers how a state was reached may see less than with the other strategies.
type states struct {
	dfs
	stateKey
	seen  map[stateHash]came // by state, what came of going on from it, for those that are compared
	been  bool               // this execution has come to where an earlier one was
	audit audit

	sharing  sharing
	trials   int // random executions so far
	restarts int // in a row
	rng      *rand.Rand
	addr     unsafe.Pointer // of the last operation
}

func planStates(*Options, int) plan {
	return &statesPlan{onePhase{whole: true, make: func(*Executor) (*phase, error) {
		return each([]*states{{dfs: dfs{bound: -1}, seen: map[stateHash]came{},
			sharing: sharing{cells: map[unsafe.Pointer]use{}}, rng: rand.New(rand.NewPCG(1, 1))}}), nil
	}}}
}

// statesPlan is complete only if no state was found that stands for several.
type statesPlan struct{ onePhase }

func (p *statesPlan) complete(leftOut bool) bool { return !leftOut }

func (d *states) next() bool {
	d.been = false
	d.stateKey.begin()
	d.audit.begin()
	if d.trials < sharingTrials {
		d.trials++
		d.been = true
		return true
	}
	if d.limited() {
		return false
	}
	if d.sharing.news {
		d.restarts++
		d.sharing.news = false
		clear(d.seen)
		d.dfs = dfs{bound: -1, path: d.path[:0]}
	} else {
		d.restarts = 0
	}
	return d.dfs.next()
}

func (d *states) pick(s *state) int {
	if d.trials < sharingTrials {
		return s.enabled.nth(d.rng.IntN(s.enabled.len()))
	}
	if d.at < len(d.path) {
		return d.dfs.pick(s)
	}
	alone := d.alone(s)
	switch {
	case d.been && alone >= 0: // to the end, so that the world can be used again
		return alone
	case d.been:
		return s.enabled.first()
	case alone >= 0:
		d.path = append(d.path, decision{taken: alone, of: 1})
		return d.dfs.pick(s)
	}
	key := d.keyOfPast(s)
	was, been := d.seen[key]
	if d.been = been; !been {
		d.seen[key] = came{}
	}
	d.audit.pass(key, was, 0) // what is learned of cells makes the search begin anew
	if d.been {
		return s.enabled.first()
	}
	taken := s.enabled.first() // and not the task of the last step: what comes of a state must not depend on that
	d.path = append(d.path, decision{taken, s.enabled &^ (1 << taken), s.enabled.len()})
	return d.dfs.pick(s)
}

// keyOfPast keeps apart what the statements have come to, too.
func (d *states) keyOfPast(s *state) stateHash {
	key := d.key(s)
	key.add(s.past(false))
	return key
}

// alone returns a task whose step can be taken at once, or -1.
func (d *states) alone(s *state) int {
	for rest := s.enabled; rest != 0; rest &= rest - 1 {
		if i := rest.first(); d.sharing.local(i, s.pending[i].Event) {
			return i
		}
	}
	return -1
}

func (d *states) choose(s *state, i, n int) int {
	v := 0
	if !d.been || d.at < len(d.path) {
		v = d.dfs.choose(s, i, n)
	}
	d.chose(i, v)
	return v
}

func (d *states) tracker() tracker { return d }

// limited reports whether the search ends though there is more.
func (d *states) limited() bool { return d.restarts >= maxRestarts }

func (d *states) states() int { return len(d.seen) }

func (d *states) compared() (states, unlike int) { return d.audit.compare, d.audit.differ }

// leftOut reports whether something was not searched because of a state that stands for several.
func (d *states) leftOut() bool { return d.audit.differ > 0 }

func (d *states) announced(s *state, i int) {
	d.stateKey.announced(s, i, d.at == len(d.path) && !d.been)
	if e := s.pending[i].Event; e != nil && e.Op == task.OpXchg { // see dpor.announced
		d.woken &^= 1 << i
		if i == s.last {
			d.sharing.share(d.addr)
		}
	}
}

func (d *states) performed(s *state, i int, e *task.Event) {
	if d.addr = e.Addr; d.been || d.at == len(d.path) { // what comes before was noted by an earlier execution
		d.sharing.note(i, e)
	}
	d.stateKey.performed(s, i, e)
	d.audit.step(i, e)
}

func (d *states) lived(_ *state, i int, base unsafe.Pointer, size uintptr) {
	if i < 0 {
		d.sharing.existed(base, size)
		return
	}
	d.sharing.lived(i, base, size)
}

func (d *states) stepped(*state, int, bool) {}

// ended counts the state that the execution ended in, too.
func (d *states) ended(s *state, how Ending) {
	if d.trials < sharingTrials || how == Redundant {
		return
	}
	if !d.been {
		d.seen[d.keyOfPast(s)] = came{}
	}
	d.audit.end(0, func(key stateHash, came came) { d.seen[key] = came })
}
