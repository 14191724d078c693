package interp_test

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// declared is what each world has: children, and files of each kind.
const declared = `mm child grandchild
file F temp 48K pattern
file R again F ro
file M memory 37864 pattern
file H memory 32K hooks
file Z zero rw
file E memory 32K pattern sealed
file P pipe
file C closed
init
    yield
`

// plan is what worlds that are compared have in common.
type plan struct {
	scenario *workloads.Scenario
	heap     uint64 // where it begins; 0: there is none
}

// newPlan returns a plan for a window of so many pages, whose upper half begins with a heap.
func newPlan(pages uint64, heap bool) plan {
	sc, err := workloads.Parse("world", []byte(declared))
	if err != nil {
		panic(err)
	}
	sc.Window = &workloads.Window{Base: workloads.DefaultWindowBase, Size: pages * linux.PageSize}
	p := plan{scenario: sc}
	if heap {
		p.heap = sc.Window.Base + sc.Window.Size/2
	}
	return p
}

// generator draws the statements of the kinds, all that are ever drawn if none is given.
func (p plan) generator(seed uint64, kinds ...workloads.Kind) *workloads.Generator {
	return workloads.NewGenerator(p.scenario, rand.New(rand.NewPCG(seed, 0)), kinds...)
}

// step is a statement, and the address space that it is performed in.
type step struct {
	space int
	stmt  *workloads.Stmt
}

func (s step) String() string { return fmt.Sprintf("[%d] %s", s.space, interp.Stated(s.stmt)) }

// world is a machine on which one task performs steps in several address spaces. It is the host of that task.
type world struct {
	interp.Host
	plan
	name    string
	machine *mm.Machine
	actor   interp.Actor
	spaces  []*mm.MM // by the scenario's address spaces; nil: does not exist
	broken  []string // rules
	seed    maphash.Seed
}

// maxAreas is how many VMAs a world's window has room for.
const maxAreas = 40

func (p plan) newWorld(spec string) (*world, error) {
	set, err := rules.Parse(spec)
	if err != nil {
		return nil, err
	}
	w := &world{plan: p, name: spec, spaces: make([]*mm.MM, len(p.scenario.MMs)), seed: checksums}
	cfg := mm.Config{Rules: set, Memory: 8 << 20, ValidateWrites: true, Report: func(v task.Violation) { w.broken = append(w.broken, v.String()) }}
	cfg.MaxMapCount = maxAreas + interp.WindowFillers(cfg.Settings, p.scenario.Window)
	if w.machine, err = fault.NewMachine(cfg); err != nil {
		return nil, err
	}
	t := w.machine.NewTask("actor")
	w.actor = interp.Actor{Task: t, Decls: p.scenario.Files, Window: p.scenario.Window, Host: w}
	if w.spaces[0], err = interp.NewMM(t, w.machine, p.scenario, workloads.MainMM); err != nil {
		return nil, err
	}
	if p.heap != 0 {
		w.spaces[0].SetHeap(t, p.heap)
	}
	w.actor.Files, err = interp.OpenFiles(t, w.machine.Mem, p.scenario)
	return w, err
}

// checksums is the seed of them all, so that worlds can be compared.
var checksums = maphash.MakeSeed()

// close ends all address spaces. The error is what was left over.
func (w *world) close() error {
	t := w.actor.Task
	for i := len(w.spaces) - 1; i >= 0; i-- {
		if m := w.spaces[i]; m != nil {
			m.Put(t)
		}
	}
	for _, f := range w.actor.Files {
		_ = f.Put(t) // the file is gone already
	}
	w.machine.Settle(t)
	w.machine.EndTask(t)
	var err error
	if left := w.machine.Leaks(); left != "" {
		err = errors.New("leaked: " + left)
	}
	if len(w.broken) > 0 {
		err = errors.Join(err, errors.New(strings.Join(w.broken, "; ")))
	}
	return errors.Join(err, w.machine.Close())
}

// makesSense reports whether a step can be performed: its address space is there, and the first one stays.
func (w *world) makesSense(s step) bool {
	if w.spaces[s.space] == nil {
		return false
	}
	return s.stmt.Kind != workloads.KindExit || s.stmt.MM != nil && s.stmt.MM.Index != 0 || s.stmt.MM == nil && s.space != 0
}

// do performs a step, and returns its outcome in words.
func (w *world) do(s step) string {
	w.actor.MM = w.Acquire(s.space)
	out := w.actor.Perform(s.stmt)
	w.actor.Leave()
	return interp.Describe(s.stmt, out)
}

