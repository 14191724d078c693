package deep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// Faults says how the page faults of a thread were handled.
type Faults struct {
	Total    uint64 // faults by its own accesses, those included that end in a signal
	MmapLock uint64 // of these, the ones for which mmap_lock was taken after all
}

// maxThreads is how many threads a FaultCounter watches.
const maxThreads = 8192

// FaultCounter counts page faults of chosen threads, in the kernel, as they
// happen: with BPF programs at two tracepoints, the entry of a fault and the
// acquisition of mmap_lock. It slows the faults of all threads down a little.
type FaultCounter struct {
	threads  *ebpf.Map // thread id -> counts
	fallback symbol
	programs []*ebpf.Program
	links    []link.Link
}

// The fields of a thread's counts, a word each.
const (
	countTotal = iota
	countMmapLock
	countNoted // 1: of the fault in progress there is nothing more to count
	// A cache line for each thread, and more: others must not wait for it.
	countSize = 128
)

// fallbackFunction is where a fault goes that cannot be handled under the VMA
// lock. Others that take mmap_lock in a fault only try, and keep the VMA lock:
// the first write to a VMA, which gives it an anon_vma.
const fallbackFunction = "lock_mm_and_find_vma"

// CountFaults begins. Nothing is counted until Watch. The error says why this
// kernel does not let us.
func CountFaults() (*FaultCounter, error) {
	c := &FaultCounter{}
	if err := c.open(); err != nil {
		c.Close()
		return nil, fmt.Errorf("counting page faults with BPF: %w", explain(err))
	}
	return c, nil
}

func (c *FaultCounter) open() (err error) {
	if err := inInitialPIDNamespace(); err != nil {
		return err
	}
	c.threads, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "vmasim_faults", Type: ebpf.Hash, KeySize: 4, ValueSize: countSize, MaxEntries: maxThreads,
	})
	if err != nil {
		return err
	}
	if c.fallback, err = findSymbol(fallbackFunction); err != nil {
		return err
	}
	for tracepoint, code := range map[string]asm.Instructions{
		"page_fault_user":            beginFault(),
		"page_fault_kernel":          setNoted(1), // always take mmap_lock, and are not the thread's own doing
		"mmap_lock_acquire_returned": c.noteMmapLock(),
	} {
		if err := c.attach(tracepoint, code); err != nil {
			return fmt.Errorf("tracepoint %s: %w", tracepoint, err)
		}
	}
	return nil
}

// inInitialPIDNamespace makes sure that thread ids are what BPF programs call them.
func inInitialPIDNamespace() error {
	const initial = 0xeffffffc // PROC_PID_INIT_INO
	info, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Ino != initial {
		return errors.New("this is a pid namespace of its own: threads have other ids in the kernel")
	}
	return nil
}

func (c *FaultCounter) attach(tracepoint string, code asm.Instructions) error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "vmasim_faults", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint, License: "GPL",
		Instructions: c.program(code),
	})
	if err != nil {
		return err
	}
	c.programs = append(c.programs, program)
	l, err := link.AttachTracing(link.TracingOptions{Program: program, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		return err
	}
	c.links = append(c.links, l)
	return nil
}

// Watch counts the faults of a thread from now on.
func (c *FaultCounter) Watch(tid int) error {
	return c.threads.Put(uint32(tid), make([]byte, countSize))
}

// Count returns what a watched thread has done.
func (c *FaultCounter) Count(tid int) (Faults, error) {
	value := make([]byte, countSize)
	if err := c.threads.Lookup(uint32(tid), value); err != nil {
		return Faults{}, fmt.Errorf("the faults of thread %d: %w", tid, err)
	}
	word := func(field int) uint64 { return binary.NativeEndian.Uint64(value[8*field:]) }
	return Faults{Total: word(countTotal), MmapLock: word(countMmapLock)}, nil
}

// Close ends it.
func (c *FaultCounter) Close() {
	for _, l := range c.links {
		l.Close()
	}
	for _, p := range c.programs {
		p.Close()
	}
	if c.threads != nil {
		c.threads.Close()
	}
}

// Registers of the programs.
const (
	context = asm.R6
	counts  = asm.R7
)

// program finds the counts of the current thread, if it is watched, and goes on with code, which may end by a jump to "out".
// Only the thread itself writes its counts.
func (c *FaultCounter) program(code asm.Instructions) asm.Instructions {
	find := asm.Instructions{
		asm.Mov.Reg(context, asm.R1),
		asm.FnGetCurrentPidTgid.Call(), // the thread's id is the lower half
		asm.StoreMem(asm.RFP, -4, asm.R0, asm.Word),
		asm.LoadMapPtr(asm.R1, c.threads.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(counts, asm.R0),
	}
	return append(append(find, code...),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
		asm.Return(),
	)
}

func beginFault() asm.Instructions { return append(increment(countTotal), setNoted(0)...) }

func setNoted(to int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R1, to),
		asm.StoreMem(counts, 8*countNoted, asm.R1, asm.DWord),
	}
}

// stackDepth is how many callers are looked at: the tracepoint's own come first.
const stackDepth = 16

// noteMmapLock counts a fault, once however often it takes mmap_lock: mmap_lock_acquire_returned(mm, write, success).
func (c *FaultCounter) noteMmapLock() asm.Instructions {
	const write, low, high, stack = 8, asm.R8, asm.R9, -8 - 8*stackDepth
	code := asm.Instructions{
		asm.LoadMem(asm.R1, context, write, asm.DWord),
		asm.And.Imm(asm.R1, 0xff), // a bool
		asm.JNE.Imm(asm.R1, 0, "out"),
		asm.LoadMem(asm.R1, counts, 8*countNoted, asm.DWord),
		asm.JNE.Imm(asm.R1, 0, "out"),
		asm.Mov.Reg(asm.R1, context),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stack),
		asm.Mov.Imm(asm.R3, 8*stackDepth),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnGetStack.Call(), // what it does not need it clears
		asm.LoadImm(low, int64(c.fallback.start), asm.DWord),
		asm.LoadImm(high, int64(c.fallback.end), asm.DWord),
	}
	for i := range stackDepth {
		next := fmt.Sprintf("caller%d", i+1)
		code = append(code,
			asm.LoadMem(asm.R1, asm.RFP, int16(stack+8*i), asm.DWord).WithSymbol(fmt.Sprintf("caller%d", i)),
			asm.JLT.Reg(asm.R1, low, next),
			asm.JLT.Reg(asm.R1, high, "fallback"))
	}
	code = append(code,
		asm.Ja.Label("out").WithSymbol(fmt.Sprintf("caller%d", stackDepth)),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("fallback"),
	)
	return append(append(code, increment(countMmapLock)...), setNoted(1)...)
}

// increment adds one to a field.
func increment(field int16) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, counts, 8*field, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(counts, 8*field, asm.R1, asm.DWord),
	}
}
