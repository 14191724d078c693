// Package deep reads what /proc hides of the VMAs of a process: all bits of
// vm_flags, the page offset of anonymous memory, and which VMAs share an
// anon_vma. It runs a BPF program in the kernel, assembled here with the
// offsets that the kernel's own BTF states, which walks the VMAs with the
// kernel's task_vma iterator.
package deep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// VMA is a vm_area_struct.
type VMA struct {
	Start, End uint64
	Flags      uint64 // vm_flags without VM_SOFTDIRTY, which each VMA has or none, by the kernel's configuration
	Pgoff      uint64 // vm_pgoff, in pages
	AnonPgoff  uint64 // that of the anonymous pages, which kernels since 7.3 tell apart
	AnonVMA    uint64 // where the anon_vma is in the kernel; 0: none. Good for telling one from another, while both exist
	Inherited  bool   // the anon_vma_chain has more than one entry: so it is after a fork
}

func (v VMA) String() string {
	s := fmt.Sprintf("%x-%x flags=%#x pgoff=%#x", v.Start, v.End, v.Flags, v.Pgoff)
	if v.AnonVMA != 0 {
		s += fmt.Sprintf(" anon_vma=%x", v.AnonVMA)
	}
	if v.Inherited {
		s += "*"
	}
	return s
}

// softDirty is VM_SOFTDIRTY.
const softDirty = 1 << 27

// maxVMAs is how many VMAs one run of the program reports; more take more runs.
const maxVMAs = 4096

// Reader reads VMAs. Its methods may be called by several goroutines.
type Reader struct {
	mu      sync.Mutex
	program *ebpf.Program
	found   *ebpf.Map // a record for each VMA
	memory  *ebpf.Memory
	buffer  []byte
	apart   bool // the kernel tells AnonPgoff from Pgoff
}

// TellsAnonPgoff reports whether the kernel has page offsets for anonymous pages apart from vm_pgoff.
func (r *Reader) TellsAnonPgoff() bool { return r.apart }

// Open loads the program. The error says why this kernel does not let us.
func Open() (*Reader, error) {
	k, err := kernelLayout()
	if err != nil {
		return nil, fmt.Errorf("reading VMAs with BPF: %w", err)
	}
	r := &Reader{apart: k.tells(fieldAnonPgoffLow)}
	if err := r.load(k); err != nil {
		r.Close()
		return nil, fmt.Errorf("reading VMAs with BPF: %w", explain(err))
	}
	return r, nil
}

func (r *Reader) load(k *layout) (err error) {
	r.found, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "vmasim_vmas", Type: ebpf.Array, KeySize: 4, ValueSize: recordSize, MaxEntries: maxVMAs, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return err
	}
	if r.memory, err = r.found.Memory(); err != nil {
		return err
	}
	r.buffer = make([]byte, r.memory.Size())
	r.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		// Only what the GPL covers may call the iterator.
		Name: "vmasim_vmas", Type: ebpf.Syscall, Flags: unix.BPF_F_SLEEPABLE, License: "GPL", Instructions: walk(k, r.found.FD()),
	})
	return err
}

// explain adds to what the kernel says why it says so.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("it takes CAP_BPF and CAP_PERFMON: %w", err)
	}
	return err
}

// Close unloads the program.
func (r *Reader) Close() {
	if r.program != nil {
		r.program.Close()
	}
	if r.found != nil {
		r.found.Close() // the memory goes with the last reference
	}
}

// request is the program's context.
type request struct {
	PID        uint64
	Start, End uint64 // VMAs that begin here
	Count      uint64 // out: how many there were, up to maxVMAs
	Error      int64  // out: minus an errno
}

// tries is how often a read is tried while the address space is locked for writing.
const tries = 1000

// VMAs lists those VMAs of a process that begin in [start, end). The error is
// ESRCH if there is no such process, EBUSY if its address space stays locked.
func (r *Reader) VMAs(pid int, start, end uint64) ([]VMA, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []VMA
	for {
		n, err := r.run(request{PID: uint64(pid), Start: start, End: end})
		if err != nil {
			return nil, fmt.Errorf("reading the VMAs of process %d with BPF: %w", pid, err)
		}
		if all, err = r.append(all, n); err != nil {
			return nil, err
		}
		if n < maxVMAs {
			return all, nil
		}
		start = all[len(all)-1].End
	}
}

// run runs the program, and returns how many VMAs it has found.
func (r *Reader) run(q request) (int, error) {
	for range tries {
		answer := q
		if _, err := r.program.Run(&ebpf.RunOptions{Context: &q, ContextOut: &answer}); err != nil {
			return 0, err
		}
		switch errno := unix.Errno(-answer.Error); errno {
		case 0:
			return int(answer.Count), nil
		case unix.EBUSY: // the iterator only tries mmap_lock
		case unix.ENOENT: // it has ended, but its parent has not waited for it yet
			return 0, unix.ESRCH
		default:
			return 0, errno
		}
	}
	return 0, unix.EBUSY
}

