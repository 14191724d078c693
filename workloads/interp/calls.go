package interp

import (
	"fmt"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
)

// callSpec is what a call is beside its words, which package workloads has: how the simulator makes it, and how a real kernel.
type callSpec struct {
	do     func(a *Actor, c Call) (value uint64, err error) // on the simulator; nil: it is no call
	number uintptr                                          // of the system call; 0: it is none that takes plain numbers
	args   []argument                                       // its arguments, in their order
	traits
	beside mm.Beside // tasks that a machine must be known to have where the statement is
}

// traits are what others need to know of a call.
type traits uint8

const (
	inRange traits = 1 << iota // it changes nothing but the pages and areas of its range
	threads                    // the threads of a process that has other memory, too, can make it
	several                    // it looks VMAs up at other addresses than its own, too
)

// argument is an argument of a system call.
type argument uint8

const (
	addrArg argument = iota
	lenArg
	newLenArg
	newAddrArg
	protArg
	flagsArg
	adviceArg
	optionArg
	valueArg
	fdArg
	offsetArg
)

func (c *Call) argument(a argument, fds []int) uintptr {
	switch a {
	case addrArg:
		return uintptr(c.Addr)
	case lenArg:
		return uintptr(c.Len)
	case newLenArg:
		return uintptr(c.NewLen)
	case newAddrArg:
		return uintptr(c.NewAddr)
	case protArg:
		return uintptr(c.Prot)
	case flagsArg:
		return uintptr(c.Flags)
	case adviceArg:
		return uintptr(c.Advice)
	case optionArg:
		return uintptr(c.Option)
	case valueArg:
		return uintptr(c.Value)
	case offsetArg:
		return uintptr(c.Offset)
	}
	if c.File < 0 { // fdArg
		return ^uintptr(0)
	}
	return uintptr(fds[c.File])
}

