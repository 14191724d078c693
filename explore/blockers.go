package explore

import (
	"vmasim/explore/trace"
	"vmasim/internal/task"
)

// Holders returns who keeps b waiting, in the order of acquiring: the holders of the lock that it waits for; for a count,
// those who took references on it and did not give them back; for a grace period, those inside a read section.
func (t *Trace) Holders(b Blocked) []string {
	held := map[string]int{}
	var order []string
	for i := range t.Steps {
		s := &t.Steps[i]
		n := acquired(s, b.Op == task.OpGracePeriodWait)
		if s.Addr != trace.Address(b.Addr) && b.Op != task.OpGracePeriodWait || n == 0 {
			continue
		}
		if _, known := held[s.Task]; !known {
			order = append(order, s.Task)
		}
		held[s.Task] += n
	}
	for _, w := range t.Found.Blocked { // it queued for the lock, and that is all it did
		if w.Addr == b.Addr && (w.Op == task.OpRWSemWait || w.Op == task.OpRWSemTry || w.Op == task.OpMutexWait) {
			held[w.Task]--
		}
	}
	var all []string
	for _, name := range order {
		if held[name] > 0 {
			all = append(all, name)
		}
	}
	return all
}

// acquired returns how many holds a step adds: on its cell, or, if sections are asked for, of read sections.
func acquired(s *trace.Step, sections bool) int {
	switch {
	case s.Op == task.OpSectionBegin:
		return boolToInt(sections)
	case s.Op == task.OpSectionEnd:
		return -boolToInt(sections)
	case sections || s.Op == task.OpDowngradeWrite:
		return 0
	case s.Interrupted:
		return -1
	}
	switch s.Op.Info().Kind {
	case task.Lock:
		return 1
	case task.Unlock:
		return -1
	case task.Try:
		return boolToInt(s.Old != s.New)
	case task.RMW: // a reference; what is added otherwise is a flag
		if d := int64(s.New) - int64(s.Old); d == 1 || d == -1 {
			return int(d)
		}
	}
	return 0
}

func boolToInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
