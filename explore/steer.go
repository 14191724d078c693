package explore

// Steer runs one execution of p and records its steps. turn decides whose each is: it is given the tasks that can go on, at least one, by
// their places in the world, ascending. Every choice besides is 0. A FailNow of a test in a task goes on in
// the caller.
func Steer(p Program, turn func(enabled []int) int, o Options) (*Trace, error) {
	return record(p, &o, func(x *Executor) (*Found, error) {
		x.spins.after = x.maxSteps // turn may well let a task go round for long
		e, err := x.with(&steered{turn: turn}).run()
		if err != nil {
			return nil, err
		}
		f := x.found(e)
		return &f, nil
	})
}

// steered is the strategy that a function decides.
type steered struct {
	untracked
	turn func(enabled []int) int
}

func (d *steered) next() bool { return true }

func (d *steered) pick(s *state) int {
	enabled := make([]int, 0, maxTasks)
	for rest := s.enabled; rest != 0; rest &= rest - 1 {
		enabled = append(enabled, rest.first())
	}
	return d.turn(enabled)
}

func (d *steered) choose(*state, int, int) int { return 0 }
func (d *steered) ended(*state, Ending)        {}
