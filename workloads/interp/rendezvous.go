package interp

import (
	"fmt"
	"strconv"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// Rendezvous is a barrier of a scenario. Its parties, the tasks of the threads that mention it, meet in rounds: each waits until all that
// have not left have come to its round.
//
// One word holds it all: how many parties have left, and the sum of the rounds that the others have come to. No party comes to a round
// before all have come to the one before, so all are in the same round when the sum is that round for each.
type Rendezvous struct {
	word    ksync.Atomic64 // parties that have left, times left, and the sum
	parties []*Party
}

// left is what a party that leaves adds to the word.
const left = 1 << 48

// Party is a task's part in a rendezvous.
type Party struct {
	of    *Rendezvous
	task  *task.Task
	round uint64      // the one that it has come to, from 1 on
	met   func() bool // made once, so that a wait allocates nothing
}

// Join makes a task a party. All join before any comes.
func (r *Rendezvous) Join(t *task.Task) *Party {
	p := &Party{of: r, task: t}
	p.met = p.all
	r.parties = append(r.parties, p)
	return p
}

// Reset makes the rendezvous what it was when all had joined.
func (r *Rendezvous) Reset() {
	r.word.Init(0)
	for _, p := range r.parties {
		p.round = 0
	}
}

// Addr returns by what the rendezvous is known in events.
func (r *Rendezvous) Addr() unsafe.Pointer { return unsafe.Pointer(&r.word) }

// Word words the value that an event found or left, "" for a wait, which finds that a condition holds.
func (r *Rendezvous) Word(e *task.Event, word uint64) string {
	switch present, sum := r.state(word); {
	case e.Enabled != nil:
		return ""
	case present < uint64(len(r.parties)):
		return fmt.Sprintf("%d of %d", sum, present)
	default:
		return strconv.FormatUint(sum, 10)
	}
}

// state returns how many parties there are left, and the sum of their rounds.
func (r *Rendezvous) state(word uint64) (present, sum uint64) {
	return uint64(len(r.parties)) - word/left, word % left
}

// all reports whether every party has come to the round of p.
func (p *Party) all() bool {
	present, sum := p.of.state(p.of.word.Peek())
	return sum >= present*p.round
}

// Come makes the party come to its next round, and reports whether it is the last to come. The others then wait no longer.
func (p *Party) Come() bool {
	p.task.PrepareToWait()
	p.round++
	return p.wake(p.of.word.Add(p.task, 1))
}

// Leave says that the party comes no more, and reports whether the others that have come wait no longer.
func (p *Party) Leave() bool { return p.wake(p.of.word.Add(p.task, left-p.round)) }

// wake wakes the parties that wait if, after a change that p has made, all have come.
func (p *Party) wake(word uint64) bool {
	if present, sum := p.of.state(word); present == 0 || sum%present != 0 {
		return false
	}
	for _, q := range p.of.parties {
		if q != p {
			q.task.Unpark()
		}
	}
	return true
}

// Wait returns when all have come to the round that the party has come to, or with EINTR where mode says so.
func (p *Party) Wait(mode task.WaitMode) error {
	return p.task.Await(task.OpLoadAcquire, p.of.Addr(), mode, p.met) // smp_cond_load_acquire
}
