package host

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// Window is the part of the address space that is under test. The zero value
// stands for a default.
type Window struct {
	Base uint64 // 0: DefaultBase
	Size uint64 // in bytes; 0: 64 pages
	// Heap is where the heap begins, empty, for brk: an address in the window
	// or at its end. 0: brk is always refused.
	Heap uint64
	// Room is how many areas vm.max_map_count leaves to the window. 0: what
	// the few areas outside it leave.
	Room int
}

// DefaultBase is where windows begin if nothing else is said.
const DefaultBase = 0x200000000000

const (
	// lsmFloor is the usual CONFIG_LSM_MMAP_MIN_ADDR.
	lsmFloor = 0x10000
	// maxStripes is more than what takes a second to make.
	maxStripes = 300_000
	// stackGap is what stays filled between what an agent needs and a window
	// above: a stack that grows down looks as far (stack_guard_gap, 1 MiB).
	stackGap = 16 << 20
)

// ErrWindow says that no process can have the window.
var ErrWindow = fmt.Errorf("no process can have this window: %w", unix.EINVAL)

// lowestLarge is above all that an agent needs.
const lowestLarge = 0x10000000

// Whole is the largest window that every process can have: all that lies above what an agent needs.
func Whole() Window { return Window{Base: lowestLarge, Size: linux.TaskSize - lowestLarge} }

func (w Window) String() string {
	s := fmt.Sprintf("%#x-%#x", w.Base, w.End())
	if w.Heap != 0 {
		s += fmt.Sprintf(", heap at %#x", w.Heap)
	}
	if w.Room != 0 {
		s += fmt.Sprintf(", room for %d areas", w.Room)
	}
	return s
}

// End is the address above the window.
func (w Window) End() uint64 { return w.Base + w.Size }

// Pages is the size of the window in pages.
func (w Window) Pages() int { return int(w.Size >> linux.PageShift) }

// complete fills in the defaults and checks. The error wraps ErrWindow.
func (l *Lab) complete(w Window) (Window, error) {
	if w.Base == 0 {
		w.Base = DefaultBase
	}
	if w.Size == 0 {
		w.Size = 64 << linux.PageShift
	}
	bad := func(format string, args ...any) (Window, error) {
		return w, fmt.Errorf("window %v: %s: %w", w, fmt.Sprintf(format, args...), ErrWindow)
	}
	switch {
	case (w.Base|w.Size|w.Heap)%linux.PageSize != 0:
		return bad("base, size and heap must be multiples of the page size")
	case w.Base < lsmFloor || w.Size > linux.TaskSize || w.Base > linux.TaskSize-w.Size:
		return bad("not between %#x and %#x", lsmFloor, uint64(linux.TaskSize))
	case w.Heap != 0 && (w.Heap < w.Base || w.Heap > w.End()):
		return bad("the heap is outside")
	case w.Room < 0:
		return bad("negative room")
	}
	for _, a := range l.kept {
		if w.Base < a.End+stackGap && a.Start < w.End() {
			return bad("a process that performs operations needs %#x to %#x, with %d MiB above", a.Start, a.End, stackGap>>20)
		}
	}
	return w, nil
}

// settle makes the first agent ready to be forked: handlers, nothing inherited, no huge pages.
func (p *Process) settle(handler uint64) error {
	if err := p.catchSignals(handler); err != nil {
		return err
	}
	for _, r := range [][2]uint64{{0, agentFD - 1}, {agentFD + 1, 1<<32 - 1}} {
		if err := p.require("close_range", callOp(unix.SYS_CLOSE_RANGE, uintptr(r[0]), uintptr(r[1]), 0)); err != nil {
			return err
		}
	}
	if err := p.shed(handler); err != nil {
		return err
	}
	// Forks inherit this. Where mappings are placed and VM_HUGEPAGE do not depend on it.
	if err := p.require("PR_SET_THP_DISABLE", callOp(unix.SYS_PRCTL, unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)); err != nil {
		return err
	}
	if err := p.takeProtectionKeys(); err != nil {
		return err
	}
	if err := p.makeFiller(); err != nil {
		return err
	}
	p.probeQueries()
	return p.probe()
}

