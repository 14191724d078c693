package report

import (
	"fmt"
	"strings"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// arrow stands between the value that a step saw and the one it left. No line is broken there.
const arrow = wrap.Bound + "->" + wrap.Bound

// stepText words a step: the operation, the cell, and what it saw and left. Where cell and values say what was done, the operation is not
// named, unless the look is full.
func stepText(t *trace.Trace, s *trace.Step, look Look) string {
	text, cell := s.Op.String(), cellName(t, s.Cell, look)
	valued := s.Is != "" || s.Was != ""
	switch {
	case cell == "":
	case !look.Full && valued && !s.Interrupted && !s.Tries():
		text = cell
	default:
		text += " " + cell
	}
	if s.Target != "" {
		text += ": " + s.Target
	}
	switch {
	case s.Interrupted:
		text += " interrupted"
	case s.Tries() && !s.Writes():
		text += " fails"
	case !valued, s.Tries() && !look.Full:
	case s.Writes() || s.Updates() && s.Was != s.Is:
		text += " " + s.Was + arrow + s.Is
	case !s.Reads():
		text += " =" + wrap.Bound + s.Was + ", unchanged"
	default:
		text += " =" + wrap.Bound + s.Was
	}
	if s.Missed > 0 {
		return text + fmt.Sprintf(" ("+missedText(s)+wrap.Bound+"%d)", s.Missed)
	}
	if s.From > 0 && s.Reads() {
		text += fmt.Sprintf(" (from"+wrap.Bound+"%d)", s.From)
	}
	return text
}

// missedText words what a step is to a store that it does not see.
func missedText(s *trace.Step) string {
	if s.Writes() {
		return "comes" + wrap.Bound + "before"
	}
	return "misses"
}

// cellName is the name of a cell, without that of its address space where there is one only.
func cellName(t *trace.Trace, cell string, look Look) string {
	if short, ok := strings.CutPrefix(cell, "mm."); ok && len(t.Before) <= 1 && !look.Full {
		return short
	}
	return cell
}

// performedText words a statement of finally.
func performedText(p *trace.Performed) string {
	text := p.Text + " => " + p.Result
	if p.From > 0 {
		text += fmt.Sprintf(" (from"+wrap.Bound+"%d)", p.From)
	}
	return text
}

// waitingText words what a task that cannot go on waits for.
func waitingText(t *trace.Trace, b *trace.Blocked, look Look) string {
	verb := "waits: "
	switch {
	case b.Slept:
		verb = "sleeps on: "
	case b.Spins:
		verb = "goes round for ever: "
	}
	return strings.TrimRight(verb+b.Op.String()+" "+cellName(t, b.Cell, look), " ")
}

// mark is a complaint as it stands in a drawing.
func mark(text string) string { return "*** " + text + " ***" }

// treeFunction is the maple tree's function that a step stands for, "" for none: the tree's own code names none.
func treeFunction(s *trace.Step) string {
	switch {
	case !strings.HasSuffix(s.Cell, ".mm_mt") && !strings.HasPrefix(s.Cell, "node#"):
		return ""
	case s.Writes():
		return "mas_store"
	}
	return "mas_walk"
}
