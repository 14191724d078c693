package explore

import "vmasim/internal/task"

// cycle finds, in an execution that is cut off, that the tasks go round: in its second half they take the same steps with the
// same values again and again, all that can go on take part, and none of them gets on with what its program is to do. Being
// deterministic, they will do so for ever. A program that merely takes very long does not: it gets on, or its steps differ.
type cycle struct {
	from     int      // the last step of the first half
	steps    []uint64 // of the second, hashed
	tasks    []uint8  // whose they were
	progress int      // of the world after the first half
}

// cycleRounds is how often the tasks have to go round.
const cycleRounds = 3

func (c *cycle) reset() { c.steps, c.tasks = c.steps[:0], c.tasks[:0] }

func (c *cycle) note(i int, e *task.Event) {
	h := mix(uint64(i)<<32|uint64(e.Op), uint64(uintptr(e.Addr)))
	c.steps = append(c.steps, mix(mix(h, e.Old), e.New))
	c.tasks = append(c.tasks, uint8(i))
}

// period returns after how many steps all repeats itself, 0 if it does not.
func (c *cycle) period() int {
	n := len(c.steps)
	border := make([]int, n+1) // by length of a beginning: the longest proper end of it that it also begins with
	border[0] = -1
	for i, k := 0, -1; i < n; {
		for k >= 0 && c.steps[i] != c.steps[k] {
			k = border[k]
		}
		i++
		k++
		border[i] = k
	}
	if p := n - border[n]; p*cycleRounds <= n {
		return p
	}
	return 0
}

// Progressing is a [World] that knows how far its tasks have got with what they are to do.
type Progressing interface {
	World
	// Progress returns a number that grows whenever a task gets on.
	Progress() int
}

func progressOf(w World) int {
	if p, ok := w.(Progressing); ok {
		return p.Progress()
	}
	return 0
}

// cut says what it is when the limit on steps is reached.
func (x *executor) cut() Ending {
	c := &x.cycle
	p := c.period()
	if p == 0 || progressOf(x.world) != c.progress {
		return Truncated
	}
	var round taskSet
	for _, i := range c.tasks[len(c.tasks)-p:] {
		round |= 1 << i
	}
	if x.enabled&^round != 0 { // one that could go on was not let
		return Truncated
	}
	x.res.blocked = x.blockedNow()
	for i := range x.res.blocked {
		b := &x.res.blocked[i]
		for j, q := range x.procs[:x.tasks] {
			b.Spins = b.Spins || q.task.Name == b.Task && round.has(j)
		}
	}
	return Livelock
}
