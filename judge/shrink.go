package judge

import (
	"slices"
	"time"

	"vmasim/internal/linux"
	"vmasim/internal/shrink"
	"vmasim/judge/settings"
	"vmasim/workloads"
)

// shrinking bounds how often, and how long, a drift is tried with less.
var shrinking = shrink.Budget{Runs: 1500, Time: 30 * time.Second}

// shrink makes the sequence as short as it can while it still drifts, and returns the drift and the scenario that shows it.
func (q *sequence) shrink() (*Drift, string) {
	drifts := shrink.Within(shrinking, func(steps []step) bool {
		d, err := q.replay(steps)
		return err == nil && d != nil
	})
	if pinned := pin(q.steps); len(pinned) > 0 && drifts(pinned) {
		q.steps = pinned
	}
	q.steps = shrink.Sequence(q.steps, shrink.InPlace(plainer), drifts)
	if d, err := q.replay(q.steps); err == nil && d != nil {
		q.drift = d
	}
	return q.drift, q.write(q.steps, q.drift)
}

// pin gives mappings that the kernel placed the addresses that they got, so that they stay there whatever is left out before them.
func pin(steps []step) []step {
	pinned := slices.Clone(steps)
	for i, s := range pinned {
		c := *s.stmt
		switch {
		case s.result == 0:
			continue
		case c.Kind == workloads.KindMmap && c.Flags&(linux.MAP_FIXED|linux.MAP_FIXED_NOREPLACE) == 0:
			c.Addr, c.Flags = workloads.Constant(s.result), c.Flags|linux.MAP_FIXED
		case c.Kind == workloads.KindMremap && c.Flags&linux.MREMAP_FIXED == 0 && s.result != c.Addr.Value:
			c.To, c.Flags = workloads.Constant(s.result), c.Flags|linux.MREMAP_FIXED
		default:
			continue
		}
		pinned[i].stmt = &c
	}
	return pinned
}

// plainer returns steps with one operand made plainer.
func plainer(of step) (out []step) {
	s := of.stmt
	try := func(change func(s *workloads.Stmt)) {
		c := *s
		change(&c)
		if c.String() != s.String() {
			of.stmt = &c
			out = append(out, of)
		}
	}
	if s.Size != nil && s.Size.Value > linux.PageSize {
		try(func(c *workloads.Stmt) { c.Size = workloads.Constant(linux.PageSize) })
		try(func(c *workloads.Stmt) { c.Size = workloads.Constant(s.Size.Value / 2 &^ (linux.PageSize - 1)) })
	}
	for bit := 1; s.Flags != 0 && bit <= s.Flags && bit > 0; bit <<= 1 {
		if s.Flags&bit != 0 {
			try(func(c *workloads.Stmt) { c.Flags &^= bit })
		}
	}
	if s.Kind == workloads.KindMmap {
		try(func(c *workloads.Stmt) { c.Backing = workloads.Backing{Sharing: linux.MAP_PRIVATE} })
		try(func(c *workloads.Stmt) { c.Backing.Sharing = linux.MAP_PRIVATE })
		try(func(c *workloads.Stmt) { c.Prot = 3 })
	}
	if s.Kind == workloads.KindLoad || s.Kind == workloads.KindStore {
		try(func(c *workloads.Stmt) { c.Addr = workloads.Constant(s.Addr.Value &^ (linux.PageSize - 1)) })
	}
	return out
}

// write makes a scenario of steps.
func (q *sequence) write(steps []step, d *Drift) string {
	sc := *q.set.withWindow(q.window).scenario
	sc.Machine = slices.DeleteFunc(slices.Clone(sc.Machine), func(m *workloads.MachineSetting) bool { return m.Usual() || settings.OfThisMachine(m) })
	sc.Title = "A drift between simulator and kernel."
	if q.lab.kernel.Judges() != nil {
		sc.Title = "A difference between the simulator and another kernel, Linux " + q.lab.kernel.Release + "."
	}
	sc.Doc = d.String()
	block := *sc.Init
	block.Body = nil
	if heap := q.window.Heap; heap != 0 && usesHeap(steps) {
		ref := &workloads.Ref{Name: "H"}
		block.Body = append(block.Body, &workloads.Stmt{Kind: workloads.KindHeap, Region: ref, Size: workloads.Constant(linux.PageSize), Addr: workloads.Constant(heap)})
	}
	for _, s := range steps {
		if s.stmt.Kind != workloads.KindFork && s.stmt.Kind != workloads.KindExit {
			s.stmt = anyResult(s.stmt)
		}
		if s.space != 0 {
			s.stmt = &workloads.Stmt{
				Kind: workloads.KindIn, MM: &workloads.Ref{Name: sc.MMs[s.space].Name, Index: s.space}, Body: []*workloads.Stmt{s.stmt},
			}
		}
		block.Body = append(block.Body, s.stmt)
	}
	sc.Init = &block
	if !slices.ContainsFunc(steps, func(s step) bool { return s.stmt.Backing.File != nil }) {
		sc.Files = nil
	}
	if !slices.ContainsFunc(steps, func(s step) bool { return s.stmt.Kind == workloads.KindFork }) {
		sc.MMs = sc.MMs[:1]
	}
	return sc.String()
}

func usesHeap(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return s.stmt.Kind == workloads.KindBrk })
}

// anyResult states nothing of a statement's result: the drift is what counts.
func anyResult(s *workloads.Stmt) *workloads.Stmt {
	c := *s
	c.Expect = &workloads.Expect{Results: []workloads.Result{{Kind: workloads.ResultAny}}}
	return &c
}
