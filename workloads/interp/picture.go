package interp

import (
	"cmp"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/workloads"
)

// span is a piece of a layout: a VMA, or what a line of a picture states.
type span struct {
	start, end uint64
	prot       workloads.Prot
	shared     bool
	file       *phys.File // nil: anonymous
	offset     uint64     // of a file, at start
}

// cut gives the part of s that lies in [start, end); ok is false for none.
func (s span) cut(start, end uint64) (part span, ok bool) {
	part = s
	part.start, part.end = max(s.start, start), min(s.end, end)
	if s.file != nil {
		part.offset += part.start - s.start
	}
	return part, part.start < part.end
}

func cutAll(spans []span, start, end uint64) (parts []span) {
	for _, s := range spans {
		if p, ok := s.cut(start, end); ok {
			parts = append(parts, p)
		}
	}
	return parts
}

// window is a range that a picture states as a whole. Its addresses are written relative to base.
type window struct {
	start, end uint64
	base       *workloads.Expr // nil: plain numbers
}

// maps compares the layout of an address space with a picture.
func (a *Actor) maps(s *workloads.Stmt) workloads.Outcome {
	want, windows, err := a.picture(s)
	if err != nil {
		return notRun(err)
	}
	m := a.MM
	if s.MM != nil {
		if m = a.Host.Acquire(s.MM.Index); m == nil {
			return Failure(linux.ESRCH)
		}
		defer m.Put(a.Task)
	}
	got, err := a.layout(m)
	if err != nil {
		return a.result(err)
	}
	for _, win := range windows {
		if !slices.Equal(cutAll(want, win.start, win.end), cutAll(got, win.start, win.end)) {
			a.Host.Mismatch(s, a.draw(windows, want), a.draw(windows, got))
			break
		}
	}
	return success(0)
}

