package tree

import (
	"github.com/tidwall/btree"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

const (
	poolBatch = 16            // leaves that share a grace period
	poolLimit = 4 * poolBatch // more spare leaves than this go to the garbage collector
)

// leafPool reuses leaves that were replaced, once no reader can see them any more; the kernel frees maple nodes by RCU
// in the same way. Without it a writer would make a kilobyte of garbage with each store.
type leafPool struct {
	rcu     *ksync.Domain
	spare   []*leaf
	retired []*leaf // since the last grace period was begun
	waiting []*leaf // for the grace period cookie
	cookie  uint64

	firsts firsts[leaf]
}

// firsts keeps the first objects of a kind that a tree consists of, for its next life: where executions follow each other in the same
// memory, all have the same ones in the same order.
type firsts[T any] struct {
	made []*T
	used int // in this life
}

// get returns an object with any content that was not used in this life of the tree.
func (f *firsts[T]) get(t *task.Task) *T {
	if f.used < len(f.made) {
		f.used++
		return f.made[f.used-1]
	}
	v := new(T)
	if f.used < poolBatch || t.Observer != nil { // else a tree that lives on would keep what it has replaced
		f.made = append(f.made, v)
		f.used++
	}
	return v
}

// get returns a leaf with any content. An observed task gets a new one, so that what it does next does not depend on other tasks.
func (p *leafPool) get(t *task.Task) *leaf {
	n := len(p.spare)
	if n == 0 || t.Observer != nil {
		return p.firsts.get(t)
	}
	l := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return l
}

// retireQuietly is retire of a leaf whose holder is replaced, too, which is no step of an observed task.
func (p *leafPool) retireQuietly(t *task.Task, l *leaf) {
	if t.Observer == nil {
		p.retire(t, l)
	}
}

// reset begins another life of the tree: no task sees a leaf of the last one.
func (p *leafPool) reset(rcu *ksync.Domain) {
	p.rcu = rcu
	p.spare, p.retired, p.waiting, p.firsts.used = p.spare[:0], p.retired[:0], p.waiting[:0], 0
}

// retire takes a leaf that no new reader can find.
func (p *leafPool) retire(t *task.Task, l *leaf) {
	if p.rcu == nil {
		return
	}
	p.retired = append(p.retired, l)
	if len(p.retired) < poolBatch {
		return
	}
	if len(p.waiting) > 0 && p.rcu.Poll(t, p.cookie) {
		if len(p.spare) < poolLimit {
			p.spare = append(p.spare, p.waiting...)
		}
		p.waiting = p.waiting[:0]
	}
	if len(p.waiting) == 0 {
		p.waiting, p.retired = p.retired, p.waiting
		p.cookie = p.rcu.StartPoll(t)
	} else if len(p.retired) > poolLimit { // a reader stays in its section for long
		clear(p.retired)
		p.retired = p.retired[:0]
	}
}

// emptyPool keeps what a tree without entries consists of, for the tree's next life. A tree is empty twice in a life: at first and
// in the end.
type emptyPool struct {
	made []emptied
	used int
}

// emptied is an index of one holder, which covers everything, with an empty leaf.
type emptied struct {
	index  *index
	holder *holder
	leaf   *leaf
}

// get returns what was not used in this life of the tree.
func (p *emptyPool) get() emptied {
	if p.used == len(p.made) {
		e := newEmptied()
		if p.used < 2 {
			p.made = append(p.made, e)
			p.used++
		}
		return e
	}
	e := p.made[p.used]
	p.used++
	e.leaf.clear()
	e.holder.leaf.Init(e.leaf)
	e.holder.gap = nil
	return e
}

func newEmptied() emptied {
	h := &holder{}
	h.init(&leaf{}, 0, maxAddr, nil)
	m := btree.NewMap[uint64, *holder](indexDegree)
	m.Set(h.lo, h)
	return emptied{m, h, h.leaf.Peek()}
}
