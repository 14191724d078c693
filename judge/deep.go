package judge

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/judge/deep"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
	"vmasim/workloads/interp"
)

// Deep makes comparisons include what /proc hides: all bits of vm_flags, the page offset of anonymous memory, and which areas,
// of all address spaces, share an anon_vma. The error says why this kernel does not let us look. It is called before anything
// is compared.
func (l *Lab) Deep() (err error) {
	l.deep, err = deep.Open()
	return err
}

// hidden is what of a VMA only the kernel itself can see.
type hidden struct {
	start, end uint64
	flags      linux.VMFlags
	pgoff      uint64
	anonPgoff  uint64 // of its anonymous pages; pgoff, where one side does not tell it
	anonVMA    int    // its number; 0: none
	inherited  bool   // there is more than one anon_vma in its chain
}

// numbering gives the anon_vmas of one side numbers, in the order in which they are met. Two sides whose areas get the same
// numbers have the same partition. It is good for one comparison only: freed memory becomes another anon_vma.
type numbering map[uint64]int

func (n numbering) number(name uint64) int {
	if name == 0 {
		return 0
	}
	if n[name] == 0 {
		n[name] = len(n) + 1
	}
	return n[name]
}

// compareHidden compares all address spaces after a step.
func (w *world) compareHidden(s step) (*Drift, error) {
	realNumbers, simNumbers := numbering{}, numbering{}
	for i, sp := range w.spaces {
		if sp == nil {
			continue
		}
		real, err := w.kernelHidden(sp, realNumbers)
		if err != nil {
			return nil, err
		}
		sim := w.simHidden(sp, simNumbers)
		if what := compareHidden(sim, real); what != "" {
			return &Drift{
				Statement: interp.Stated(s.stmt), Space: w.set.scenario.MMs[i].Name, What: what,
				Picture: sideBySide(drawHidden(real), drawHidden(sim)),
			}, nil
		}
	}
	return nil, nil
}

func (w *world) kernelHidden(sp *space, numbers numbering) ([]hidden, error) {
	vmas, err := w.lab.deep.VMAs(sp.kernel.PID(), w.set.window.Base, w.set.window.End())
	if err != nil {
		return nil, err
	}
	all := make([]hidden, len(vmas))
	for i, v := range vmas {
		all[i] = hidden{v.Start, v.End, linux.VMFlags(v.Flags), v.Pgoff, v.Pgoff, numbers.number(v.AnonVMA), v.Inherited}
		if w.tellsAnonPgoff() {
			all[i].anonPgoff = v.AnonPgoff
		}
	}
	return all, nil
}

// tellsAnonPgoff reports whether both sides have page offsets for anonymous pages apart from vm_pgoff.
func (w *world) tellsAnonPgoff() bool {
	return w.lab.deep.TellsAnonPgoff() && w.lab.rules.Has(rules.AnonOffsets)
}

func (w *world) simHidden(sp *space, numbers numbering) (all []hidden) {
	forEachVMA(w.actor.Task, sp.sim, w.set.window.Base, w.set.window.End(), func(v *vma.VMA) bool {
		h := hidden{inherited: v.ChainPeek() != nil && v.ChainPeek().Next != nil}
		h.start, h.end, h.pgoff, h.flags = v.Snapshot()
		if h.anonPgoff = h.pgoff; w.tellsAnonPgoff() {
			h.anonPgoff = v.AnonPgoffPeek()
		}
		if anon := v.AnonPeek(); anon != nil {
			h.anonVMA = numbers.number(uint64(anon.ID))
		}
		all = append(all, h)
		return true
	})
	return all
}

// forEachVMA visits the VMAs that begin in [start, end), until visit returns false.
func forEachVMA(t *task.Task, m *mm.MM, start, end uint64, visit func(*vma.VMA) bool) {
	m.Tree.Ascend(t, start, func(e tree.Entry) bool { return e.Start < end && (e.Start < start || visit(e.VMA)) })
}

// compareHidden returns the first thing that differs, "" for nothing.
func compareHidden(sim, kernel []hidden) string {
	if len(sim) != len(kernel) { // /proc said otherwise
		return fmt.Sprintf("the kernel has %d VMAs, the simulator %d", len(kernel), len(sim))
	}
	for i, s := range sim {
		k := kernel[i]
		at := fmt.Sprintf("area %#x-%#x", k.start, k.end)
		switch {
		case s.start != k.start || s.end != k.end:
			return fmt.Sprintf("%s is %#x-%#x in the simulator", at, s.start, s.end)
		case s.flags != k.flags:
			return fmt.Sprintf("%s has vm_flags %v in the kernel, %v in the simulator", at, showFlags(k.flags&^s.flags), showFlags(s.flags&^k.flags))
		case s.pgoff != k.pgoff:
			return fmt.Sprintf("%s has vm_pgoff %#x in the kernel, %#x in the simulator", at, k.pgoff, s.pgoff)
		case s.anonPgoff != k.anonPgoff:
			return fmt.Sprintf("%s has page offset %#x for anonymous pages in the kernel, %#x in the simulator", at, k.anonPgoff, s.anonPgoff)
		case s.anonVMA != k.anonVMA:
			return fmt.Sprintf("%s has %s in the kernel, %s in the simulator", at, showAnonVMA(k), showAnonVMA(s))
		case s.inherited != k.inherited:
			return fmt.Sprintf("%s: anon_vmas in the chain: more than one is %t in the kernel, %t in the simulator", at, k.inherited, s.inherited)
		}
	}
	return ""
}

// showFlags names bits, those without a name by number.
func showFlags(f linux.VMFlags) string { return fmt.Sprintf("%#x (%v)", uint64(f), f) }

func showAnonVMA(h hidden) string {
	if h.anonVMA == 0 {
		return "no anon_vma"
	}
	return fmt.Sprintf("anon_vma A%d", h.anonVMA)
}

func (h hidden) String() string {
	s := fmt.Sprintf("%x-%x %s %#x pgoff=%#x", h.start, h.end, h.flags.Perms(), uint64(h.flags), h.pgoff)
	if h.anonPgoff != h.pgoff {
		s += fmt.Sprintf(" copies=%#x", h.anonPgoff)
	}
	if h.anonVMA != 0 {
		s += fmt.Sprintf(" A%d", h.anonVMA)
	}
	if h.inherited {
		s += "*"
	}
	return s
}

func drawHidden(all []hidden) []string {
	lines := make([]string, len(all))
	for i, h := range all {
		lines[i] = h.String()
	}
	return lines
}
