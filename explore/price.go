package explore

// price is what a bounded search counts of a schedule.
type price uint8

const (
	// preemptions: 1 for a step that takes the turn from a task that could go on; who comes next when one cannot is free.
	preemptions price = iota
	// delays: a deterministic scheduler lets a task go on as long as it can, and then the next one by number, in a ring; each task that
	// can go on and is passed over costs 1 (Emmi, Qadeer, Rakamarić: Delay-bounded scheduling, POPL 2011).
	delays
)

// free returns the task whose step costs nothing; with preemptions there may be others.
func (p price) free(s *state) int {
	if p == delays {
		return s.inTurn(s.enabled)
	}
	return s.stay(s.enabled)
}

// of returns what a step of a task that can go on costs.
func (p price) of(s *state, i int) (cost int) {
	if p == preemptions {
		if s.preempts(i) {
			return 1
		}
		return 0
	}
	for rest := s.enabled; s.inTurn(rest) != i; cost++ {
		rest &^= 1 << s.inTurn(rest)
	}
	return cost
}

// within returns the tasks whose step costs no more than what is left.
func (p price) within(s *state, left int) taskSet {
	if p == preemptions {
		if left == 0 && s.last >= 0 && s.enabled.has(s.last) {
			return 1 << s.last
		}
		return s.enabled
	}
	var among taskSet
	for rest := s.enabled; rest != 0 && left >= 0; left-- {
		i := s.inTurn(rest)
		among |= 1 << i
		rest &^= 1 << i
	}
	return among
}

// inTurn returns the first task of the set, which is not empty, from the one that took the last step on, in a ring.
func (s *state) inTurn(among taskSet) int {
	if behind := among >> max(s.last, 0) << max(s.last, 0); behind != 0 {
		return behind.first()
	}
	return among.first()
}
