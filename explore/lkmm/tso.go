package lkmm

import (
	"fmt"
	"maps"
	"slices"
)

// TSO returns the outcomes that x86 allows, by a machine that has a buffer for each task (Owens, Sarkar, Sewell, A better x86 memory model, 2009): a
// store goes to the end of it, and its first store goes to memory at any time; a load sees the last store to the variable in the own buffer,
// or else memory; smp_mb and xchg find the buffer empty. Acquire, release and the other barriers do nothing more than their accesses.
func (p Program) TSO() map[string]bool {
	m := &tsoMachine{program: p, vars: p.Vars(), seen: map[string]bool{}, outcomes: map[string]bool{}}
	m.from(tsoState{at: make([]int, len(p)), buffers: make([][]tsoStore, len(p)), reads: make([][]uint64, len(p)), memory: make([]uint64, len(m.vars))})
	return m.outcomes
}

type tsoMachine struct {
	program  Program
	vars     []string
	seen     map[string]bool // states, worded
	outcomes map[string]bool
}

type tsoStore struct {
	at    int // the place of the variable
	value uint64
}

type tsoState struct {
	at      []int // the next instruction of each task
	buffers [][]tsoStore
	reads   [][]uint64
	memory  []uint64
}

// with returns a copy in which task t has come to next, with another buffer.
func (s tsoState) with(t, next int, buffer []tsoStore) tsoState {
	c := tsoState{slices.Clone(s.at), slices.Clone(s.buffers), slices.Clone(s.reads), slices.Clone(s.memory)}
	c.at[t], c.buffers[t] = next, slices.Clone(buffer)
	return c
}

// from goes on from a state with each step that is possible.
func (m *tsoMachine) from(s tsoState) {
	name := fmt.Sprint(s)
	if m.seen[name] {
		return
	}
	m.seen[name] = true
	ended := true
	for t, body := range m.program {
		if own := s.buffers[t]; len(own) > 0 {
			ended = false
			c := s.with(t, s.at[t], own[1:])
			c.memory[own[0].at] = own[0].value
			m.from(c)
		}
		if s.at[t] < len(body) {
			ended = false
			m.perform(s, t, body[s.at[t]])
		}
	}
	if ended {
		m.outcomes[Outcome(s.reads, m.vars, s.memory)] = true
	}
}

// perform has task t go on with its next instruction, if it can.
func (m *tsoMachine) perform(s tsoState, t int, i Instr) {
	own, at := s.buffers[t], slices.Index(m.vars, i.Var)
	if (i.Op == MB || i.Op == Xchg) && len(own) > 0 {
		return
	}
	c := s.with(t, s.at[t]+1, own)
	switch i.Op {
	case Write, Release:
		c.buffers[t] = append(c.buffers[t], tsoStore{at, i.Value})
	case Read, Acquire, Xchg:
		v := s.memory[at]
		for _, st := range own {
			if st.at == at {
				v = st.value
			}
		}
		c.reads[t] = append(slices.Clone(s.reads[t]), v)
		if i.Op == Xchg {
			c.memory[at] = i.Value
		}
	}
	m.from(c)
}

// Names returns outcomes in order.
func Names(outcomes map[string]bool) []string { return slices.Sorted(maps.Keys(outcomes)) }