// append appends the first n records.
func (r *Reader) append(all []VMA, n int) ([]VMA, error) {
	if _, err := r.memory.ReadAt(r.buffer[:n*recordSize], 0); err != nil {
		return nil, err
	}
	for i := range n {
		word := func(field int) uint64 { return binary.NativeEndian.Uint64(r.buffer[i*recordSize+8*field:]) }
		v := VMA{
			Start: word(fieldStart), End: word(fieldEnd), Flags: word(fieldFlags) &^ softDirty, Pgoff: word(fieldPgoff), AnonVMA: word(fieldAnonVMA),
			Inherited: word(fieldChainFirst) != word(fieldChainLast),
		}
		if v.AnonPgoff = v.Pgoff; r.apart {
			v.AnonPgoff = word(fieldAnonPgoffLow) | word(fieldAnonPgoffHigh)<<32
		}
		all = append(all, v)
	}
	return all, nil
}

// The fields of a record, a word each.
const (
	fieldStart = iota
	fieldEnd
	fieldFlags
	fieldPgoff
	fieldAnonVMA
	fieldChainFirst // both ends of anon_vma_chain: the same for none and for one
	fieldChainLast
	fieldAnonPgoffLow // since 7.3, in two halves
	fieldAnonPgoffHigh
	fields

	recordSize = 8 * fields
)

// The stack of the program.
const (
	stackIterator = -8
	stackIndex    = -16 // of the next record
	stackRecord   = -16 - recordSize
)

// Offsets in the program's context, a request.
const (
	contextPID   = 0
	contextStart = 8
	contextEnd   = 16
	contextCount = 24
	contextError = 32
)

// walk is the program: it writes a record of each VMA into the map.
func walk(k *layout, records int) asm.Instructions {
	const context, task, area = asm.R6, asm.R7, asm.R8
	code := asm.Instructions{
		asm.Mov.Reg(context, asm.R1),
		asm.Mov.Imm(asm.R2, 0),
		asm.StoreMem(asm.RFP, stackIndex, asm.R2, asm.DWord),
		asm.Mov.Imm(asm.R2, -int32(unix.ESRCH)),
		asm.StoreMem(context, contextError, asm.R2, asm.DWord),
		asm.LoadMem(asm.R1, context, contextPID, asm.DWord),
		call(k.taskFromVPID),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(task, asm.R0),

		asm.Mov.Reg(asm.R1, asm.RFP),
		asm.Add.Imm(asm.R1, stackIterator),
		asm.Mov.Reg(asm.R2, task),
		asm.LoadMem(asm.R3, context, contextStart, asm.DWord),
		call(k.iteratorNew),
		asm.LSh.Imm(asm.R0, 32), // it returns an int
		asm.ArSh.Imm(asm.R0, 32),
		asm.StoreMem(context, contextError, asm.R0, asm.DWord),

		asm.Mov.Reg(asm.R1, asm.RFP).WithSymbol("next"),
		asm.Add.Imm(asm.R1, stackIterator),
		call(k.iteratorNext),
		asm.JEq.Imm(asm.R0, 0, "done"),
		asm.Mov.Reg(area, asm.R0),
		// The VMA at the start may begin below it.
		asm.LoadMem(asm.R1, area, k.offsets[fieldStart], asm.DWord),
		asm.LoadMem(asm.R2, context, contextStart, asm.DWord),
		asm.JLT.Reg(asm.R1, asm.R2, "next"),
		asm.LoadMem(asm.R2, context, contextEnd, asm.DWord),
		asm.JGE.Reg(asm.R1, asm.R2, "done"),
	}
	for field, offset := range k.offsets {
		if !k.tells(field) {
			offset = k.offsets[fieldStart] // it is not looked at
		}
		code = append(code,
			asm.LoadMem(asm.R1, area, offset, sizeOf(field)),
			asm.StoreMem(asm.RFP, int16(stackRecord+8*field), asm.R1, asm.DWord))
	}
	return append(code,
		asm.LoadMapPtr(asm.R1, records),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackIndex),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, stackRecord),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnMapUpdateElem.Call(),
		asm.JNE.Imm(asm.R0, 0, "done"), // the map is full
		asm.LoadMem(asm.R1, asm.RFP, stackIndex, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.RFP, stackIndex, asm.R1, asm.DWord),
		asm.Ja.Label("next"),

		asm.Mov.Reg(asm.R1, asm.RFP).WithSymbol("done"),
		asm.Add.Imm(asm.R1, stackIterator),
		call(k.iteratorDestroy),
		asm.LoadMem(asm.R1, asm.RFP, stackIndex, asm.DWord),
		asm.StoreMem(context, contextCount, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, task),
		call(k.taskRelease),

		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
		asm.Return(),
	)
}

// call calls a function of the kernel's, by its BTF id.
func call(id int64) asm.Instruction {
	return asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall, Constant: id}
}
