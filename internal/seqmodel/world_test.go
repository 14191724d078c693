package seqmodel

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// shape is how a sequence's window looks.
type shape struct {
	pages int  // size of the window
	room  int  // map count left to the window; 0 for plenty
	fork  bool // with fork and exit
	smaps int  // compare vm_flags every so many ops; 0 never
}

// world is one run of a sequence: models and agents side by side. Index 0 is
// the first address space; nil in models marks one that has exited.
type world struct {
	b       *bench
	sh      shape
	models  []*Model
	agents  []*agent
	files   []*File
	objects map[*File]uint64 // inodes of shared anonymous objects
	zeroPFN uint64           // 0: frame numbers are hidden from us
	ops     int
	ioBuf   [1]byte
}

func (b *bench) newWorld(sh shape) (*world, error) {
	w := &world{b: b, sh: sh, objects: map[*File]uint64{}}
	inodes := []*Inode{NewMemFile(b.contents[0]), NewMemFile(b.contents[1])}
	if b.onExt4 {
		inodes[0] = NewDiskFile(b.contents[0])
	}
	for _, f := range b.files {
		w.files = append(w.files, inodes[f.inode].Open(f.mode))
	}
	for i, f := range []*os.File{b.files[0].file, b.files[4].file} {
		// To 0 and back: the tail of the last page must be zeroes again.
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
		if _, err := f.WriteAt(b.contents[i], 0); err != nil {
			return nil, err
		}
	}
	a, err := b.pool.start()
	if err != nil {
		return nil, err
	}
	w.agents = []*agent{a}
	cfg := Config{Base: windowBase, MmapBase: windowBase + uint64(sh.pages)*PageSize, MaxMapCount: b.maxMaps}
	if err := w.fill(a, cfg); err != nil {
		return nil, err
	}
	outside, err := a.allMaps()
	if err != nil {
		return nil, err
	}
	cfg.MaxMapCount = b.maxMaps - len(outside)
	w.models = []*Model{New(cfg)}
	return w, nil
}

// fill maps everything outside the window, and uses up the map count where
// little room is asked for. The page below the window also tells what the zero
// page's frame is.
func (w *world) fill(a *agent, cfg Config) error {
	taken, err := a.allMaps()
	if err != nil {
		return err
	}
	taken = append(taken, hostRange{start: taskSize, end: taskSize})
	low := uint64(lowestMap)
	for _, r := range taken {
		for _, gap := range [][2]uint64{{low, min(r.start, cfg.Base)}, {max(low, cfg.TaskSize, cfg.MmapBase), r.start}} {
			if gap[0] < gap[1] {
				if _, err := a.call(unix.SYS_MMAP, uintptr(gap[0]), uintptr(gap[1]-gap[0]), unix.PROT_NONE, fillFlags, ^uintptr(0), 0); err != nil {
					return fmt.Errorf("filling %#x-%#x: %w", gap[0], gap[1], err)
				}
				// A flag that nothing in the window has keeps it from merging.
				if _, err := a.call(unix.SYS_MADVISE, uintptr(gap[0]), uintptr(gap[1]-gap[0]), unix.MADV_DONTDUMP); err != nil {
					return err
				}
			}
		}
		low = max(low, r.end)
	}
	below := uintptr(cfg.Base - 2*PageSize)
	if _, err := a.call(unix.SYS_MPROTECT, below, PageSize, unix.PROT_READ); err != nil {
		return err
	}
	if _, err := a.call(unix.SYS_PWRITE64, w.b.scratch.Fd(), below, 1, 0); err != nil {
		return err
	}
	entry, err := a.pagemap(uint64(below), 1)
	if err != nil {
		return err
	}
	w.zeroPFN = entry[0] & pagemapFrame
	if w.sh.room == 0 {
		return nil
	}
	now, err := a.allMaps()
	if err != nil {
		return err
	}
	stripes := (w.b.maxMaps - w.sh.room - len(now)) / 2
	_, err = a.call(nrStripes, uintptr(cfg.MmapBase+1<<32), uintptr(stripes))
	return err
}

