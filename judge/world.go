// Package judge lets the running kernel judge the simulator: it performs the same operations on both, one after the other, and
// compares result, layout, flags and pages after each.
//
// docs/fidelity.md lists what is compared, and what cannot be.
package judge

import (
	"errors"
	"fmt"
	"os"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/judge/deep"
	"vmasim/judge/host"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// Lab is where worlds are made: agents on the kernel, and a simulated machine.
type Lab struct {
	host   *host.Lab
	other  *Lab         // the last one that a scenario with another mmap_base was given; nil: none yet
	kernel host.Kernel  // the judge
	deep   *deep.Reader // nil: what /proc hides is not compared
	rules  rules.Set
	tweak  func(*mm.Config)                  // of the simulator, for tests; nil: nothing
	spoil  func(*interp.Actor, *interp.Call) // changes the simulated side after a call, for tests; nil: nothing
}

// NewLab starts the agents. The program must have called host.Main.
func NewLab() (*Lab, error) {
	h, err := host.Start(host.Options{})
	if err != nil {
		return nil, err
	}
	set, err := rules.Parse(rules.Default)
	if err != nil {
		return nil, err
	}
	return newLabOn(h, set), nil
}

func newLabOn(h *host.Lab, set rules.Set) *Lab { return &Lab{host: h, kernel: h.Kernel(), rules: set} }

// SetRules has the simulator follow other rules than the kernel's. Their generation says which kernels judge.
func (l *Lab) SetRules(s rules.Set) { l.rules, l.kernel.Series = s, s.Judge() }

// Close ends all agents.
func (l *Lab) Close() {
	l.host.Close()
	if l.other != nil {
		l.other.host.Close()
	}
	if l.deep != nil {
		l.deep.Close()
	}
}

// Kernel describes the judge.
func (l *Lab) Kernel() host.Kernel { return l.kernel }

// setting is what a world is made of.
type setting struct {
	scenario   *workloads.Scenario // its files, limits and address spaces
	window     host.Window
	heaps      map[int]uint64 // where those of other address spaces than main begin
	flagsEvery int            // VmFlags are compared after every so many operations at most; where areas are many, less often; 0: never
	exact      bool           // VmFlags as often as that, and everything else after every operation
	chosen     bool           // the scenario chose the window
	exactFrom  int            // likewise, and VmFlags too, after so many operations; 0: not at all
}

// withWindow returns the setting with a scenario that has the window, and no more room for VMAs than it.
func (s setting) withWindow(w host.Window) setting {
	sc := *s.scenario
	sc.Window = &workloads.Window{Base: w.Base, Size: w.Size}
	if w.Room != 0 {
		sc.Limits = []*workloads.Limit{{Kind: workloads.LimitMaxMapCount, Value: uint64(w.Room)}}
	}
	s.scenario, s.window = &sc, w
	return s
}

// world is one simulated process and a real one, with their children, side by side.
type world struct {
	lab        *Lab
	set        setting
	machine    *mm.Machine
	actor      interp.Actor
	spaces     []*space // by the scenario's address spaces; nil: does not exist
	violations []task.Violation
	names      naming
	operations int
	blind      bool               // results are compared, and nothing else
	over       bool               // nothing more can be compared: the sides went apart for a reason that is no drift
	last       *workloads.Outcome // of the operation before, on both sides; nil if there was none
	done       step               // the last one
	call       interp.Call        // and what it was evaluated to
	counts     Coverage
}

// space is one address space, twice.
type space struct {
	sim    *mm.MM
	kernel *process
	heap   uint64 // where it begins; 0: there is none
	brk    uint64 // where the heap ends; 0: where it began

	areas   int // when it was last compared as a whole
	wholeAt int // how many operations had been done then
	flagsAt int // and when VmFlags were last compared
}

// windowMemory is the simulated memory that a world has for each page of its window: all its address spaces may fill
// theirs.
const (
	spareMemory  = 4 << 20
	maxSimMemory = 512 << 20
)

func (l *Lab) newWorld(set setting) (w *world, err error) {
	w = &world{lab: l, set: set, names: newNaming(), counts: newCoverage(), spaces: make([]*space, len(set.scenario.MMs))}
	defer func() {
		if err != nil {
			w.close()
			w = nil
		}
	}()
	files, err := interp.CreateFiles(set.scenario) // a second time, for the kernel
	if err != nil {
		return w, err
	}
	for i, m := range set.scenario.MMs {
		if i == 0 || !m.Forked {
			if err = w.begin(i, files); err != nil {
				break
			}
		}
	}
	if err = errors.Join(err, interp.CloseFiles(files)); err != nil { // the agents have their own
		return w, err
	}
	return w, w.simulate()
}

// begin makes the kernel's side of an address space that is there from the beginning.
func (w *world) begin(i int, files []*os.File) error {
	window := w.set.window
	if i != 0 {
		window.Heap = w.set.heaps[i]
	}
	p, err := w.lab.host.Process(window)
	if err != nil {
		return err
	}
	zero, known := w.lab.host.ZeroFrame()
	made := &space{kernel: &process{Process: p, zero: zero, coarse: !known}, heap: window.Heap}
	w.spaces[i] = made
	if i == 0 {
		w.set = w.set.withWindow(p.Window())
	}
	if made.kernel.fds, err = made.kernel.passFiles(files); err != nil {
		return err
	}
	if err := p.SetLimit(linux.RLIMIT_MEMLOCK, memlock); err != nil {
		return err
	}
	return keepCapabilities(p, w.set.scenario)
}

// memlock is the limit on locked memory that worlds begin with: an unprivileged process may not raise it at will.
const memlock = 1 << 20

// simulate makes the simulated side, which has as much room for VMAs as the kernel leaves.
func (w *world) simulate() error {
	s := w.spaces[0]
	memory := min(uint64(w.set.window.Pages())*linux.PageSize*uint64(1+len(w.spaces))+spareMemory, maxSimMemory)
	cfg := mm.Config{
		Rules: w.lab.rules, Memory: memory, ValidateWrites: true, ReadAround: mm.ReadAroundDevice,
		Report: func(v task.Violation) { w.violations = append(w.violations, v) },
	}
	interp.Configure(&cfg.Settings, w.set.scenario.Machine)
	cfg.MaxMapCount = w.lab.Kernel().MaxMapCount - s.kernel.Outside().Areas + interp.WindowFillers(cfg.Settings, w.set.scenario.Window)
	if w.lab.tweak != nil {
		w.lab.tweak(&cfg)
	}
	var err error
	if w.machine, err = fault.NewMachine(cfg); err != nil {
		return err
	}
	t := w.machine.NewTask("diff")
	w.actor = interp.Actor{Task: t, Decls: w.set.scenario.Files, Window: w.set.scenario.Window}
	for i, s := range w.spaces {
		if s == nil {
			continue
		}
		if s.sim, err = interp.NewMM(t, w.machine, w.set.scenario, w.set.scenario.MMs[i].Name); err != nil {
			return err
		}
		s.sim.SetLimit(t, mm.LimitMemlock, memlock)
		if s.heap != 0 {
			s.sim.SetHeap(t, s.heap)
		}
	}
	if w.actor.Files, err = interp.OpenFiles(t, w.machine.Mem, w.set.scenario); err != nil {
		return err
	}
	return w.warm()
}

// warm brings the files into the simulated page cache, where the kernel has its own: it has just written them. A temporary file
// without a pattern was not written to.
func (w *world) warm() error {
	for i, f := range w.actor.Files {
		decl := w.set.scenario.Files[i]
		for decl.Again != nil {
			decl = w.set.scenario.Files[decl.Again.Index]
		}
		if !f.HasPages() || decl.Temporary() && !decl.Pattern {
			continue
		}
		n, err := f.PageCount(w.actor.Task)
		if err != nil {
			return err
		}
		for i := range n {
			pfn, err := f.Page(w.actor.Task, i)
			if err != nil {
				return err
			}
			w.machine.Mem.Put(w.actor.Task, pfn)
		}
	}
	return nil
}

// close ends all processes and gives the machine back. It returns what the simulator has leaked.
func (w *world) close() error {
	t := w.actor.Task
	for i := len(w.spaces) - 1; i >= 0; i-- { // children first
		if s := w.spaces[i]; s != nil {
			s.kernel.Exit()
			if s.sim != nil {
				s.sim.Put(t)
			}
		}
	}
	if w.machine == nil {
		return nil
	}
	for _, f := range w.actor.Files {
		_ = f.Put(t) // the file is gone already
	}
	var leak error
	if t != nil {
		w.machine.Settle(t)
		w.machine.EndTask(t)
		if text := w.machine.Leaks(); text != "" {
			leak = fmt.Errorf("the simulator has leaked %s", text)
		}
	}
	return errors.Join(leak, w.machine.Close())
}
