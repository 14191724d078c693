package explore

// dfs goes through all schedules depth first and compares none with another: the slow way that needs no argument. With a
// bound it leaves out those that cost more, in preemptions or in delays.
type dfs struct {
	exhaustive
	untracked
	path  []decision
	floor int // the decisions below it are fixed
	given int // the steps that cost nothing
	at    int // the decision that comes next in this execution
	begun bool

	price price // what a step costs
	bound int   // how much an execution may cost; -1: any amount
	spent int   // so far in this execution
	cut   bool
	only  bool // executions that cost less than bound have been counted before

	ceiling int // prefixes of so many steps are emitted and not followed; 0: none
	emit    func(*dfs)

	weight float64 // of the prefix: how likely a walk that goes anywhere comes there
}

// decision is a point at which the search branches: who takes a step, or a choice.
type decision struct {
	taken int
	left  taskSet // the alternatives to be tried: tasks, or values of a choice
	of    int     // how many there are in all
}

func (d *dfs) next() bool {
	d.at, d.spent = 0, 0
	if !d.begun {
		d.begun = true
		return true
	}
	for len(d.path) > d.floor {
		last := &d.path[len(d.path)-1]
		if last.left != 0 {
			last.taken = last.left.first()
			last.left &^= 1 << last.taken
			return true
		}
		d.path = d.path[:len(d.path)-1]
	}
	return false
}

func (d *dfs) rewinds() func() {
	decided := len(d.path)
	return func() { d.path = d.path[:decided] }
}

func (d *dfs) pick(s *state) int {
	if d.ceiling > 0 && s.steps == d.ceiling {
		return redundant
	}
	if d.at == len(d.path) {
		among, taken := s.enabled, d.price.free(s)
		if d.bound >= 0 {
			among = d.price.within(s, d.bound-d.spent)
			d.cut = d.cut || among != s.enabled
		}
		d.path = append(d.path, decision{taken, among &^ (1 << taken), among.len()})
	}
	taken := d.path[d.at].taken
	d.at++
	if s.steps >= d.given && d.bound >= 0 {
		d.spent += d.price.of(s, taken)
	}
	return taken
}

func (d *dfs) choose(_ *state, _, n int) int {
	if d.at == len(d.path) {
		d.path = append(d.path, decision{0, 1<<n - 2, n})
	}
	d.at++
	return d.path[d.at-1].taken
}

func (d *dfs) ended(*state, Ending) {
	if d.emit != nil {
		d.emit(d)
	}
}

// known reports whether the execution just run was run under a lower bound, too.
func (d *dfs) known() bool { return d.only && d.spent < d.bound }

func (d *dfs) leftOut() bool { return d.cut }