// require runs operations that are no part of any test and must succeed.
func (p *Process) require(what string, ops ...Op) error {
	if err := p.Run(ops); err != nil {
		return err
	}
	for i := range ops {
		if _, errno := ops[i].Result(); errno != 0 && ops[i].kind == opCall {
			return fmt.Errorf("%s: %w", what, errno)
		}
		if f := ops[i].Fault(); !f.OK() {
			return fmt.Errorf("%s: %v at %#x", what, f, f.Addr)
		}
	}
	return nil
}

func (p *Process) catchSignals(handler uint64) error {
	// The handler does not return, so nothing may stay blocked, and the
	// restorer, which amd64 demands, is never reached.
	*(*signalAction)(unsafe.Pointer(&p.slot.scratch)) = signalAction{handler: handler, flags: saSiginfo | saOnstack | saNodefer | saRestorer, restorer: handler}
	for _, s := range caughtSignals {
		if err := p.require("rt_sigaction", callOp(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(p.ScratchAddr()), 0, 8)); err != nil {
			return err
		}
	}
	return nil
}

const (
	saSiginfo  = 0x4
	saRestorer = 0x04000000
	saOnstack  = 0x08000000
	saNodefer  = 0x40000000
)

// shed unmaps what the agent inherited but does not need: all but its own code
// and the slots.
func (p *Process) shed(handler uint64) error {
	areas, err := p.allAreas()
	if err != nil {
		return err
	}
	for _, a := range areas {
		if a.Start <= handler && handler < a.End || a.Start == slotsBase {
			p.lab.kept = append(p.lab.kept, a)
			continue
		}
		if err := p.require("munmap", callOp(unix.SYS_MUNMAP, uintptr(a.Start), uintptr(a.End-a.Start))); err != nil {
			return err
		}
	}
	return nil
}

// takeProtectionKeys leaves none of the CPU's protection keys, if it has any, to
// execute_only_pkey, which would take one for memory that may only be executed,
// and so make it unreadable: it is as on a CPU without keys then. Forks inherit
// them.
func (p *Process) takeProtectionKeys() error {
	for {
		op, err := p.runOne(callOp(unix.SYS_PKEY_ALLOC, 0, 0))
		if err != nil {
			return err
		}
		if _, errno := op.Result(); errno != 0 {
			return nil
		}
	}
}

// makeFiller gives the agent the file that fills address spaces.
func (p *Process) makeFiller() error {
	copy(p.Scratch(), "vmasim-filler\x00")
	op, err := p.runOne(callOp(unix.SYS_MEMFD_CREATE, uintptr(p.ScratchAddr()), 0))
	if err != nil {
		return err
	}
	fd, errno := op.Result()
	if errno != 0 {
		return fmt.Errorf("memfd_create: %w", errno)
	}
	p.lab.filler = int(fd)
	return nil
}

// newTemplate makes the process whose forks have the window w.
func (l *Lab) newTemplate(w Window) (*Process, error) {
	p, err := l.first.fork()
	if err != nil {
		return nil, err
	}
	p.window = w
	if err = p.fill(); err == nil && w.Heap != 0 {
		err = p.placeHeap()
	}
	if err == nil && w.Room != 0 {
		err = p.leaveRoom()
	}
	if err == nil {
		p.outside, err = p.readOutside()
	}
	if err != nil {
		p.exit()
		return nil, err
	}
	return p, nil
}

