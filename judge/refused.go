package judge

import (
	"errors"
	"fmt"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// Refused says what of a scenario no process of the real kernel that performs operations for us can do, so that both sides would
// differ from the scenario for that reason alone.
type Refused struct {
	Pos workloads.Pos
	Why string
}

func (r *Refused) Error() string { return fmt.Sprintf("%v: %s", r.Pos, r.Why) }

// refused gives an error about the window the place of what asks for it.
func refused(sc *workloads.Scenario, heap *workloads.Stmt, w host.Window, err error) error {
	if !errors.Is(err, host.ErrWindow) {
		return err
	}
	at := workloads.Pos{File: sc.File, Line: 1, Col: 1}
	switch {
	case heap != nil && (w.Heap < w.Base || w.Heap > w.Base+w.Size):
		return &Refused{heap.Pos, fmt.Sprintf("the heap is at %#x, expected it in the window, %#x to %#x", w.Heap, w.Base, w.Base+w.Size)}
	case sc.Window != nil:
		at = sc.Window.Pos
	case len(sc.Limits) > 0:
		at = sc.Limits[0].Pos
	}
	return &Refused{at, fmt.Sprintf("%v, expected one that is free in every process", err)}
}

// below refuses a scenario that replaces what lies below the largest window: the process that performs has its code there.
func below(sc *workloads.Scenario, w host.Window) error {
	if sc.Window != nil {
		return nil
	}
	for s := range sc.Statements {
		at := s.Addr
		if s.Kind == workloads.KindMmap && s.Flags&linux.MAP_FIXED != 0 && at != nil && at.Op == workloads.ExprConst && at.Value >= linux.DefaultMmapMinAddr && at.Value < w.Base {
			return &Refused{s.Pos, fmt.Sprintf("%#x is outside, expected what lies in the window that is compared, %#x to %#x, as the process that performs is below", at.Value, w.Base, w.End())}
		}
	}
	return nil
}

// beyond reports what a call asks for that lies outside the window, or does not fit into the one that is taken where the scenario has
// none: then the scenario states what would happen elsewhere. nil: nothing does.
func (w *world) beyond(s *workloads.Stmt, c *interp.Call, out workloads.Outcome) error {
	win := w.set.window
	why := func(format string, args ...any) error {
		return &Refused{s.Pos, fmt.Sprintf(format, args...) + fmt.Sprintf(", expected what lies in the window that is compared, %#x to %#x", win.Base, win.End())}
	}
	outside := func(addr, length uint64) bool { return addr < win.Base || addr > win.End() || length > win.End()-addr }
	switch {
	case c.Addr != 0 && outside(c.Addr, c.Len):
		return why("%#x is outside", c.Addr)
	case c.Flags&linux.MREMAP_FIXED != 0 && c.Kind == workloads.KindMremap && outside(c.NewAddr, c.NewLen):
		return why("%#x is outside", c.NewAddr)
	case !w.set.chosen && out.Errno == linux.ENOMEM && max(c.Len, c.NewLen) > win.Size:
		return why("%#x bytes do not fit", max(c.Len, c.NewLen))
	}
	return nil
}
