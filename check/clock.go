package check

// clock is a vector clock: by task index, how much of that task has been seen. A missing entry is 0. It grows in place and
// keeps its memory.
type clock []uint32

func (c clock) at(task int32) uint32 {
	if int(task) < len(c) {
		return c[task]
	}
	return 0
}

// join makes c the least clock that has seen what c and o have.
func (c *clock) join(o clock) {
	for len(*c) < len(o) {
		*c = append(*c, 0)
	}
	to := (*c)[:len(o)]
	for i, n := range o {
		to[i] = max(to[i], n)
	}
}

// set makes c equal to o.
func (c *clock) set(o clock) { *c = append((*c)[:0], o...) }

// tick begins a new time span of the task.
func (c *clock) tick(task int32) {
	for int(task) >= len(*c) {
		*c = append(*c, 0)
	}
	(*c)[task]++
}