// calls are the calls that work on the address space that the task is in.
var calls = [workloads.NumKinds]callSpec{
	workloads.KindMmap: {do: (*Actor).mmap,
		number: linux.SYS_MMAP, args: []argument{addrArg, lenArg, protArg, flagsArg, fdArg, offsetArg}, traits: threads},
	workloads.KindMunmap: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Munmap(a.Task, c.Addr, c.Len) },
		number: linux.SYS_MUNMAP, args: []argument{addrArg, lenArg}, traits: inRange | threads},
	workloads.KindMprotect: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Mprotect(a.Task, c.Addr, c.Len, c.Prot) },
		number: linux.SYS_MPROTECT, args: []argument{addrArg, lenArg, protArg}, traits: inRange | threads},
	workloads.KindRemapFilePages: {do: func(a *Actor, c Call) (uint64, error) {
		return 0, a.MM.RemapFilePages(a.Task, c.Addr, c.Len, c.Prot, c.Value, c.Flags)
	}, number: linux.SYS_REMAP_FILE_PAGES, args: []argument{addrArg, lenArg, protArg, valueArg, flagsArg}},
	workloads.KindMadvise: {do: func(a *Actor, c Call) (uint64, error) {
		return 0, a.MM.Madvise(a.Task, c.Addr, c.Len, toInt(c.Advice))
	}, number: linux.SYS_MADVISE, args: []argument{addrArg, lenArg, adviceArg}, traits: threads},
	workloads.KindMremap: {do: func(a *Actor, c Call) (uint64, error) {
		return a.MM.Mremap(a.Task, c.Addr, c.Len, c.NewLen, c.Flags, c.NewAddr)
	}, number: linux.SYS_MREMAP, args: []argument{addrArg, lenArg, newLenArg, flagsArg, newAddrArg}, traits: threads},
	workloads.KindHeap: {do: func(a *Actor, c Call) (uint64, error) {
		a.MM.SetHeap(a.Task, c.Addr)
		return c.Addr, nil
	}},
	workloads.KindBrk: {do: func(a *Actor, c Call) (uint64, error) { return a.MM.Brk(a.Task, c.Addr), nil },
		number: linux.SYS_BRK, args: []argument{addrArg}},
	workloads.KindMlock: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Mlock2(a.Task, c.Addr, c.Len, toInt(c.Flags)) },
		number: linux.SYS_MLOCK, args: []argument{addrArg, lenArg}, traits: inRange | threads},
	workloads.KindMunlock: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Munlock(a.Task, c.Addr, c.Len) },
		number: linux.SYS_MUNLOCK, args: []argument{addrArg, lenArg}, traits: inRange | threads},
	workloads.KindMlockall: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Mlockall(a.Task, toInt(c.Flags)) },
		number: linux.SYS_MLOCKALL, args: []argument{flagsArg}},
	workloads.KindMunlockall: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Munlockall(a.Task) },
		number: linux.SYS_MUNLOCKALL},
	workloads.KindMseal: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Mseal(a.Task, c.Addr, c.Len, c.Flags) },
		number: linux.SYS_MSEAL, args: []argument{addrArg, lenArg, flagsArg}, traits: inRange | threads},
	workloads.KindMsync: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Msync(a.Task, c.Addr, c.Len, toInt(c.Flags)) },
		number: linux.SYS_MSYNC, args: []argument{addrArg, lenArg, flagsArg}, traits: inRange | threads},
	workloads.KindMincore: {do: func(a *Actor, c Call) (uint64, error) { return countResident(a.MM.Mincore(a.Task, c.Addr, c.Len)) },
		traits: inRange},
	workloads.KindSetrlimit: {do: (*Actor).setrlimit},
	workloads.KindPrctl: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Prctl(a.Task, c.Option, c.Value) },
		number: linux.SYS_PRCTL, args: []argument{optionArg, valueArg}},
	workloads.KindPtdump:   {do: func(a *Actor, c Call) (uint64, error) { return a.MM.Ptdump(a.Task, c.Addr, c.Len) }},
	workloads.KindCollapse: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Collapse(a.Task, c.Addr) }, beside: mm.Collapses},
	workloads.KindMbind: {do: func(a *Actor, c Call) (uint64, error) {
		return 0, a.MM.Mbind(a.Task, c.Addr, c.Value, toInt(c.Flags))
	}, beside: mm.Binds},
	workloads.KindSmapsRollup: {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.SmapsRollup(a.Task) }},
	workloads.KindDamonVMAs:   {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.DamonVMAs(a.Task), nil }},
	workloads.KindTaskVMAs:    {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.TaskVMAs(a.Task) }, traits: several},
	workloads.KindEachVMA:     {do: func(a *Actor, c Call) (uint64, error) { return fault.EachVMA(a.Task, a.MM, c.Addr) }, traits: several},
	workloads.KindReadMaps:    {do: (*Actor).readMaps, traits: several},
	workloads.KindDriverPages: {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.DriverPages(a.Task) }},
	workloads.KindLockBoth:    {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.LockBoth(a.Task, c.Addr, c.NewAddr) }, traits: several},
	workloads.KindFindVMAOf:   {do: (*Actor).findVMAOf},
	workloads.KindPeek:        {do: func(a *Actor, c Call) (uint64, error) { return fault.Peek(a.Task, a.MM, c.Addr) }},
	workloads.KindPoke:        {do: func(a *Actor, c Call) (uint64, error) { return 0, fault.Poke(a.Task, a.MM, c.Addr, c.Value) }},
	workloads.KindSwapoff:     {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.Machine.Swapoff(a.Task), nil }, beside: mm.SwapsOff},
	workloads.KindKSM:         {do: func(a *Actor, _ Call) (uint64, error) { return a.MM.Machine.KSMScan(a.Task), nil }, beside: mm.Scans},
	workloads.KindUprobe: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.Uprobe(a.Task, c.Addr, c.Value) },
		beside: mm.Probes},
	workloads.KindPRead:        {do: func(a *Actor, c Call) (uint64, error) { return 0, fault.PRead(a.Task, a.MM, a.Files[c.File], c.Addr) }},
	workloads.KindBuildID:      {do: func(a *Actor, c Call) (uint64, error) { return fault.BuildID(a.Task, a.MM, c.Addr) }},
	workloads.KindUffdRegister: {do: func(a *Actor, c Call) (uint64, error) { return 0, a.MM.UffdRegister(a.Task, c.Addr, c.Len) }},
	workloads.KindUffdRelease: {do: func(a *Actor, _ Call) (uint64, error) {
		a.MM.UffdRelease(a.Task)
		return 0, nil
	}},
}

