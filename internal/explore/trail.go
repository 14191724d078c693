package explore

// Trailer knows the schedule of the execution that runs. The watcher that [Program.NewWorld] is given is one.
type Trailer interface {
	// Trail returns what was decided so far. It is valid until the execution ends, and must not be changed.
	Trail() *Schedule
}

// Trail implements [Trailer].
func (x *executor) Trail() *Schedule { return &x.trail }
