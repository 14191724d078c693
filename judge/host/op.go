package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// An Op is one operation for a Process to perform, made by one of the functions
// below; after Process.Run it has its result.
type Op struct{ operation }

// callOp is a system call with up to six arguments.
func callOp(nr uintptr, args ...uintptr) Op {
	op := Op{operation{kind: opCall, target: uint64(nr)}}
	for i, arg := range args {
		op.args[i] = uint64(arg)
	}
	return op
}

// touchOp touches the byte at addr. A write leaves it as it is. A fetch executes the one instruction at the address, with all registers
// pointing to memory of no importance: what that instruction does or raises does not count, only whether it could be fetched. Zeroes
// do nothing.
func touchOp(addr uint64, access linux.Access) Op {
	return Op{operation{kind: [...]uint64{opRead, opWrite, opExec}[access], target: addr}}
}

// loadOp loads the 8-byte word at addr.
func loadOp(addr uint64) Op { return Op{operation{kind: opLoad, target: addr}} }

// storeOp stores an 8-byte word at addr.
func storeOp(addr, value uint64) Op {
	return Op{operation{kind: opStore, target: addr, args: [6]uint64{value}}}
}

// copyOp copies n bytes, upwards.
func copyOp(to, from uint64, n int) Op {
	return Op{operation{kind: opCopy, target: to, args: [6]uint64{from, uint64(n)}}}
}

// maxErrno is the highest errno that a system call can return.
const maxErrno = 4095

// Result is what a system call returned, with errno 0 if it succeeded.
func (op *Op) Result() (uintptr, unix.Errno) {
	if -op.result-1 < maxErrno {
		return ^uintptr(0), unix.Errno(-op.result)
	}
	return uintptr(op.result), 0
}

// Value is the word loaded.
func (op *Op) Value() uint64 { return op.result }

// The x86 exceptions that matter, and the bit of a page fault's error code that
// says it was a fetch.
const (
	generalProtection = 13
	pageFault         = 14
	faultWasFetch     = 1 << 4
)

// Fault is the signal that the operation raised, if any.
func (op *Op) Fault() Fault {
	f := Fault{Signal: unix.Signal(op.signal), Code: int(int64(op.code)), Addr: op.address}
	if op.kind != opExec {
		return f
	}
	couldNotFetch := op.trap == pageFault && op.trapError&faultWasFetch != 0
	neverGotThere := op.trap == generalProtection && op.ip != op.target
	if couldNotFetch || neverGotThere {
		return f
	}
	return Fault{}
}

// Fault is the signal with which an access ended; the zero value is success.
type Fault struct {
	Signal unix.Signal
	Code   int    // si_code
	Addr   uint64 // si_addr
}

// The si_code values that memory accesses can get.
const (
	MapErr   = 1    // SEGV_MAPERR: nothing mapped there
	AccErr   = 2    // SEGV_ACCERR: mapped, but not for this access
	PkuErr   = 4    // SEGV_PKUERR: denied by a protection key
	AdrErr   = 2    // BUS_ADRERR: no page behind the mapping
	MceErrAr = 4    // BUS_MCEERR_AR: the memory is broken
	SIKernel = 0x80 // SI_KERNEL: no canonical address
)

// faultNames has the kernel's names.
var faultNames = map[Fault]string{
	{}:                                     "ok",
	{Signal: unix.SIGSEGV, Code: MapErr}:   "SEGV_MAPERR",
	{Signal: unix.SIGSEGV, Code: AccErr}:   "SEGV_ACCERR",
	{Signal: unix.SIGSEGV, Code: PkuErr}:   "SEGV_PKUERR",
	{Signal: unix.SIGSEGV, Code: SIKernel}: "SIGSEGV (no canonical address)",
	{Signal: unix.SIGBUS, Code: AdrErr}:    "BUS_ADRERR",
	{Signal: unix.SIGBUS, Code: MceErrAr}:  "BUS_MCEERR_AR",
}

// End returns how the access ended, as far as the simulator knows ends. All else is as if nothing was mapped.
func (f Fault) End() linux.AccessEnd {
	switch {
	case f.OK():
		return linux.OK
	case f.Signal == unix.SIGBUS:
		return linux.Sigbus
	case f.Code == SIKernel:
		return linux.SegvKernel
	case f.Code == AccErr:
		return linux.SegvAccerr
	}
	return linux.SegvMaperr
}

// OK reports whether the access succeeded.
func (f Fault) OK() bool { return f.Signal == 0 }

// String is "ok" or the kernel's name of signal and code, without the address.
func (f Fault) String() string {
	if name, ok := faultNames[Fault{Signal: f.Signal, Code: f.Code}]; ok {
		return name
	}
	return fmt.Sprintf("%s, code %d", unix.SignalName(f.Signal), f.Code)
}
