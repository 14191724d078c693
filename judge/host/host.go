// Package host performs operations on the real kernel: system calls, loads and
// stores in processes made for nothing else, whose address space it reports.
// It knows nothing of scenarios or of the simulator.
//
// Start re-executes the program as a "nursery", which clones the first "agent"
// off itself. An agent runs a few hundred bytes of assembly (agent_amd64.s):
// it takes operations from memory shared with us when a socket tells it to,
// and survives SIGSEGV and SIGBUS. Everything else that it inherited is
// unmapped. Further agents are forks of agents: a process for a new sequence
// is a fork of one that has been prepared once for its Window.
//
//	program ──control socket── nursery (Go; parent and reaper of all agents)
//	   ├──────socket────────── agent: first
//	   ├──────socket────────── agent: template of a window
//	   └──────socket────────── agent: Process, a fork of the template, or of another Process
//
// No process outlives its reason: an agent ends when our end of its socket is
// closed, all agents are killed when the nursery ends, and the nursery ends
// when our end of the control socket is closed.
//
// The window is the part of an agent's address space that is empty to begin
// with. Around it everything is filled with inaccessible mappings of a file
// that no other process maps, so nothing in the window can merge with them and the
// kernel's own search for free memory finds nothing but the window.
package host

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// errUnsupported says that this architecture has no agents.
var errUnsupported = errors.New("the real kernel can be driven on amd64 only, not on " + runtime.GOARCH)

// ErrLost says that an agent has died or does not answer. The Process is of no
// use any more but for Exit.
var ErrLost = errors.New("the agent is lost")

// ErrHidden says that the kernel does not let us look into processes.
var ErrHidden = errors.New("the memory of processes is hidden")

// Options of a Lab; zero values stand for the defaults.
type Options struct {
	// Timeout is how long an operation may take before its agent counts as
	// lost and is killed: 20 s.
	Timeout time.Duration
	// MmapBase is where processes begin to look for room: linux.MmapBase. The error of Start wraps ErrBase where none can.
	MmapBase uint64
}

// Lab is where Processes live. Its methods may be called by several goroutines.
type Lab struct {
	timeout time.Duration
	base    uint64 // Options.MmapBase
	nursery *os.Process
	control *os.File
	memory  []byte // the slots
	kernel  Kernel
	zero    uint64
	queries bool // PROCMAP_QUERY works
	scans   bool // PAGEMAP_SCAN works

	mu        sync.Mutex
	free      []int // slots
	alive     map[*Process]bool
	first     *Process
	templates map[Window]*Process
	kept      []Area // what agents need: their code and the slots
	filler    int    // in the first agent, the descriptor of the file that fills
}

// Start makes a Lab. The program must call Main first thing.
func Start(o Options) (*Lab, error) {
	if !supported {
		return nil, errUnsupported
	}
	if os.Getenv(nurseryVariable) != "" {
		return nil, errors.New("a nursery cannot start another: the program does not call host.Main")
	}
	l := &Lab{timeout: o.Timeout, base: cmp.Or(o.MmapBase, linux.MmapBase), alive: map[*Process]bool{}, templates: map[Window]*Process{}}
	if l.timeout == 0 {
		l.timeout = 20 * time.Second
	}
	for i := range maxAgents {
		l.free = append(l.free, maxAgents-1-i)
	}
	if err := l.start(); err != nil {
		l.Close()
		if errors.Is(err, ErrBase) {
			return nil, err
		}
		return nil, fmt.Errorf("starting agents: %w", refused(err))
	}
	return l, nil
}

func (l *Lab) start() (err error) {
	if l.kernel, err = readKernel(os.TempDir()); err != nil {
		return err
	}
	control, ours, err := l.startNursery()
	if err != nil {
		return err
	}
	l.control = control
	var g greeting
	if err := binary.Read(control, binary.NativeEndian, &g); err != nil {
		unix.Close(ours)
		if errors.Is(err, io.EOF) {
			err = errors.New("the nursery said nothing: does the program call host.Main?")
		}
		return err
	}
	if l.first, err = l.open(l.takeSlot(), ours, int(g.Agent)); err != nil {
		return err
	}
	if err := l.first.settle(g.Handler); err != nil {
		return err
	}
	_, err = l.first.Peek(0) // nothing is mapped there
	l.kernel.MemoryHidden = errors.Is(err, ErrHidden)
	return nil
}