// Acquire implements [interp.Host], as do the next four.
func (w *world) Acquire(i int) *mm.MM {
	if m := w.spaces[i]; m != nil && m.Get(w.actor.Task) {
		return m
	}
	return nil
}

// Look implements [interp.Host] without a reference: the task is alone.
func (w *world) Look(i int) *mm.MM { return w.spaces[i] }

func (w *world) Reserve(i int) bool { return w.spaces[i] == nil }

func (w *world) Publish(i int, m *mm.MM) { w.spaces[i] = m }

func (w *world) Remove(i int) *mm.MM {
	m := w.spaces[i]
	w.spaces[i] = nil
	return m
}

func (w *world) Forget(m *mm.MM) bool {
	for i, s := range w.spaces {
		if s == m {
			w.spaces[i] = nil
			return true
		}
	}
	return false
}

// state is what the address spaces look like: layout, flags, which VMAs share an anon_vma, what the page tables map, and what is in it.
func (w *world) state() string {
	var b strings.Builder
	anons := map[*vma.AnonVMA]int{nil: 0}
	for i, m := range w.spaces {
		if m != nil {
			fmt.Fprintf(&b, "space %d\n", i)
			w.layout(&b, m, anons)
			w.pages(&b, m)
		}
	}
	return b.String()
}

func (w *world) layout(b *strings.Builder, m *mm.MM, anons map[*vma.AnonVMA]int) {
	t := w.actor.Task
	m.MmapReadLock(t)
	defer m.MmapReadUnlock(t)
	m.Tree.Ascend(t, w.scenario.Window.Base, func(e tree.Entry) bool {
		v := e.VMA
		start, end, pgoff, flags := v.Snapshot()
		if start >= w.scenario.Window.Base+w.scenario.Window.Size {
			return false
		}
		anon, file := v.AnonPeek(), uint32(0)
		if _, known := anons[anon]; !known {
			anons[anon] = len(anons)
		}
		if f := v.FilePeek(); f != nil {
			file = uint32(f.ID())
		}
		links := 0
		for l := v.ChainPeek(); l != nil; l = l.Next {
			links++
		}
		fmt.Fprintf(b, "%#x-%#x %s %v file %d +%#x anon_vma %d of %d\n", start, end, flags.Perms(), flags, file, pgoff, anons[anon], links)
		return true
	})
}

// pages appends what is mapped, with a checksum of the contents.
func (w *world) pages(b *strings.Builder, m *mm.MM) {
	win := w.scenario.Window
	_ = m.Tables.Chunks(w.actor.Task, win.Base, win.Base+win.Size, func(c pgtable.Chunk) error {
		for i := range c.Entries {
			e := c.Entries[i].Peek()
			if e.None() {
				continue
			}
			addr := c.Addr + uint64(i)<<linux.PageShift
			if e.Guard() {
				fmt.Fprintf(b, "%#x guard\n", addr)
				continue
			}
			fmt.Fprintf(b, "%#x special %t write %t exec %t accessible %t dirty %t: %x\n", addr, e.Special(), e.Write(), e.Exec(), e.Accessible(), e.Dirty(),
				maphash.Bytes(w.seed, w.machine.Mem.Bytes(e.PFN())[:]))
		}
		return nil
	})
}

// view is what a generator sees of an address space.
type view struct {
	w     *world
	areas []workloads.Mapping
}

// viewOf returns the view of an address space.
func (w *world) viewOf(space int) view {
	v := view{w: w}
	win := w.scenario.Window
	w.spaces[space].Tree.Ascend(w.actor.Task, win.Base, func(e tree.Entry) bool {
		_, _, _, flags := e.VMA.Snapshot()
		if e.Start < win.Base+win.Size {
			v.areas = append(v.areas, workloads.Mapping{Start: e.Start, End: e.End, Prot: workloads.Prot(flags & linux.VMAccessFlags), Shared: flags&linux.VMMayShare != 0})
		}
		return true
	})
	return v
}

// Window implements [workloads.View], as do the others.
func (v view) Window() (base, end uint64) {
	return v.w.scenario.Window.Base, v.w.scenario.Window.Base + v.w.scenario.Window.Size
}

func (v view) Heap() uint64                 { return v.w.heap }
func (v view) Areas() int                   { return len(v.areas) }
func (v view) Area(i int) workloads.Mapping { return v.areas[i] }
func (v view) Exists(mm int) bool           { return v.w.spaces[mm] != nil }
