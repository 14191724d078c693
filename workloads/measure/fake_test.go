package measure

import "time"

// fakeMachine is a machine of one CPU and one thread whose time moves only when a workload says so.
type fakeMachine struct {
	wall, cpu, others time.Duration
	pins              []int
	waits             []time.Duration
	pinned            int
}

func (m *fakeMachine) now() time.Duration       { return m.wall }
func (m *fakeMachine) threadCPU() time.Duration { return m.cpu }
func (m *fakeMachine) othersCPU() time.Duration { return m.others }
func (m *fakeMachine) cpus() int                { return 1 }
func (m *fakeMachine) yield()                   {}

func (m *fakeMachine) pin(index int) func() {
	m.pins = append(m.pins, index)
	m.pinned++
	return func() { m.pinned-- }
}

// waitQuiet waits its whole patience, as on a machine that never calms down.
func (m *fakeMachine) waitQuiet(_ float64, patience time.Duration) time.Duration {
	m.waits = append(m.waits, patience)
	return patience
}

// work passes wall time of which the thread has the given share, and others the rest.
func (m *fakeMachine) work(wall time.Duration, share float64) {
	m.wall += wall
	m.cpu += time.Duration(float64(wall) * share)
	m.others += time.Duration(float64(wall) * (1 - share))
}

// newFake returns a comparison on a fake machine.
func newFake(opts ...Option) (*Comparison, *fakeMachine) {
	m := &fakeMachine{}
	c := New("fake", opts...)
	c.machine = m
	return c, m
}