// startNursery executes this program again, with what agents need.
func (l *Lab) startNursery() (control *os.File, agentSocket int, err error) {
	stack, err := stackFor(l.base, l.kernel.StackGuardGap)
	if err != nil {
		return nil, 0, err
	}
	slots, err := unix.MemfdCreate("vmasim-slots", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, 0, fmt.Errorf("memfd_create: %w", err)
	}
	theirSlots := os.NewFile(uintptr(slots), "slots")
	defer theirSlots.Close()
	if err := theirSlots.Truncate(slotsSize); err != nil {
		return nil, 0, err
	}
	if l.memory, err = unix.Mmap(slots, 0, slotsSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, 0, fmt.Errorf("mapping the slots: %w", err)
	}
	slotAt(l.memory, 0).prepare(0)
	slotAt(l.memory, 0).fd = agentFD
	ourControl, theirControl, err := l.socketPair()
	if err != nil {
		return nil, 0, err
	}
	defer theirControl.Close()
	ourAgent, theirAgent, err := l.socketPair()
	if err != nil {
		unix.Close(ourControl)
		return nil, 0, err
	}
	defer theirAgent.Close()
	err = withoutRandomization(func() (err error) {
		sys := &unix.SysProcAttr{Setsid: true} // Ctrl-C is for us alone
		l.nursery, err = withStack(stack, sys, func() (*os.Process, error) {
			return os.StartProcess("/proc/self/exe", []string{"vmasim-nursery"}, &os.ProcAttr{
				// glibc, in programs with cgo, must leave no memory with the kernel
				// that agents would have to keep.
				Env:   append(os.Environ(), nurseryVariable+"=1", "GLIBC_TUNABLES=glibc.pthread.rseq=0"),
				Files: []*os.File{nil, nil, os.Stderr, theirControl, theirAgent, theirSlots},
				Sys:   sys,
			})
		})
		return err
	})
	if err != nil {
		unix.Close(ourControl)
		unix.Close(ourAgent)
		return nil, 0, err
	}
	return os.NewFile(uintptr(ourControl), "control"), ourAgent, nil
}

// socketPair makes a pair whose reads, on our side, do not wait for ever.
func (l *Lab) socketPair() (ours int, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("socketpair: %w", err)
	}
	timeout := unix.NsecToTimeval(l.timeout.Nanoseconds())
	theirs = os.NewFile(uintptr(pair[1]), "socket")
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		unix.Close(pair[0])
		theirs.Close()
		return 0, nil, fmt.Errorf("SO_RCVTIMEO: %w", err)
	}
	return pair[0], theirs, nil
}

// noRandomization is ADDR_NO_RANDOMIZE of personality(2).
const noRandomization = 0x40000

// withoutRandomization calls f, which starts a process, on a thread whose
// children have no address space randomization.
func withoutRandomization(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const query = 0xffffffff
	before, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, query, 0, 0)
	if errno != 0 {
		return fmt.Errorf("personality: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, before|noRandomization, 0, 0); errno != 0 {
		return fmt.Errorf("personality: %w", errno)
	}
	defer unix.RawSyscall(unix.SYS_PERSONALITY, before, 0, 0)
	return f()
}

// Kernel describes the kernel that the agents run on.
func (l *Lab) Kernel() Kernel { return l.kernel }

// ZeroFrame is the frame number of the shared zero page: 0 if there is none. It
// is not known if there is one, and frame numbers are hidden from us.
func (l *Lab) ZeroFrame() (frame uint64, known bool) {
	return l.zero, l.zero != 0 || !l.kernel.ZeroPage
}

// Process makes a process whose window is empty.
func (l *Lab) Process(w Window) (*Process, error) {
	w, err := l.complete(w)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	template := l.templates[w]
	if template != nil && template.lost != nil {
		template.exit()
		template = nil
	}
	if template == nil {
		if template, err = l.newTemplate(w); err != nil {
			return nil, fmt.Errorf("window %v: %w", w, err)
		}
		l.templates[w] = template
	}
	return template.fork()
}

// Close ends all processes of the Lab and waits until they are gone. They must
// not be used any more, their Scratch included.
func (l *Lab) Close() {
	if l.control != nil {
		l.control.Close()
	}
	if l.nursery != nil {
		l.nursery.Wait()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.alive {
		p.release()
	}
	if l.memory != nil {
		unix.Munmap(l.memory)
		l.memory = nil
	}
}

// takeSlot returns a free slot, or -1. The caller holds l.mu or has l to itself.
func (l *Lab) takeSlot() int {
	if len(l.free) == 0 {
		return -1
	}
	i := l.free[len(l.free)-1]
	l.free = slices.Delete(l.free, len(l.free)-1, len(l.free))
	return i
}