// fill maps everything outside the window. The file is one that nothing else
// maps: whatever flags an area in the window gets, it cannot merge.
func (p *Process) fill() error {
	areas, err := p.allAreas()
	if err != nil {
		return err
	}
	areas = append(areas, Area{Start: linux.TaskSize, End: linux.TaskSize})
	low := uint64(lsmFloor)
	var gaps [][2]uint64
	for _, a := range areas {
		for _, gap := range [][2]uint64{{low, min(a.Start, p.window.Base)}, {max(low, p.window.End()), a.Start}} {
			if gap[0] < gap[1] {
				gaps = append(gaps, gap)
			}
		}
		low = max(low, a.End)
	}
	for _, gap := range gaps {
		if err := p.require(fmt.Sprintf("filling %#x-%#x", gap[0], gap[1]), p.fillerOp(gap[0], gap[1])); err != nil {
			return err
		}
	}
	// Below the floor only the privileged may map.
	if lowest := p.lab.kernel.MmapMinAddr; lowest < lsmFloor {
		if _, err := p.runOne(p.fillerOp(max(lowest, linux.PageSize), lsmFloor)); err != nil {
			return err
		}
	}
	return p.require("close", callOp(unix.SYS_CLOSE, uintptr(p.lab.filler)))
}

// fillerOp maps the filler from start to end. Offsets are addresses, so that
// neighbouring fillers are one area.
func (p *Process) fillerOp(start, end uint64) Op {
	const flags = unix.MAP_PRIVATE | unix.MAP_FIXED_NOREPLACE | unix.MAP_NORESERVE
	return callOp(unix.SYS_MMAP, uintptr(start), uintptr(end-start), unix.PROT_NONE, flags, uintptr(p.lab.filler), uintptr(start))
}

// memoryMap is struct prctl_mm_map.
type memoryMap struct {
	startCode, endCode, startData, endData, startBrk, brk, startStack uint64
	argStart, argEnd, envStart, envEnd, auxv                          uint64
	auxvSize                                                          uint32
	exeFD                                                             int32
}

// placeHeap moves the break into the window. Its data segment is empty there,
// so that the heap alone counts against RLIMIT_DATA; the rest of the numbers
// mean nothing to an agent, but the kernel wants them in order.
func (p *Process) placeHeap() error {
	at := p.window.Heap
	const outside = slotsBase
	*(*memoryMap)(unsafe.Pointer(&p.slot.scratch)) = memoryMap{
		startCode: outside, endCode: outside + 1, startData: at, endData: at, startBrk: at, brk: at, startStack: outside,
		argStart: outside, argEnd: outside, envStart: outside, envEnd: outside, exeFD: -1,
	}
	op := callOp(unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, uintptr(p.ScratchAddr()), unsafe.Sizeof(memoryMap{}), 0)
	return p.require("placing the heap (PR_SET_MM_MAP, CONFIG_CHECKPOINT_RESTORE)", op)
}

// leaveRoom uses up the map count: every second page of a filler gets another
// protection, which makes two more areas each.
func (p *Process) leaveRoom() error {
	areas, err := p.allAreas()
	if err != nil {
		return err
	}
	superfluous := p.lab.kernel.MaxMapCount - len(areas) - p.window.Room
	if superfluous < 0 || superfluous > maxStripes {
		return fmt.Errorf("vm.max_map_count is %d: cannot leave room for %d areas by making %d: %w",
			p.lab.kernel.MaxMapCount, p.window.Room, superfluous, ErrWindow)
	}
	// Not next to the window: a stack would look at what it can read.
	i := slices.IndexFunc(areas, func(a Area) bool {
		return a.Prot == unix.PROT_NONE && a.End-a.Start > 2*maxStripes*linux.PageSize && a.End != p.window.Base
	})
	if i < 0 {
		return fmt.Errorf("window %v: nothing beside it is large enough to use up vm.max_map_count: %w", p.window, ErrWindow)
	}
	var ops []Op
	for n := range uint64(superfluous / 2) {
		ops = append(ops, callOp(unix.SYS_MPROTECT, uintptr(areas[i].Start+(1+2*n)*linux.PageSize), linux.PageSize, unix.PROT_READ))
	}
	if superfluous%2 != 0 { // one more: at the end of an area
		ops = append(ops, callOp(unix.SYS_MPROTECT, uintptr(areas[i].End-linux.PageSize), linux.PageSize, unix.PROT_READ))
	}
	return p.require("using up the map count", ops...)
}