// picture evaluates the lines. The windows are the regions that they name, and the lines' own ranges where they reach
// beyond a region.
func (a *Actor) picture(s *workloads.Stmt) (want []span, windows []window, err error) {
	for _, row := range s.Picture {
		start, err := row.Start.Eval(a.Env)
		if err != nil {
			return nil, nil, err
		}
		end, err := row.End.Eval(a.Env)
		if err != nil {
			return nil, nil, err
		}
		line := span{start: start, end: end, prot: row.Prot, shared: row.Backing.Sharing.Shared()}
		if f := row.Backing.File; f != nil {
			line.file = a.Files[f.Index]
			if line.offset, err = optional(row.Backing.Offset, a.Env); err != nil {
				return nil, nil, err
			}
		}
		if !row.Hole {
			want = append(want, line)
		}
		windows = a.regionsOf(row.Start, a.regionsOf(row.End, windows))
		windows = append(windows, window{start: start, end: end, base: baseOf(row.Start)})
	}
	slices.SortStableFunc(want, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return want, outermost(windows), nil
}

// regionsOf adds the regions that an expression names to the windows.
func (a *Actor) regionsOf(e *workloads.Expr, windows []window) []window {
	if e == nil {
		return windows
	}
	if base := baseOf(e); base != nil && (e.Op == workloads.ExprBase || e.Op == workloads.ExprEnd || e.Op == workloads.ExprSize) {
		r := a.Env.Regions[e.Region.Index]
		windows = append(windows, window{start: r.Base, end: r.Base + r.Size, base: base})
	}
	return a.regionsOf(e.X, a.regionsOf(e.Y, windows))
}

// baseOf gives the first region that an expression names, as an expression; nil for none.
func baseOf(e *workloads.Expr) *workloads.Expr {
	switch {
	case e == nil || e.Op == workloads.ExprConst || e.Op == workloads.ExprIndex:
		return nil
	case e.X != nil:
		return cmp.Or(baseOf(e.X), baseOf(e.Y))
	}
	return &workloads.Expr{Op: workloads.ExprBase, Region: e.Region}
}

// outermost sorts the windows, drops those that lie within another one, and joins those of plain numbers that follow each other: where
// one line ends and the next begins, one VMA ends and another begins.
func outermost(windows []window) (kept []window) {
	slices.SortStableFunc(windows, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	for _, win := range windows {
		if last := len(kept) - 1; last >= 0 && kept[last].base == nil && win.base == nil && kept[last].end == win.start {
			kept[last].end = win.end
			continue
		}
		if !slices.ContainsFunc(kept, func(k window) bool { return k.start <= win.start && win.end <= k.end }) {
			kept = append(kept, win)
		}
	}
	return kept
}

// layout returns the VMAs of an address space in order. The error is EINTR.
func (a *Actor) layout(m *mm.MM) (got []span, err error) {
	if err := m.MmapReadLockKillable(a.Task); err != nil {
		return nil, err
	}
	defer m.MmapReadUnlock(a.Task)
	m.Tree.Ascend(a.Task, 0, func(e tree.Entry) bool {
		got = append(got, a.spanOf(a.Task, e))
		return true
	})
	return got, nil
}

func (a *Actor) spanOf(t *task.Task, e tree.Entry) span {
	flags := e.VMA.Flags(t)
	s := span{start: e.Start, end: e.End, prot: protOf(flags), shared: flags&linux.VMMayShare != 0}
	// Shared anonymous memory is a file of its own, which no picture can name.
	if f := e.VMA.File(t); slices.Contains(a.Files, f) {
		s.file, s.offset = f, e.VMA.Pgoff(t)<<linux.PageShift
	}
	return s
}

func protOf(f linux.VMFlags) (p workloads.Prot) {
	if f&linux.VMRead != 0 {
		p |= linux.PROT_READ
	}
	if f&linux.VMWrite != 0 {
		p |= linux.PROT_WRITE
	}
	if f&linux.VMExec != 0 {
		p |= linux.PROT_EXEC
	}
	return p
}

// draw words what the windows show of a layout as the lines of a picture, holes included.
func (a *Actor) draw(windows []window, spans []span) string {
	var lines []string
	for _, win := range windows {
		at := win.start
		for _, s := range cutAll(spans, win.start, win.end) {
			if s.start > at {
				lines = append(lines, a.area(win, span{start: at, end: s.start}, true))
			}
			lines = append(lines, a.area(win, s, false))
			at = s.end
		}
		if at < win.end {
			lines = append(lines, a.area(win, span{start: at, end: win.end}, true))
		}
	}
	return strings.Join(lines, "\n")
}

// area words a span as a line of a picture.
func (a *Actor) area(win window, s span, hole bool) string {
	row := &workloads.Area{Start: a.relative(win, s.start), End: a.relative(win, s.end), Hole: hole, Prot: s.prot}
	row.Backing.Sharing = linux.MAP_PRIVATE
	if s.shared {
		row.Backing.Sharing = linux.MAP_SHARED
	}
	if i := slices.Index(a.Files, s.file); s.file != nil {
		row.Backing.File = &workloads.Ref{Name: a.Decls[i].Name}
		if s.offset != 0 {
			row.Backing.Offset = constant(s.offset, false)
		}
	}
	return row.String()
}

// relative words an address as A, A+OFFSET or A.end, or as a number where the window has no region.
func (a *Actor) relative(win window, addr uint64) *workloads.Expr {
	if win.base == nil {
		return constant(addr, true)
	}
	r := a.Env.Regions[win.base.Region.Index]
	switch {
	case addr == r.Base:
		return win.base
	case addr == r.Base+r.Size:
		return &workloads.Expr{Op: workloads.ExprEnd, Region: win.base.Region}
	case addr < r.Base:
		return &workloads.Expr{Op: workloads.ExprSub, X: win.base, Y: constant(r.Base-addr, false)}
	}
	return &workloads.Expr{Op: workloads.ExprAdd, X: win.base, Y: constant(addr-r.Base, false)}
}

func constant(n uint64, hex bool) *workloads.Expr {
	return &workloads.Expr{Op: workloads.ExprConst, Value: n, Hex: hex}
}
