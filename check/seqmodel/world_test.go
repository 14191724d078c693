package seqmodel_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
	"vmasim/workloads/seqtest"
)

// shape is how a sequence's window looks.
type shape struct {
	pages int  // size of the window
	room  int  // map count left to the window; 0 for plenty
	fork  bool // with fork and exit
	smaps int  // compare vm_flags every so many ops; 0 never
}

// world is one run of a sequence: models and agents side by side. Index 0 is
// the first address space.
type world struct {
	b       *bench
	sh      shape
	models  seqtest.Spaces
	agents  [seqtest.MaxSpaces]*agent
	files   []*seqmodel.File
	objects map[*seqmodel.File]uint64 // inodes of shared anonymous objects
	ops     int
	word    [8]byte // on its way in or out of an agent
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
	w.agents[0] = &agent{Process: p}
	if err := w.agents[0].take(b); err != nil {
		return nil, err
	}
	cfg := seqmodel.Config{
		Base: windowBase, MmapBase: p.Window().End(), MaxMapCount: b.maxMaps - p.Outside().Areas,
		ForbidZeroPage: !b.lab.Kernel().ZeroPage, ReserveAll: b.lab.Kernel().Overcommit == 2,
	}
	w.models[0] = seqmodel.New(cfg)
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
	files   []int   // descriptors of bench.files, and one that is none
	scratch uintptr // that of bench.scratch
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
	a.files = append(fds[:len(files):len(files)], -1)
	a.scratch = uintptr(fds[len(files)])
	return nil
}

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
func (w *world) do(s seqtest.Step) error {
	m, a := w.models[s.Space], w.agents[s.Space]
	if m == nil {
		return nil
	}
	w.ops++
	switch s.Stmt.Kind {
	case workloads.KindFork:
		i := s.Stmt.MM.Index
		if w.models[i] != nil {
			return nil
		}
		child, err := a.Fork()
		if err != nil {
			return fmt.Errorf("fork: %w", err)
		}
		w.models[i], w.agents[i] = m.Fork(), &agent{child, a.files, a.scratch}
		return w.compare(i)
	case workloads.KindExit:
		if i := s.Stmt.MM.Index; w.models[i] != nil {
			w.agents[i].Exit()
			w.models[i].Exit()
			w.models[i] = nil
		}
		return nil
	}
	c := s.Call()
	want := seqtest.Apply(m, &c, w.files)
	got, err := w.perform(a, &c)
	if err != nil {
		return err
	}
	if expected := asCall(want); got != expected {
		return fmt.Errorf("kernel says %s, model %s", interp.Describe(s.Stmt, got), interp.Describe(s.Stmt, expected))
	}
	return w.compare(s.Space)
}

// asCall is what becomes of an access that the kernel makes for a call: its
// EFAULT stands for all signals.
func asCall(out workloads.Outcome) workloads.Outcome {
	if out.Kind == workloads.ResultOK || out.Kind == workloads.ResultErrno {
		return out
	}
	return interp.Failure(linux.EFAULT)
}

// perform makes a call on the real kernel. An access is a copy by the kernel to
// or from the page.
func (w *world) perform(a *agent, c *interp.Call) (out workloads.Outcome, err error) {
	var r uintptr
	switch c.Kind {
	case workloads.KindLoad:
		if _, err = a.Call(unix.SYS_PWRITE64, a.scratch, uintptr(c.Addr), 8, 0); err == nil {
			if _, err = w.b.scratch.ReadAt(w.word[:], 0); err != nil {
				return out, err
			}
			r = uintptr(binary.LittleEndian.Uint64(w.word[:]))
		}
	case workloads.KindStore:
		binary.LittleEndian.PutUint64(w.word[:], c.Value)
		if _, err := w.b.scratch.WriteAt(w.word[:], 0); err != nil {
			return out, err
		}
		_, err = a.Call(unix.SYS_PREAD64, a.scratch, uintptr(c.Addr), 8, 0)
	default:
		nr, args := c.SystemCall(a.files)
		r, err = a.Call(nr, args[:]...)
	}
	var errno linux.Errno
	switch {
	case err == nil:
		return workloads.Outcome{Kind: workloads.ResultOK, Value: uint64(r)}, nil
	case errors.As(err, &errno):
		return interp.Failure(errno), nil
	}
	return out, err
}
