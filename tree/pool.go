package tree

import (
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
}

// get returns a leaf with any content. An observed task gets a new one, so that what it does next depends on nobody else.
func (p *leafPool) get(t *task.Task) *leaf {
	n := len(p.spare)
	if n == 0 || t.Observer != nil {
		return &leaf{}
	}
	l := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return l
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