// Beside returns the tasks that the machine of a scenario has beside those of processes: those that some statement stands for.
func Beside(sc *workloads.Scenario) (b mm.Beside) {
	for s := range sc.Statements {
		b |= calls[s.Kind].beside
	}
	return b
}

// SystemCall returns the number and the arguments of a call, for the real kernel. fds are the descriptors of the scenario's
// files. Accesses, limits and counting (mincore) are no such calls.
func (c *Call) SystemCall(fds []int) (nr uintptr, args [6]uintptr) {
	spec := &calls[c.Kind]
	if spec.number == 0 {
		panic(fmt.Sprintf("%v is no system call", c.Kind))
	}
	for i, arg := range spec.args {
		args[i] = c.argument(arg, fds)
	}
	if c.Kind == workloads.KindMlock && c.Flags != 0 {
		args[len(spec.args)] = uintptr(c.Flags)
		return linux.SYS_MLOCK2, args
	}
	return spec.number, args
}

// IsCall reports whether statements of this kind are calls or accesses, which [NewCall] makes and [Actor.Do] performs.
func IsCall(kind workloads.Kind) bool {
	switch kind {
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore, workloads.KindLock, workloads.KindWalk:
		return true
	}
	return calls[kind].do != nil
}

// InRange reports whether the call changes nothing but the pages and areas of its range.
func (c *Call) InRange() bool { return calls[c.Kind].traits&inRange != 0 }

// GivesAddress reports whether the value of the call is an address.
func (c *Call) GivesAddress() bool { return c.Kind.Spec().Results&workloads.GivesAddress != 0 }

// ByThreads reports whether a statement of this kind is a system call that the threads of a process can make which has other memory,
// too: those that treat the whole process alike are not.
func ByThreads(kind workloads.Kind) bool { return calls[kind].traits&threads != 0 }

func (a *Actor) mmap(c Call) (uint64, error) {
	args := mm.MmapArgs{Addr: c.Addr, Len: c.Len, Prot: c.Prot, Flags: c.Flags, Offset: c.Offset}
	if c.File >= 0 {
		args.File = a.Files[c.File]
	}
	return a.MM.Mmap(a.Task, args)
}

// setrlimit leaves what is outside the window out of account.
func (a *Actor) setrlimit(c Call) (uint64, error) {
	limit := c.Value
	if c.Resource == linux.RLIMIT_AS {
		limit = withOutside(a.MM.Machine, a.Window, limit)
	}
	a.MM.SetLimit(a.Task, resourceOf(c.Resource), limit)
	return 0, nil
}

// readMaps leaves what is outside the window out of account.
func (a *Actor) readMaps(Call) (uint64, error) {
	if w := a.Window; w != nil {
		return a.MM.ReadMaps(a.Task, w.Base, w.Base+w.Size)
	}
	return a.MM.ReadMaps(a.Task, 0, linux.TaskSize)
}

// findVMAOf finds the other address space as a bpf program finds a task's: by a pointer without a reference.
func (a *Actor) findVMAOf(c Call) (uint64, error) {
	m := a.Host.Look(c.MM)
	if m == nil {
		return 0, linux.ESRCH
	}
	return 0, m.FindVMAOf(a.Task, c.Addr)
}

// toInt is what a call gets whose argument is an int, not a long.
func toInt(n int) int { return int(int32(n)) }

// countResident counts the pages that mincore has found in memory.
func countResident(vec []byte, err error) (pages uint64, _ error) {
	for _, b := range vec {
		pages += uint64(b & 1)
	}
	return pages, err
}

// resourceOf is the model's name of linux.RLIMIT_ number n.
func resourceOf(n int) mm.Resource {
	switch n {
	case linux.RLIMIT_AS:
		return mm.LimitAS
	case linux.RLIMIT_DATA:
		return mm.LimitData
	case linux.RLIMIT_STACK:
		return mm.LimitStack
	default:
		return mm.LimitMemlock
	}
}
