package explore

import "vmasim/internal/task"

// race finds the steps before the n-th that race with a step or pending operation e, and sees to it that each is
// explored in the other order. It returns the clock of what happened before e.
func (d *dpor) race(s *state, n int, e *access) clock {
	i := int(e.task)
	var own clock // what happened before the task's last step
	if last := d.last[i]; last > 0 {
		own = d.nodes[last-1].clock
	}
	all := own
	d.races = d.races[:0]
	blocking := e.flags&guarded != 0
	held := false // the last step that took the spinlock was found
	low, high := d.unordered(s, i, &own)
	bloom := e.bloom()
	for k := high - 1; k >= low; k-- {
		at := &d.nodes[k]
		enabler := d.allowed[i] == int32(k+1)
		if at.bloom&bloom == 0 && !enabler {
			continue
		}
		j := at.task
		if j == i || own[j] > int32(k) || !enabler && !dependent(&at.step, e) {
			continue
		}
		between := all[j] > int32(k) // another step stands between the two
		all.join(&at.clock, s.tasks)
		switch {
		case between && (!blocking || held), neverTogether(&at.step, e):
		case int32(k) >= d.last[i] && !at.enabled.has(i): // it had to wait at that time
		default:
			held = held || e.op == task.OpSpinLock && at.step.class == writes
			d.races = append(d.races, int32(k))
		}
	}
	for _, k := range d.races {
		if s.halted() { // this may take long, and the step is gone into again when the search goes on
			break
		}
		if int(k) >= d.floor-d.noted {
			d.reverse(s, int(k), n, e, &all)
		}
	}
	return all
}

// unordered returns the range of steps in which all lie that other tasks took and that are not in own, a clock of task i.
func (d *dpor) unordered(s *state, i int, own *clock) (low, high int) {
	low = len(d.nodes)
	for j := range s.tasks {
		if j != i && d.last[j] > own[j] {
			low, high = min(low, int(own[j])), max(high, int(d.last[j]))
		}
	}
	return low, high
}

// reverse sees to it that e, the step after the n-th node, is explored before the step at node k, with which it races: some
// task that begins what happened in between without that step, e included, has to go on at k.
func (d *dpor) reverse(s *state, k, n int, e *access, clk *clock) {
	at := &d.nodes[k]
	var first clock // of each task the first step in between, from 1
	var seen, begin taskSet
	consider := func(i int, c *clock, step int32) {
		if seen.has(i) {
			return
		}
		seen |= 1 << i
		first[i] = step
		for rest := seen &^ (1 << i); rest != 0; rest &= rest - 1 {
			if j := rest.first(); c[j] >= first[j] {
				return // it needs an earlier one
			}
		}
		begin |= 1 << i
	}
	for m := k + 1; m < n; m++ {
		if b := &d.nodes[m]; b.clock[at.task] <= int32(k) {
			consider(b.task, &b.clock, int32(m+1))
		}
	}
	consider(int(e.task), clk, int32(n+1))
	if at.require(begin) && k < d.floor {
		d.demands = append(d.demands, demand{k, begin})
	}
}
