package program

import (
	"slices"
	"strings"
	"testing"

	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// livesAgree holds what a trace tells of lives, holders and grace periods, which the oracles know, to what its steps did.
func livesAgree(t *testing.T, tr *trace.Trace) {
	t.Helper()
	for i := range tr.Lives {
		followOn(t, tr, &tr.Lives[i])
	}
	for i := range tr.Steps {
		stepAgrees(t, tr, &tr.Steps[i])
	}
	for i := range tr.Graces {
		graceAgrees(t, tr, &tr.Graces[i])
	}
	for i := range tr.Holdings {
		if h := &tr.Holdings[i]; strings.HasSuffix(h.Lock, ".mmap_lock") {
			mmapLockAgrees(t, tr, h)
		}
	}
}

// followOn checks that the phases of a life come one after the other, within it.
func followOn(t *testing.T, tr *trace.Trace, l *trace.Life) {
	t.Helper()
	at, is := l.Born, ""
	for i, p := range l.Phases {
		if p.From < at || p.Is == is || i == 0 && p.From != l.Born || l.Freed > 0 && p.From > l.Freed {
			t.Errorf("%s: %s is born in %d and freed in %d, with phases %v", tr.Scenario, l.Name, l.Born, l.Freed, l.Phases)
		}
		at, is = p.From, p.Is
	}
}

// phaseAt is that of an object after a step, "" where it has none.
func phaseAt(tr *trace.Trace, name string, step int) (is string) {
	i := slices.IndexFunc(tr.Lives, func(l trace.Life) bool { return l.Name == name })
	if i < 0 {
		return ""
	}
	if l := &tr.Lives[i]; l.Freed > 0 && l.Freed <= step {
		return "freed"
	}
	for _, p := range tr.Lives[i].Phases {
		if p.From <= step {
			is = p.Is
		}
	}
	return is
}

// stepAgrees checks that what a step does to a VMA or a read section is in the lives and among the holders.
func stepAgrees(t *testing.T, tr *trace.Trace, s *trace.Step) {
	t.Helper()
	wants := func(name, state string) {
		if got := phaseAt(tr, name, s.Number); strings.HasPrefix(name, "vma#") && got != state && (state == trace.Made || got != "freed" && got != trace.Waits) { // a freed one may be attached, too
			t.Errorf("%s: after step %d %s is %q, expected %s", tr.Scenario, s.Number, name, got, state)
		}
	}
	for _, note := range s.Notes {
		if name, _, ok := strings.Cut(note, " is born"); ok {
			wants(name, trace.Made)
		}
		if name, ok := strings.CutSuffix(note, " is freed"); ok && strings.HasPrefix(name, "vma#") {
			wants(name, "freed")
		}
	}
	name, field, _ := strings.Cut(s.Cell, ".")
	switch {
	case field == "vm_refcnt" && s.Op == task.OpRefSetRelease && s.New == 1,
		field == "detached" && s.Func == "vma_mark_attached" && s.Writes() && s.New == 0:
		wants(name, trace.Attached)
	case field == "vm_refcnt" && s.Func == "vma_mark_detached" && s.Op == task.OpRefDecAndTest && s.New == 0 && s.Old == 1,
		field == "detached" && s.Func == "vma_mark_detached" && s.Writes() && s.New == 1:
		wants(name, trace.Detached)
	case s.Op == task.OpSectionBegin || s.Op == task.OpSectionEnd:
		n := 0
		for _, h := range tr.Holdings {
			if h.Mode == "inside" && h.Task == s.Task && (s.Op == task.OpSectionBegin && h.From == s.Number || s.Op == task.OpSectionEnd && h.To == s.Number) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d sections of %s begin or end in step %d, %s", tr.Scenario, n, s.Task, s.Number, s.Op)
		}
	}
}

// graceAgrees checks that a grace period begins with a step of its task, and is not found over before the sections have ended that were open then.
func graceAgrees(t *testing.T, tr *trace.Trace, g *trace.Grace) {
	t.Helper()
	if s := &tr.Steps[g.From-1]; s.Task != g.Task || s.Op.String() != g.By {
		t.Errorf("%s: %s of %s begins in step %d, %s of %s", tr.Scenario, g.By, g.Task, g.From, s.Op, s.Task)
	}
	for _, h := range tr.Holdings {
		if h.Mode == "inside" && h.Lock == g.Of && h.Task != g.Task && h.From < g.From && (h.To == 0 || h.To > g.From) && g.To > 0 && (h.To == 0 || h.To > g.To) {
			t.Errorf("%s: %s of %s from step %d is over in step %d, and %s is inside to step %d", tr.Scenario, g.By, g.Task, g.From, g.To, h.Task, h.To)
		}
	}
}

// mmapLockAgrees checks that a lock is held from the step that takes it to the one that gives it back or downgrades it.
func mmapLockAgrees(t *testing.T, tr *trace.Trace, h *trace.Holding) {
	t.Helper()
	may := func(step int, ops ...task.Op) {
		if step == 0 {
			return
		}
		if s := &tr.Steps[step-1]; s.Task != h.Task || !slices.Contains(ops, s.Op) {
			t.Errorf("%s: %s is held by %s (%s) from %d to %d, and step %d is %s of %s", tr.Scenario, h.Lock, h.Task, h.Mode, h.From, h.To, step, s.Op, s.Task)
		}
	}
	if h.Mode == "write" {
		may(h.From, task.OpDownWrite, task.OpDownWriteTrylock, task.OpRWSemWait, task.OpRWSemTry)
		may(h.To, task.OpUpWrite, task.OpDowngradeWrite)
		return
	}
	may(h.From, task.OpDownRead, task.OpDownReadTrylock, task.OpRWSemWait, task.OpDowngradeWrite)
	may(h.To, task.OpUpRead)
}
