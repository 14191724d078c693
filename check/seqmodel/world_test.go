package seqmodel_test

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vmasim/check/seqmodel"
	"vmasim/check/seqmodel/seqtest"
	"vmasim/internal/linux"
	"vmasim/judge/host"
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
	models  []*seqmodel.Model
	agents  []*agent
	files   []*seqmodel.File
	objects map[*seqmodel.File]uint64 // inodes of shared anonymous objects
	ops     int
	ioBuf   [1]byte
}

func (b *bench) newWorld(sh shape) (*world, error) {
	w := &world{b: b, sh: sh, objects: map[*seqmodel.File]uint64{}}
	inodes := []*seqmodel.Inode{seqmodel.NewMemFile(b.contents[0]), seqmodel.NewMemFile(b.contents[1])}
	if b.onExt4 {
		inodes[0] = seqmodel.NewDiskFile(b.contents[0])
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
	p, err := b.lab.Process(host.Window{Base: windowBase, Size: uint64(sh.pages) * linux.PageSize, Room: sh.room})
	if err != nil {
		return nil, err
	}
	w.agents = []*agent{{Process: p}}
	if err := w.agents[0].take(b); err != nil {
		return nil, err
	}
	cfg := seqmodel.Config{
		Base: windowBase, MmapBase: p.Window().End(), MaxMapCount: b.maxMaps - p.Outside().Areas,
		ForbidZeroPage: !b.lab.Kernel().ZeroPage, ReserveAll: b.lab.Kernel().Overcommit == 2,
	}
	w.models = []*seqmodel.Model{seqmodel.New(cfg)}
	return w, nil
}

func (w *world) close() {
	for i := len(w.models) - 1; i >= 0; i-- {
		if w.models[i] != nil {
			w.agents[i].Exit()
		}
	}
}

// agent is a process on the real kernel.
type agent struct {
	*host.Process
	files   []uintptr // descriptors of bench.files
	scratch uintptr   // that of bench.scratch
}

// take gives the agent the files of the bench.
func (a *agent) take(b *bench) error {
	var files []*os.File
	for _, f := range b.files {
		files = append(files, f.file)
	}
	fds, err := a.PassFiles(append(files, b.scratch)...)
	if err != nil {
		return err
	}
	for _, fd := range fds[:len(files)] {
		a.files = append(a.files, uintptr(fd))
	}
	a.scratch = uintptr(fds[len(files)])
	return nil
}

// step is one operation and whose it is.
type step struct {
	proc int
	op   seqtest.Op
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
	case seqtest.OpFork:
		if len(w.alive()) == maxAgents {
			return nil
		}
		child, err := a.Fork()
		if err != nil {
			return fmt.Errorf("fork: %w", err)
		}
		w.models = append(w.models, m.Fork())
		w.agents = append(w.agents, &agent{child, a.files, a.scratch})
		return w.compare(len(w.models) - 1)
	case seqtest.OpExit:
		if s.proc != 0 {
			a.Exit()
			m.Exit()
			w.models[s.proc] = nil
		}
		return nil
	}
	want := seqtest.Apply(m, s.op, w.files)
	if got, expected, ok := w.perform(a, m, s.op, want); !ok {
		return fmt.Errorf("kernel says %s, model %s", got, expected)
	}
	return w.compare(s.proc)
}

// perform makes op on the real kernel and compares its result. A touch is a
// copy by the kernel to or from the page; its EFAULT stands for all signals.
func (w *world) perform(a *agent, m *seqmodel.Model, op seqtest.Op, want seqtest.Result) (got, expected string, ok bool) {
	var r uintptr
	var err error
	addr := uintptr(op.Addr)
	switch op.Kind {
	case seqtest.OpMmap:
		fd := ^uintptr(0)
		if op.File != seqtest.NoFile {
			fd = a.files[op.File]
		}
		r, err = a.Call(linux.SYS_MMAP, addr, uintptr(op.Len), uintptr(op.Prot), uintptr(op.Flags), fd, uintptr(op.Off))
		if err == nil && want.Errno == 0 {
			return fmt.Sprintf("%#x", r), fmt.Sprintf("%#x", want.Addr), uint64(r) == want.Addr
		}
	case seqtest.OpMunmap:
		_, err = a.Call(linux.SYS_MUNMAP, addr, uintptr(op.Len))
	case seqtest.OpMprotect:
		_, err = a.Call(linux.SYS_MPROTECT, addr, uintptr(op.Len), uintptr(op.Prot))
	case seqtest.OpMadvise:
		_, err = a.Call(linux.SYS_MADVISE, addr, uintptr(op.Len), uintptr(op.Advice))
	case seqtest.OpLoad:
		if _, err = a.Call(unix.SYS_PWRITE64, a.scratch, addr, 1, 0); err == nil && want.Fault == linux.OK {
			if _, err := w.b.scratch.ReadAt(w.ioBuf[:], 0); err != nil {
				return err.Error(), "", false
			}
			return fmt.Sprint(w.ioBuf[0]), fmt.Sprint(want.Value), w.ioBuf[0] == want.Value
		}
	case seqtest.OpStore:
		w.ioBuf[0] = op.Value
		if _, err := w.b.scratch.WriteAt(w.ioBuf[:], 0); err != nil {
			return err.Error(), "", false
		}
		_, err = a.Call(unix.SYS_PREAD64, a.scratch, addr, 1, 0)
	}
	if errors.Is(err, host.ErrLost) {
		return err.Error(), "an answer", false
	}
	var errno linux.Errno
	errors.As(err, &errno)
	wantErrno := want.Errno
	if want.Fault != linux.OK {
		wantErrno = linux.EFAULT
	}
	return seqtest.Result{Errno: errno}.String(), seqtest.Result{Errno: wantErrno}.String(), errno == wantErrno
}