func (w *world) close() {
	for i := len(w.models) - 1; i >= 0; i-- {
		if w.models[i] != nil {
			w.agents[i].exit()
		}
	}
}

// step is one operation and whose it is.
type step struct {
	proc int
	op   Op
}

func (s step) String() string { return fmt.Sprintf("%d: %v", s.proc, s.op) }

// alive lists the address spaces that have not exited.
func (w *world) alive() []int {
	var out []int
	for i, m := range w.models {
		if m != nil {
			out = append(out, i)
		}
	}
	return out
}

// do performs one step on both sides and compares. Steps that make no sense
// (after shortening) are skipped.
func (w *world) do(s step) error {
	if s.proc >= len(w.models) || w.models[s.proc] == nil {
		return nil
	}
	m, a := w.models[s.proc], w.agents[s.proc]
	w.ops++
	switch s.op.Kind {
	case OpFork:
		if len(w.alive()) == maxAgents {
			return nil
		}
		child, err := a.fork()
		if err != nil {
			return fmt.Errorf("fork: %w", err)
		}
		w.models = append(w.models, m.Fork())
		w.agents = append(w.agents, child)
		return w.compare(len(w.models) - 1)
	case OpExit:
		if s.proc != 0 {
			a.exit()
			m.Exit()
			w.models[s.proc] = nil
		}
		return nil
	}
	want := Apply(m, s.op, w.files)
	if got, expected, ok := w.perform(a, m, s.op, want); !ok {
		return fmt.Errorf("kernel says %s, model %s", got, expected)
	}
	return w.compare(s.proc)
}

// perform makes op on the real kernel and compares its result. A touch is a
// copy by the kernel to or from the page; its EFAULT stands for all signals.
func (w *world) perform(a *agent, m *Model, op Op, want Result) (got, expected string, ok bool) {
	var r uintptr
	var err error
	addr := uintptr(op.Addr)
	switch op.Kind {
	case OpMmap:
		fd := ^uintptr(0)
		if op.File != NoFile {
			fd = w.b.files[op.File].file.Fd()
		}
		r, err = a.call(unix.SYS_MMAP, addr, uintptr(op.Len), uintptr(op.Prot), uintptr(op.Flags), fd, uintptr(op.Off))
		if err == nil && want.Errno == 0 {
			return fmt.Sprintf("%#x", r), fmt.Sprintf("%#x", want.Addr), uint64(r) == want.Addr
		}
	case OpMunmap:
		_, err = a.call(unix.SYS_MUNMAP, addr, uintptr(op.Len))
	case OpMprotect:
		_, err = a.call(unix.SYS_MPROTECT, addr, uintptr(op.Len), uintptr(op.Prot))
	case OpMadvise:
		_, err = a.call(unix.SYS_MADVISE, addr, uintptr(op.Len), uintptr(op.Advice))
	case OpLoad:
		if _, err = a.call(unix.SYS_PWRITE64, w.b.scratch.Fd(), addr, 1, 0); err == nil && want.Fault == OK {
			if _, err := w.b.scratch.ReadAt(w.ioBuf[:], 0); err != nil {
				return err.Error(), "", false
			}
			return fmt.Sprint(w.ioBuf[0]), fmt.Sprint(want.Value), w.ioBuf[0] == want.Value
		}
	case OpStore:
		w.ioBuf[0] = op.Value
		if _, err := w.b.scratch.WriteAt(w.ioBuf[:], 0); err != nil {
			return err.Error(), "", false
		}
		_, err = a.call(unix.SYS_PREAD64, w.b.scratch.Fd(), addr, 1, 0)
	}
	var errno unix.Errno
	errors.As(err, &errno)
	wantErrno := want.Errno
	if want.Fault != OK {
		wantErrno = unix.EFAULT
	}
	return Result{Errno: errno}.String(), Result{Errno: wantErrno}.String(), errno == wantErrno
}
