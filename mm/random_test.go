package mm_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/shrink"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/interp"
	"vmasim/workloads/seqtest"
)

var randomOps = flag.Int("random-ops", 30000, "operations of TestRandomOperations, in all")

// world drives the same operations on the model and on the simulator.
type world struct {
	models     seqtest.Spaces
	spaces     [seqtest.MaxSpaces]*mm.MM
	modelFiles []*seqmodel.File
	actor      interp.Actor // with the simulator's files

	m *mm.Machine
	t *task.Task

	violations []string
}

// All addresses outside a window are mapped, so that placement, too, happens in it.
const (
	windowStart = 0x500000000000
	windowEnd   = windowStart + 16<<20
	fillers     = 2
	maxMapCount = 12 // in the window
)

// fileModes are the open files: three descriptions of one file, and one of another with a tail.
var fileModes = [...]int{linux.O_RDWR, linux.O_RDWR, linux.O_RDONLY, linux.O_WRONLY}

// newWorld returns a world on a machine with or without a shared zero page.
func newWorld(dir string, forbidZeroPage bool) (*world, error) {
	w := &world{}
	m, err := fault.NewMachine(mm.Config{Rules: defaultRules(), Memory: 64 << 20, MaxMapCount: maxMapCount + fillers, ValidateWrites: true,
		Settings: mm.Settings{ForbidZeroPage: forbidZeroPage}, Report: func(v task.Violation) { w.violations = append(w.violations, v.String()) }})
	if err != nil {
		return nil, err
	}
	w.m, w.t = m, m.NewTask("random")
	first, err := m.NewMM(w.t, "0")
	if err != nil {
		return nil, err
	}
	w.actor.Task, w.spaces[0] = w.t, first
	for _, r := range [fillers][2]uint64{{linux.DefaultMmapMinAddr, windowStart}, {windowEnd, linux.TaskSize}} {
		if _, err := first.Mmap(w.t, mm.MmapArgs{Addr: r[0], Len: r[1] - r[0], Flags: linux.MAP_SHARED | linux.MAP_ANONYMOUS | linux.MAP_FIXED}); err != nil {
			return nil, err
		}
	}
	w.models[0] = seqmodel.New(seqmodel.Config{Base: windowStart, MmapBase: windowEnd, MaxMapCount: maxMapCount, ForbidZeroPage: forbidZeroPage})
	content := make([]byte, 12*linux.PageSize)
	for i := range content {
		content[i] = byte(i>>12*7 + i)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	var inode *seqmodel.Inode
	for _, mode := range fileModes {
		f, err := m.Mem.OpenFile(w.t, path, mode)
		if err != nil {
			return nil, err
		}
		if inode == nil {
			inode = modelInode(f, content)
		}
		w.actor.Files = append(w.actor.Files, f)
		w.modelFiles = append(w.modelFiles, inode.Open(mode))
	}
	w.actor.Files = append(w.actor.Files, nil) // a bad descriptor
	return w, nil
}

// modelInode returns what the model makes of a file: its mappings are placed as its file system wants it.
func modelInode(f *phys.File, content []byte) *seqmodel.Inode {
	if f.HugeAligned() {
		return seqmodel.NewDiskFile(content)
	}
	return seqmodel.NewMemFile(content)
}

// close ends all address spaces and says what was left over.
func (w *world) close() error {
	for _, s := range w.spaces {
		if s != nil {
			s.Put(w.t)
		}
	}
	for _, f := range w.actor.Files[:len(fileModes)] {
		if err := f.Put(w.t); err != nil {
			return err
		}
	}
	w.m.Settle(w.t)
	w.m.EndTask(w.t)
	if leaks := w.m.Leaks(); leaks != "" {
		return errors.New("leaked: " + leaks)
	}
	return w.m.Close()
}

// do performs one step on both sides and says how they differ. Objects that a shorter sequence has not made are passed over.
func (w *world) do(s seqtest.Step) error {
	model, space := w.models[s.Space], w.spaces[s.Space]
	if model == nil {
		return nil
	}
	switch s.Stmt.Kind {
	case workloads.KindFork:
		i := s.Stmt.MM.Index
		if w.models[i] != nil {
			return nil
		}
		child, err := space.Fork(w.t, s.Stmt.MM.Name)
		if err != nil {
			return err
		}
		w.models[i], w.spaces[i] = model.Fork(), child
	case workloads.KindExit:
		if i := s.Stmt.MM.Index; w.models[i] != nil {
			w.models[i].Exit()
			w.spaces[i].Put(w.t)
			w.models[i], w.spaces[i] = nil, nil
		}
		return w.broken()
	default:
		c := s.Call()
		want := seqtest.Apply(model, &c, w.modelFiles)
		w.actor.MM = space
		if got := w.actor.Do(&c); got != want {
			return fmt.Errorf("got %s, expected %s", interp.Describe(s.Stmt, got), interp.Describe(s.Stmt, want))
		}
	}
	if err := w.compareMaps(model, space); err != nil {
		return err
	}
	return w.broken()
}

func (w *world) broken() error {
	if len(w.violations) > 0 {
		return errors.New(strings.Join(w.violations, "; "))
	}
	return nil
}

// compareMaps compares every VMA with the model's, and the address space with itself.
func (w *world) compareMaps(model *seqmodel.Model, s *mm.MM) error {
	s.MmapWriteLock(w.t)
	defer s.MmapWriteUnlock(w.t)
	for _, v := range s.Validate(w.t) {
		return errors.New(v.String())
	}
	var got []string
	anon := map[*vma.AnonVMA]int{nil: 0}
	for v := s.Tree.Find(w.t, windowStart); v != nil && v.Start(w.t) < windowEnd; v = s.Tree.Find(w.t, v.End(w.t)) {
		file, a := v.FilePeek(), v.AnonPeek()
		start, end, pgoff, flags := v.Snapshot()
		if _, seen := anon[a]; !seen {
			anon[a] = len(anon)
		}
		inherited := a != nil && v.ChainPeek().Next != nil
		name := ""
		if i := slices.Index(w.actor.Files, file); file != nil && i >= 0 {
			name = fmt.Sprint("file", i)
		} else if file != nil {
			name = "shmem"
		}
		got = append(got, fmt.Sprintf("%#x-%#x %s %s +%#x account=%v noreserve=%v nohuge=%v anon=%d inherited=%v", start, end, flags.Perms(), name, pgoff,
			flags&linux.VMAccount != 0, flags&linux.VMNoReserve != 0, flags&linux.VMNoHugePage != 0, anon[a], inherited))
	}
	var want []string
	for _, r := range model.Maps() {
		perms := []byte("---p")
		for i, bit := range [...]int{linux.PROT_READ, linux.PROT_WRITE, linux.PROT_EXEC} {
			if r.Prot&bit != 0 {
				perms[i] = "rwx"[i]
			}
		}
		if r.Shared {
			perms[3] = 's'
		}
		name := ""
		if i := slices.Index(w.modelFiles, r.File); r.File != nil && i >= 0 {
			name = fmt.Sprint("file", i)
		} else if r.File != nil {
			name = "shmem"
		}
		want = append(want, fmt.Sprintf("%#x-%#x %s %s +%#x account=%v noreserve=%v nohuge=%v anon=%d inherited=%v", r.Start, r.End, perms, name, r.Pgoff,
			r.Account, r.NoReserve, r.NoHugePage, r.AnonVMA, r.Inherited))
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("maps\n\t%s\nexpected\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return nil
}

// replay performs steps in a new world and returns the first that fails, with its error.
func replay(t *testing.T, steps []seqtest.Step, forbidZeroPage bool) (int, error) {
	w, err := newWorld(t.TempDir(), forbidZeroPage)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if err := w.do(s); err != nil {
			_ = w.close() // the first error is the one to tell
			return i, err
		}
	}
	return len(steps), w.close()
}

// TestRandomOperations compares the simulator with the sequential model after each of many random operations: results,
// layout, history (anon_vma, accounting) and, through loads, contents. The model agrees with the running kernel. Every second
// sequence is on a machine without a shared zero page.
func TestRandomOperations(t *testing.T) {
	const length = 300
	for seed := uint64(1); seed <= uint64(max(1, *randomOps/length)); seed++ {
		forbidZeroPage := seed%2 == 0
		w, err := newWorld(t.TempDir(), forbidZeroPage)
		if err != nil {
			t.Fatal(err)
		}
		g := seqtest.NewGenerator(seed, len(fileModes), workloads.KindTouch, workloads.KindFork, workloads.KindExit)
		var steps []seqtest.Step
		for len(steps) < length && err == nil {
			s := w.models.Next(g)
			steps = append(steps, s)
			err = w.do(s)
		}
		if err == nil {
			err = w.close()
		}
		if err != nil {
			report(t, seed, steps, forbidZeroPage)
			return
		}
	}
}

// report shrinks a failing sequence and prints it.
func report(t *testing.T, seed uint64, steps []seqtest.Step, forbidZeroPage bool) {
	steps = shrink.Sequence(steps, nil, func(s []seqtest.Step) bool {
		_, err := replay(t, s, forbidZeroPage)
		return err != nil
	})
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "\t%v\n", s)
	}
	_, err := replay(t, steps, forbidZeroPage)
	t.Errorf("seed %d, zero page forbidden: %t, shortest sequence:\n%sends with: %v", seed, forbidZeroPage, b.String(), err)
}
