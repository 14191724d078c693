package judge

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// process is an address space of the real kernel.
type process struct {
	*host.Process
	fds    []int  // of the files, in the process
	zero   uint64 // the zero page's frame; 0: there is none, or frames are hidden
	coarse bool   // frames are hidden: the zero page and a page that others map, too, cannot be told apart
}

// passFiles gives the process those that are files, and returns their descriptors there.
func (p *process) passFiles(files []*os.File) ([]int, error) {
	open := slices.DeleteFunc(slices.Clone(files), func(f *os.File) bool { return f == nil })
	got, err := p.PassFiles(open...)
	if err != nil {
		return nil, err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		if fds[i] = interp.ClosedFD; f != nil {
			fds[i], got = got[0], got[1:]
		}
	}
	return fds, nil
}

// do makes a call on the real kernel. The error says that the process is lost.
func (p *process) do(c *interp.Call) (workloads.Outcome, error) {
	switch c.Kind {
	case workloads.KindTouch:
		return p.touch(c)
	case workloads.KindLoad:
		v, f, err := p.Load(c.Addr)
		out := workloads.AccessOutcome(f.End())
		if f.OK() {
			out.Value = v
		}
		return out, err
	case workloads.KindStore:
		f, err := p.Store(c.Addr, c.Value)
		return workloads.AccessOutcome(f.End()), err
	case workloads.KindPeek:
		v, err := p.Peek(c.Addr)
		out, err := outcomeOf(err)
		if out.Kind == workloads.ResultOK {
			out.Value = v
		}
		return out, err
	case workloads.KindPoke:
		return outcomeOf(p.Poke(c.Addr, c.Value))
	case workloads.KindSetrlimit:
		return outcomeOf(p.SetLimit(c.Resource, c.Value))
	case workloads.KindMincore:
		return p.mincore(c)
	case workloads.KindReadMaps:
		areas, err := p.Areas()
		return workloads.Outcome{Kind: workloads.ResultOK, Value: uint64(len(areas))}, err
	}
	nr, args := c.SystemCall(p.fds)
	r, err := p.Call(nr, args[:]...)
	if err != nil {
		return outcomeOf(err)
	}
	out := workloads.Outcome{Kind: workloads.ResultOK}
	if c.GivesAddress() {
		out.Value = uint64(r)
	}
	return out, nil
}

// touch touches one page, or one after the other up to the first that fails.
func (p *process) touch(c *interp.Call) (workloads.Outcome, error) {
	if !c.Pages {
		f, err := p.Touch(c.Addr, c.Access)
		return workloads.AccessOutcome(f.End()), err
	}
	for addr := c.Addr &^ (linux.PageSize - 1); addr < c.Addr+c.Len; addr += linux.PageSize {
		if f, err := p.Touch(addr, c.Access); err != nil || !f.OK() {
			return workloads.AccessOutcome(f.End()), err
		}
	}
	return workloads.Outcome{Kind: workloads.ResultOK}, nil
}

// mincore counts the pages in memory.
func (p *process) mincore(c *interp.Call) (workloads.Outcome, error) {
	vector := p.Scratch()
	pages := (c.Len + linux.PageSize - 1) >> linux.PageShift
	if pages > uint64(len(vector)) {
		pages = 0 // such a call fails before anything is written
	}
	clear(vector[:pages])
	if _, err := p.Call(unix.SYS_MINCORE, uintptr(c.Addr), uintptr(c.Len), uintptr(p.ScratchAddr())); err != nil {
		return outcomeOf(err)
	}
	out := workloads.Outcome{Kind: workloads.ResultOK}
	for _, b := range vector[:pages] {
		out.Value += uint64(b & 1)
	}
	return out, nil
}

// outcomeOf is the outcome of a call. Any other error than an errno is one of ours.
func outcomeOf(err error) (workloads.Outcome, error) {
	if err == nil {
		return workloads.Outcome{Kind: workloads.ResultOK}, nil
	}
	if e, ok := errors.AsType[linux.Errno](err); ok && !errors.Is(err, host.ErrLost) {
		return interp.Failure(e), nil
	}
	return workloads.Outcome{}, err
}

// state observes the kernel. VmFlags cost more, so they are asked for.
func (p *process) state(flags bool) (*state, error) {
	read := p.Areas
	if flags {
		read = p.Flags
	}
	areas, err := read()
	if err != nil {
		return nil, err
	}
	s := &state{areas: observed(areas)}
	if w := p.Window(); w.Pages() <= smallWindow || p.CanScan() {
		return s, p.addPages(s, w.Base, w.End())
	}
	for _, a := range areas {
		if err := p.addPages(s, a.Start, a.End); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// observed gives areas of the kernel as they are compared.
func observed(areas []host.Area) []area {
	all := make([]area, len(areas))
	for i, a := range areas {
		all[i] = area{start: a.Start, end: a.End, prot: a.Prot, shared: a.Shared, flags: string(a.Flags)}
		if a.Inode != 0 {
			all[i].object, all[i].offset = a.Dev<<40^a.Inode, a.Offset
		}
	}
	return all
}

// smallWindow is how many pages of a window are read at once; of a larger one those of each area.
const smallWindow = 1024

// addPages adds the pages of [start, end) that are mapped.
func (p *process) addPages(s *state, start, end uint64) error {
	return p.EachPage(start, end, func(addr uint64, e host.Page) {
		if kind := p.page(e); kind != absent {
			s.pages = append(s.pages, mapped{addr, kind})
		}
	})
}

func (p *process) page(e host.Page) page {
	switch {
	case e.Guard():
		return guard
	case !e.Present():
		return absent
	case e.File():
		return filePage
	case p.zero != 0 && e.Frame() == p.zero:
		return zeroPage
	case !e.Exclusive():
		return sharedAnon
	}
	return anonymous
}
